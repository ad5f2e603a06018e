internal import SyncCore

/// The moment before which no request is sent, as the backoffs of one kind say.
struct StandingWait {
    private(set) var until = Moment.past

    /// Timers are not exact, and sums of what a clock that drifts counts are not either.
    static let timerNs = 50 * Int64.nsPerMs
    /// What is lost in converting between clocks.
    static let roundingNs: Int64 = 1_000

    /// Takes what a backoff says: it holds for as long as it waits, and never shortens the one that
    /// stands.
    mutating func apply(
        _ event: BackoffApplied, _ logged: LoggedEvent, _ clocks: MachineClocks, nowNs: Int64,
        _ violations: inout Violations
    ) {
        let time = nowNs.saturatingAdd(clocks.trueNs(event.until.since(logged.time)))
        let end = nowNs.saturatingAdd(clocks.trueNs(event.waitMs.saturatingMultiply(.nsPerMs)))
        let least = max(end, until.earliest).saturatingAdd(-Self.roundingNs)
        let most = max(end, until.latest).saturatingAdd(Self.timerNs)
        violations.expect(
            least <= time && time <= most, 10,
            "the backoff at \(logged.position.rawValue) holds for \(time - nowNs) ns, but waits "
                + "for \(event.waitMs) ms")
        until = Moment(
            earliest: time.saturatingAdd(-Self.roundingNs), latest: max(time, until.latest))
    }

    mutating func end() { until = .past }

    mutating func take(_ reboot: Reboot) { until = reboot.deadline(until) }

    /// A request must not come before.
    func check(_ nowNs: Int64, _ what: String, _ at: Position, _ violations: inout Violations) {
        violations.expect(
            nowNs >= until.earliest, 10,
            "the request at \(at.rawValue) comes \(until.earliest.saturatingAdd(-nowNs)) ns before "
                + "the end of the \(what)")
    }

    /// The wait after so many times in a row.
    static func exponential(
        _ base: Int64, _ multiplier: Double, _ times: Int, cap: Int64
    ) -> Int64 {
        var wait = Double(base)
        for _ in 1..<max(times, 1) where wait < Double(cap) { wait *= multiplier }
        return wait < Double(cap) ? Int64(wait) : cap
    }
}
