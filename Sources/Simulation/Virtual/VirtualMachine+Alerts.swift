internal import SyncCore
internal import SyncEngine

/// Looks at the store with the rules of the alerts in hand, as a sync does at its end and
/// `alerts check` between two: what begins or is over is recorded, then told.
extension VirtualMachine {
    /// What begins the watch over the stream, with the request for a run or a look.
    func beginning(_ engine: Engine) -> [Input] {
        guard plan.alerts > 0, engine.control.streams.first?.alerts == nil else { return [] }
        return [.fact(.alertsEvaluated(AlertsEvaluated(rules: AlertRules())), stream: Self.stream)]
    }

    /// Now and then looks, and tells; a process that dies at it leaves the rest to the next one.
    func lookForAlerts() throws {
        guard takes(\.alerts, outOf: 2) else { return }
        if watched.channels.isEmpty || generator.below(6) == 0 { watched = drawRules() }
        try start()
        guard let engine else { return }
        let inputs = startInputs(engine) + beginning(engine)
        guard try process(engine, inputs) == nil else { return }
        let look = observation(engine.control)
        let fact = Input.fact(.alertsEvaluated(look), stream: Self.stream)
        guard try process(engine, [fact]) == nil else { return }
        try judgeAlerts { [steppedWall] in $0.check(look, at: steppedWall, &$1) }
        let (last, now) = (engine.control.position, steppedWall)
        guard try tell(engine) else { return }
        try judgeAlerts { $0.checkTold(since: last, at: now, &$1) }
        stop()
    }

    private func judgeAlerts(_ judge: (AlertAuditor, inout Violations) -> Void) throws {
        var violations = Violations()
        judge(alerts, &violations)
        if !violations.found.isEmpty { throw SimulationFailure(plan, violations.found) }
    }

    // MARK: Telling

    /// - Returns: false when the process ended at it.
    private func tell(_ engine: Engine) throws -> Bool {
        for alert in engine.control.streams.first?.alerts?.alerts ?? [] {
            for pending in alert.pending where pending.isDue(at: now(engine.control)) {
                pass(Int64(generator.below(2_000)) * .nsPerMs)
                let isDelivered = generator.below(3) > 0
                let fact = AlertDelivered(
                    notice: alert.notice, channel: pending.channel, isDelivered: isDelivered,
                    attempts: isDelivered ? 1 : 3, text: isDelivered ? "" : "it does not answer")
                let input = Input.fact(.alertDelivered(fact), stream: Self.stream)
                guard try process(engine, [input]) == nil else { return false }
            }
        }
        return true
    }

    /// By the anchor of the log, which is of this boot.
    private func now(_ control: ControlState) -> LogTime {
        let reading = clock.read()
        return control.clock?.time(atBootNs: reading.bootNs) ?? reading.wall
    }

    // MARK: Looking

    /// What the rules are held against; the sum is another one after each run.
    private func observation(_ control: ControlState) -> AlertsEvaluated {
        guard watched.expensesMovedPpm != nil, let state = control.streams.first?.alerts,
            let verdict = state.verdict, verdict.outcome != .failed,
            verdict.end != state.expenses?.end
        else { return AlertsEvaluated(rules: watched) }
        guard let old = state.expenses.flatMap({ Int64($0.total) }) else {
            return AlertsEvaluated(rules: watched, expenses: "1000000000")
        }
        let ppm = [0, 1_000, 200_000][generator.below(3)]
        let moved = old / 1_000_000 * Int64(generator.below(2) == 0 ? ppm : -ppm)
        return AlertsEvaluated(
            rules: watched, expenses: "\(old + moved)", movedPpm: UInt64(ppm))
    }

    private func drawRules() -> AlertRules {
        var rules = AlertRules()
        rules.failed = isDrawn
        rules.partial = isDrawn
        rules.parkedMs = isDrawn ? drawMs() : nil
        rules.noSuccessMs = isDrawn ? drawMs() : nil
        rules.rateLimitedPpm = isDrawn ? UInt64(generator.below(200_000)) : nil
        rules.expensesMovedPpm = isDrawn ? UInt64(generator.below(100_000)) : nil
        rules.remindMs = isDrawn ? drawMs() : nil
        rules.channels = ["pager"].map(drawChannel)
        for name in ["hook", "file"] where isDrawn { rules.channels.append(drawChannel(name)) }
        return rules
    }

    /// All alerts for most, some for others.
    private func drawChannel(_ name: String) -> AlertRules.Channel {
        let some = AlertRule.allCases.filter { _ in generator.below(3) == 0 }
        return AlertRules.Channel(
            name: name, rules: generator.below(3) == 0 ? some : [],
            tellsRecovery: isDrawn)
    }

    private var isDrawn: Bool { generator.below(4) > 0 }

    /// As long as a pause between two runs, or two, or none.
    private func drawMs() -> Int64 { Int64(generator.below(2 * plan.pauseMs + 1)) }
}
