/// The limiter's memory: what was sent, what the server asked for, and what its refusals taught.
package struct LimiterState: Sendable, Equatable {
    package var slots = SlotHistory()
    /// Those of `slots` whose requests were refused.
    package var refused = SlotHistory()
    /// No request before this boot-clock reading.
    package var cooldownUntilNs: Int64?
    /// When the log was restored from a backup, by the boot clock: what was sent between the two is
    /// not known.
    package var restoredNs: Int64?
    /// 429s in a row, each within one window of the one before.
    package var strikes: UInt32 = 0
    /// The event that began or extended the last cooldown: what was on the wire then, and is
    /// refused too, is the same refusal.
    package var cooldownAt = Position.none
    package var lastLimitedNs: Int64?
    /// At most one a window.
    package var learned: [LearnedLimit] = []
    package var suspected: SuspectedLimit?
    /// A request was admitted since the last refusal.
    package var admittedSince = false
    /// How long answers take: the slowest of late, fading by an eighth with each answer.
    package var latencyNs: Int64 = 0

    package init() {}

    /// The learned limit that is in force; nil where none is, or it has risen to the configured
    /// one.
    package func learnedLimit(of window: RateWindow, now: Int64) -> LearnedLimit? {
        learned.first {
            $0.isAbout(window) && $0.requests(now: now) < min($0.configured, window.requests)
        }
    }

    /// What a window admits at `now`: what is configured, or less where that was learned.
    package func limit(of window: RateWindow, now: Int64) -> Int {
        learnedLimit(of: window, now: now)?.requests(now: now) ?? window.requests
    }

    /// The windows with what they admit at `now`.
    package func windows(_ configured: [RateWindow], now: Int64) -> [RateWindow] {
        configured.map {
            RateWindow(name: $0.name, requests: limit(of: $0, now: now), periodNs: $0.periodNs)
        }
    }

    /// The first moment, from `now` on, at which every window admits one more request.
    ///
    /// - Parameter held: requests whose response has not come: they hold a slot in each window.
    /// - Returns: nil when only a response can free a slot.
    package func earliest(windows: [RateWindow], held: Int, now: Int64) -> Int64? {
        var time = now
        // A learned limit may rise before a slot runs out. Each round of the loop but the last ends
        // at a raise, and the first few decide; without a learned limit there is one.
        for _ in 0..<Self.mostRaises {
            guard let free = earliest(windows, held: held, at: time) else { return nil }
            guard let raise = nextRaiseNs(of: windows, now: time), raise < free else { return free }
            time = raise
        }
        return time
    }

    private static let mostRaises = 1_024

    /// The same by the limits that hold at `now`.
    private func earliest(_ windows: [RateWindow], held: Int, at now: Int64) -> Int64? {
        var earliest = now
        for window in windows {
            guard let free = slots.earliest(in: window, held: held, now: now) else { return nil }
            earliest = max(earliest, free)
            guard let known = learnedLimit(of: window, now: now) else { continue }
            guard let free = self.earliest(under: known, held: held, at: now) else { return nil }
            earliest = max(earliest, free)
        }
        return earliest
    }

    /// The same by a learned limit, which is one of admitted requests: what was refused counts in
    /// the configured window alone.
    ///
    /// A limit below the configured one is a bound that was found by being refused, so:
    /// - what lies above the admitted number is tried by a request that is alone on the wire;
    /// - no more are on the wire than keep the window full (Little's law): each one too many is
    ///   refused when another limit is found.
    private func earliest(under known: LearnedLimit, held: Int, at now: Int64) -> Int64? {
        let limit = known.requests(now: now)
        let perPeriod = Double(limit) * Double(latencyNs) / Double(max(known.periodNs, 1))
        let inFlight = 1 + Int(min(max(perPeriod, 0), 1_000_000))
        let requests = held > 0 ? min(limit, known.requests) : limit
        let window = RateWindow(name: known.window, requests: requests, periodNs: known.periodNs)
        guard held == 0 || inFlight > held, requests > held else { return nil }
        if let time = admittedTime(ofNewest: requests - held) {
            return max(now, time.saturatingAdd(window.holdNs))
        }
        return slots.buckets.isEmpty ? now : slots.earliest(in: window, held: held, now: now)
    }

    /// The boot-clock reading before which a restored log may send nothing; nil where it may.
    ///
    /// Every window counts as full of requests that were sent, unknown to the log, until it was
    /// restored, and that arrived as late as the delivery bound admits.
    package func unknownUntilNs(_ limits: LimitPolicy) -> Int64? {
        guard let restoredNs, let hold = limits.windows.map(\.holdNs).max() else { return nil }
        return restoredNs.saturatingAdd(limits.deliveryBoundMs.saturatingMultiply(.nsPerMs))
            .saturatingAdd(hold)
    }

    /// The first moment, from `now` on, that neither a cooldown nor a restore forbids.
    package func free(under limits: LimitPolicy, now: Int64) -> Int64 {
        max(now, cooldownUntilNs ?? now, unknownUntilNs(limits) ?? now)
    }

    /// How many requests the server admitted after `time`.
    func admitted(after time: Int64) -> Int {
        slots.count(after: time) - refused.count(after: time)
    }

    /// When the admitted request with this number was answered, the newest being 1; nil where so
    /// many are not known one by one.
    func admittedTime(ofNewest number: Int) -> Int64? {
        var left = number
        var refusals = ArraySlice(refused.times)
        for time in slots.times.reversed() {
            while let last = refusals.last, last > time { refusals.removeLast() }
            if refusals.last == time {
                refusals.removeLast()
                continue
            }
            left -= 1
            if left == 0 { return time }
        }
        return nil
    }

    /// A request was admitted: counts it against what is suspected, if it speaks against that.
    mutating func contradict(_ sentNs: Int64, _ windows: [RateWindow]) {
        guard let suspected,
            let window = windows.first(where: { $0.name == suspected.window }),
            admitted(after: sentNs.saturatingAdd(-window.periodNs)) >= suspected.requests
        else { return }
        self.suspected?.contradictions += 1
        if suspected.contradictions + 1 >= SuspectedLimit.mostContradictions {
            self.suspected = nil
        }
    }

    private func nextRaiseNs(of windows: [RateWindow], now: Int64) -> Int64? {
        windows.compactMap { learnedLimit(of: $0, now: now)?.nextRaiseNs(now: now) }.min()
    }

    /// Whether a cooldown lasts so long that no window explains it: neither one of the
    /// configuration, nor a day's that nobody configured. Our own may be longer than a period by
    /// what is drawn.
    func waits(beyond longestPeriodNs: Int64, now: Int64) -> Bool {
        guard let cooldownUntilNs else { return false }
        let longest = max(longestPeriodNs, Self.dayNs).saturatingMultiply(2)
        return cooldownUntilNs.saturatingAdd(-now) > longest
    }

    private static let dayNs: Int64 = 86_400 * .nsPerSecond

    mutating func forget(_ event: LimitsForgotten) {
        learned = []
        suspected = nil
        guard event.endsWait else { return }
        cooldownUntilNs = nil
        strikes = 0
    }

    /// Carries what is measured by the boot clock over to another boot.
    mutating func rebase(_ convert: (Int64) -> Int64) {
        slots.rebase(convert)
        refused.rebase(convert)
        lastLimitedNs = lastLimitedNs.map(convert)
        restoredNs = restoredNs.map(convert)
        for index in learned.indices { learned[index].sinceNs = convert(learned[index].sinceNs) }
    }
}
