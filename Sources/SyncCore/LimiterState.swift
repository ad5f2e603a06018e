/// The limiter's memory: what was sent, what the server asked for, and what its refusals taught.
package struct LimiterState: Sendable, Equatable {
    package var slots = SlotHistory()
    /// Those of `slots` whose requests were refused.
    package var refused = SlotHistory()
    /// No request before this boot-clock reading.
    package var cooldownUntilNs: Int64?
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
        learned.first { $0.isAbout(window) && $0.requests(now: now) < window.requests }
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
            let limited = limited(window, held: held, at: now)
            guard held == 0 || limited.inFlight > held,
                let free = slots.earliest(in: limited.window, held: held, now: now)
            else { return nil }
            earliest = max(earliest, free)
        }
        return earliest
    }

    /// A window as it was learned, and how many requests may be in flight under it.
    ///
    /// A limit below the configured one is a bound that was found by being refused, so:
    /// - what lies above the admitted number is tried by a request that is alone on the wire;
    /// - no more are on the wire than keep the window full (Little's law): each one too many is
    ///   refused when another limit is found.
    private func limited(
        _ window: RateWindow, held: Int, at now: Int64
    ) -> (window: RateWindow, inFlight: Int) {
        guard let known = learnedLimit(of: window, now: now) else { return (window, .max) }
        let limit = known.requests(now: now)
        let perPeriod = Double(limit) * Double(latencyNs) / Double(max(window.periodNs, 1))
        let inFlight = 1 + Int(min(max(perPeriod, 0), 1_000_000))
        let requests = held > 0 ? min(limit, known.requests) : limit
        return (
            RateWindow(name: window.name, requests: requests, periodNs: window.periodNs), inFlight
        )
    }

    private func nextRaiseNs(of windows: [RateWindow], now: Int64) -> Int64? {
        windows.compactMap { learnedLimit(of: $0, now: now)?.nextRaiseNs(now: now) }.min()
    }

    /// Whether a cooldown lasts so long that no window of the configuration explains it; our own
    /// may be longer than a period by what is drawn.
    func waits(beyond longestPeriodNs: Int64, now: Int64) -> Bool {
        guard let cooldownUntilNs else { return false }
        return cooldownUntilNs.saturatingAdd(-now) > longestPeriodNs.saturatingMultiply(2)
    }

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
        for index in learned.indices { learned[index].sinceNs = convert(learned[index].sinceNs) }
    }
}
