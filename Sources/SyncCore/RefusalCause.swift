/// Which window a refusal came from, as far as that can be told.
struct RefusalCause {
    let window: RateWindow
    /// What the server admitted in the window's last period.
    let admitted: Int
    /// What the window was believed to admit.
    let believed: Int
    let known: LearnedLimit?

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
            let admitted = limiter.slots.count(after: from) - limiter.refused.count(after: from)
            guard admitted > 0 else { continue }
            let known = limiter.learnedLimit(of: window, now: now)
            let base = max(known?.requests ?? window.requests, 1)
            let fullness = Double(admitted + others) / Double(base)
            if let best, best.fullness >= fullness { continue }
            best = (
                RefusalCause(
                    window: window, admitted: admitted,
                    believed: limiter.limit(of: window, now: now), known: known),
                fullness
            )
        }
        guard let best else { return nil }
        self = best.cause
    }

    private init(window: RateWindow, admitted: Int, believed: Int, known: LearnedLimit?) {
        self.window = window
        self.admitted = admitted
        self.believed = believed
        self.known = known
    }

    /// What is learned from it.
    ///
    /// Where less than half of what was believed was admitted, another client may have used the
    /// rest, or the server may be overloaded: that is believed when it happens twice.
    func lesson(_ limiter: LimiterState) -> LimitLearned {
        let isPlausible = admitted.saturatingMultiply(2) >= believed || isExpected(limiter)
        guard isPlausible else {
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

    private func isExpected(_ limiter: LimiterState) -> Bool {
        guard let suspected = limiter.suspected, suspected.window == window.name,
            limiter.admittedSince
        else { return false }
        return abs(suspected.requests - admitted) <= max(1, admitted / 4)
    }
}
