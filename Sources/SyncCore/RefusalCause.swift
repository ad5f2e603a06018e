/// Which window a refusal came from, as far as that can be told.
struct RefusalCause {
    let window: RateWindow
    /// What the server admitted in the window's last period.
    let admitted: Int
    /// What the window was believed to admit.
    let believed: Int
    let known: LearnedLimit?
    /// The server names the wait after which the oldest of these requests leaves the window.
    let isExplained: Bool
    /// The shortest window, of which a wrong limit does little harm.
    let forgetsQuickly: Bool

    /// Finds the window that was the fullest, by what it is known to admit.
    ///
    /// The server names no window. One that is nearly full refuses more likely than one that is
    /// nearly empty; and no window makes a client wait for longer than its period.
    ///
    /// - Parameters:
    ///   - sentNs: when the refused request was sent.
    ///   - waitMs: how long the server asks to wait.
    ///   - others: further requests on the wire.
    /// - Returns: nil where no window can be the cause.
    init?(
        _ limiter: LimiterState, _ windows: [RateWindow], sentNs: Int64, now: Int64,
        waitMs: Int64?, others: Int
    ) {
        var best: (cause: RefusalCause, fullness: Double)?
        for window in windows.sorted(by: { $0.periodNs < $1.periodNs }) {
            // A second for what servers round up.
            if let waitMs, waitMs.saturatingMultiply(.nsPerMs) > window.periodNs + .nsPerSecond {
                continue
            }
            let from = sentNs.saturatingAdd(-window.periodNs)
            let admitted = limiter.admitted(after: from)
            guard admitted > 0 else { continue }
            let known = limiter.learnedLimit(of: window, now: now)
            let base = max(known?.requests ?? window.requests, 1)
            let fullness = Double(admitted + others) / Double(base)
            if let best, best.fullness >= fullness { continue }
            let believed = limiter.limit(of: window, now: now)
            best = (
                RefusalCause(
                    window: window, admitted: admitted, believed: believed, known: known,
                    isExplained: limiter.explains(
                        waitMs, window, admitted: admitted, believed: believed, sentNs: sentNs,
                        now: now),
                    forgetsQuickly: LearnedLimit.forgetsQuickly(periodNs: window.periodNs)
                        && !windows.contains { $0.periodNs < window.periodNs }),
                fullness
            )
        }
        guard let best else { return nil }
        self = best.cause
    }

    private init(
        window: RateWindow, admitted: Int, believed: Int, known: LearnedLimit?, isExplained: Bool,
        forgetsQuickly: Bool
    ) {
        self.window = window
        self.admitted = admitted
        self.believed = believed
        self.known = known
        self.isExplained = isExplained
        self.forgetsQuickly = forgetsQuickly
    }

    /// What is learned from it.
    ///
    /// One refusal alone may have nothing to do with how much was sent: a server is overloaded, or
    /// another client has used the rest. It is believed where the wait that comes with it is that
    /// of the window, and else when it happens twice.
    func lesson(_ limiter: LimiterState) -> LimitLearned {
        guard isBelieved(limiter) else {
            return LimitLearned(
                kind: .suspected, window: window.name, periodNs: window.periodNs,
                requests: UInt32(clamping: admitted), ceiling: UInt32(clamping: believed),
                confirmations: 0)
        }
        // A refusal never shows that more is admitted than was known to be.
        let ceiling = max(known?.requests ?? believed - 1, 1)
        let requests = min(admitted, ceiling)
        let isConfirmed = known.map { requests >= $0.requests } ?? false
        let confirmations = known?.confirmations ?? 0
        return LimitLearned(
            kind: .refused, window: window.name, periodNs: window.periodNs,
            requests: UInt32(clamping: requests), ceiling: UInt32(clamping: ceiling),
            confirmations: isConfirmed
                ? min(confirmations + 1, LearnedLimit.mostConfirmations) : 0)
    }

    private func isBelieved(_ limiter: LimiterState) -> Bool {
        if let known {
            // What is known was refused before.
            if admitted >= known.requests { return true }
        } else if isExplained || forgetsQuickly && isHalf(admitted, of: believed) {
            return true
        }
        guard let suspected = limiter.suspected, suspected.window == window.name else {
            return false
        }
        guard limiter.admittedSince else { return isHalf(admitted, of: believed) }
        return abs(suspected.requests - admitted) <= max(1, admitted / 4)
    }
}

private func isHalf(_ admitted: Int, of believed: Int) -> Bool {
    admitted.saturatingMultiply(2) >= believed
}

extension LimiterState {
    /// Whether a server that counts the requests of a window's last period would name this wait:
    /// until the oldest of them leaves it.
    ///
    /// It is known when they were answered, not when they arrived: the difference is what answers
    /// take. Servers round up to a second. Where that is much of the period, any wait would do. And
    /// that a few requests are all as new as the refused one says nothing: a whole period is what
    /// servers name that count otherwise, or not at all.
    fileprivate func explains(
        _ waitMs: Int64?, _ window: RateWindow, admitted: Int, believed: Int, sentNs: Int64,
        now: Int64
    ) -> Bool {
        guard let waitMs,
            let oldest = admittedTime(ofNewest: admitted)
        else { return false }
        let wait = waitMs.saturatingMultiply(.nsPerMs)
        let leaves = oldest.saturatingAdd(window.periodNs)
        let slack = max(latencyNs, now.saturatingAdd(-sentNs)).saturatingAdd(.nsPerSecond)
        return slack <= window.periodNs / 4
            && abs(leaves.saturatingAdd(-now.saturatingAdd(wait))) <= slack
            && (isHalf(admitted, of: believed)
                || wait.saturatingAdd(2 * slack) < window.periodNs)
    }
}
