internal import SyncCore

/// Judges what holds of the limits while people change them, and forget what was learned of them.
///
/// A request is bound by the policy of the run that it is of: one that is lowered holds for every
/// request from the moment on at which the run is asked for, counting what was sent before.
struct LimitAuditor {
    /// The windows of each run, from its `RunRequested` on.
    private var policies: [(since: Position, windows: [RateWindow])] = []
    /// Windows of which a limit was learned.
    private var learned: Set<String> = []
    /// The next event has to forget these.
    private var owes: (windows: Set<String>, endsWait: Bool)?

    /// - Parameter control: what the events before lead to.
    mutating func take(
        _ logged: LoggedEvent, _ control: ControlState, _ coverage: inout SimulationCoverage,
        _ violations: inout Violations
    ) {
        let at = logged.position.rawValue
        let owed = owes
        owes = nil
        switch logged.event {
        case .runRequested(let event):
            policies.append((logged.position, event.policy.limits.windows))
            if event.options.forgetLimits { forget(event.policy, logged.time, control) }
        case .limitLearned(let event):
            if event.kind != .suspected { learned.insert(event.window) }
        case .limitsForgotten(let event):
            coverage.count(event.endsWait ? .waitForgotten : .limitsForgotten)
            violations.expect(
                owed != nil && Set(event.windows) == owed?.windows
                    && event.endsWait == owed?.endsWait, 3,
                "what is forgotten at \(at) is not what was learned")
            learned = []
            return
        default: break
        }
        violations.expect(owed == nil, 3, "what was to be forgotten at \(at) is not")
    }

    /// A wait that two periods of the longest window don't explain, nor two days, is over too.
    private mutating func forget(_ policy: Policy, _ time: LogTime, _ control: ControlState) {
        let longest = max(policy.limits.windows.map(\.periodNs).max() ?? 0, 86_400 * .nsPerSecond)
        let wait = control.limiter.cooldownUntilNs.map {
            $0.saturatingAdd(-control.bootNs(at: time))
        }
        let endsWait = wait.map { $0 > 2 * longest } ?? false
        let isSuspected = control.limiter.suspected != nil
        guard !learned.isEmpty || isSuspected || endsWait else { return }
        owes = (learned, endsWait)
    }

    /// Invariant 3 for arrivals of which the log knows the intents: no window has more of them than
    /// the policy admits of the one in it that was sent last, since the others were known then.
    ///
    /// - Parameter arrivals: in the order of their times.
    func check(
        _ arrivals: [(timeNs: Int64, intent: Position)], _ violations: inout Violations
    ) {
        guard Set(policies.map { $0.windows.map(\.requests) }).count > 1 else { return }
        let periods = Set(policies.flatMap { $0.windows.map(\.periodNs) }).sorted()
        for period in periods {
            for end in arrivals.indices {
                var last = Position.none
                for start in arrivals[...end].indices.reversed() {
                    guard arrivals[start].timeNs > arrivals[end].timeNs - period else { break }
                    last = max(last, arrivals[start].intent)
                    let count = end - start + 1
                    guard let most = limit(of: last, period), count > most else { continue }
                    violations.note(
                        3,
                        "\(count) requests came within a window of \(period) ns up to that of "
                            + "intent \(last.rawValue), which admits \(most)")
                    return
                }
            }
        }
    }

    private func limit(of intent: Position, _ period: Int64) -> Int? {
        policies.last { $0.since < intent }?.windows.first { $0.periodNs == period }?.requests
    }
}
