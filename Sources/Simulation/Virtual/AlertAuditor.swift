internal import SyncCore

/// Judges which alerts begin, are told again and are over, and who is told of them: each once, and
/// nobody never.
///
/// A look that changes nothing is no event, so whoever looks says what it looked for (`check`), and
/// when all that is due was to be told (`checkTold`).
struct AlertAuditor {
    /// An alert that stands.
    private struct Standing {
        let raised: Position
        var reminder: UInt32 = 0
        /// When it was raised, or told again.
        var noticeAt: LogTime
    }

    /// A channel that is still to be told of something.
    private struct Debt {
        let channel: String
        var failures = 0
        var tried = Position.none
        /// When it was tried last; nil where the clock was set since, so that nothing follows.
        var triedAt: LogTime?

        /// At once after the first failure, then after a minute, two, four ... at most an hour.
        func isDue(at now: LogTime) -> Bool {
            guard failures > 1 else { return true }
            guard let triedAt else { return false }
            return now >= triedAt.adding(ms: min(60_000 << Int64(min(failures - 2, 6)), 3_600_000))
        }
    }

    /// What is to be told of a rule; the next one takes its place.
    private struct Notice {
        let position: Position
        /// The engines that had started by then.
        let starts: Int
        var debts: [Debt]
    }

    private var grounds = AlertGrounds()
    private var standing: [AlertRule: Standing] = [:]
    private var notices: [AlertRule: Notice] = [:]
    /// The look of the step that is read; nil in one that is none.
    private var look: AlertsEvaluated?
    private var starts = 0

    mutating func take(
        _ logged: LoggedEvent, _ coverage: inout SimulationCoverage, _ violations: inout Violations
    ) {
        if logged.startsStep { look = nil }
        switch logged.event {
        case .clockAnchored(let event):
            if event.isEngineStart { starts += 1 }
            forgetTimes()
        case .alertsEvaluated(let event): looked(event)
        case .alertRaised(let event): raised(event, logged, &coverage, &violations)
        case .alertRecovered(let event): recovered(event, logged, &coverage, &violations)
        case .alertDelivered(let event): delivered(event, logged, &coverage, &violations)
        default: break
        }
        grounds.take(logged)
    }

    /// Whoever is no longer a channel is told of nothing.
    private mutating func looked(_ event: AlertsEvaluated) {
        look = event
        let names = event.rules.channels.map(\.name)
        for rule in notices.keys { notices[rule]?.debts.removeAll { !names.contains($0.channel) } }
    }

    private mutating func forgetTimes() {
        for rule in notices.keys {
            for index in notices[rule]?.debts.indices ?? 0..<0 {
                notices[rule]?.debts[index].triedAt = nil
            }
        }
    }

    // MARK: Decisions

    private mutating func raised(
        _ event: AlertRaised, _ logged: LoggedEvent, _ coverage: inout SimulationCoverage,
        _ violations: inout Violations
    ) {
        let place = "the alert \(event.rule.name) at \(logged.position.rawValue)"
        guard let look else {
            violations.note(0, "\(place) is raised without a look")
            return
        }
        let holds = grounds.holds(event.rule, look, at: logged.time)
        if event.reminder == 0 {
            violations.expect(
                standing[event.rule] == nil, 2, "\(place) is raised, though it stands")
            violations.expect(holds == true, 0, "\(place) is raised, though its rule finds nothing")
            coverage.count(SimulationCoverage.kind(of: event.rule))
            standing[event.rule] = Standing(raised: logged.position, noticeAt: logged.time)
        } else {
            checkReminder(event, look, at: logged.time, place, &violations)
            violations.expect(holds != false, 0, "\(place) is told again, though it is over")
            coverage.count(.alertReminded)
            standing[event.rule]?.reminder = event.reminder
            standing[event.rule]?.noticeAt = logged.time
        }
        let channels = look.rules.channels.filter { $0.takes(event.rule) }
        owe(
            event.channels, channels, of: event.rule, logged.position, place, &coverage, &violations
        )
    }

    private func checkReminder(
        _ event: AlertRaised, _ look: AlertsEvaluated, at time: LogTime, _ place: String,
        _ violations: inout Violations
    ) {
        guard let alert = standing[event.rule] else {
            violations.note(0, "\(place) is told again, though it doesn't stand")
            return
        }
        violations.expect(
            event.reminder == alert.reminder + 1, 2,
            "\(place) is told as reminder \(event.reminder) after \(alert.reminder)")
        let isDue = look.rules.remindMs.map { time >= alert.noticeAt.adding(ms: $0) } ?? false
        violations.expect(isDue, 2, "\(place) is told again before its time")
    }

    private mutating func recovered(
        _ event: AlertRecovered, _ logged: LoggedEvent, _ coverage: inout SimulationCoverage,
        _ violations: inout Violations
    ) {
        let place = "the end of the alert \(event.rule.name) at \(logged.position.rawValue)"
        guard let look else {
            violations.note(0, "\(place) is told without a look")
            return
        }
        violations.expect(
            standing[event.rule]?.raised == event.raised, 0,
            "\(place) is that of \(event.raised.rawValue), which doesn't stand")
        violations.expect(
            grounds.holds(event.rule, look, at: logged.time) == false, 0,
            "\(place) is told, though its rule does not say so")
        standing[event.rule] = nil
        let channels = look.rules.channels.filter { $0.takes(event.rule) && $0.tellsRecovery }
        owe(
            event.channels, channels, of: event.rule, logged.position, place, &coverage, &violations
        )
    }

    private mutating func owe(
        _ told: [String], _ wanted: [AlertRules.Channel], of rule: AlertRule, _ position: Position,
        _ place: String, _ coverage: inout SimulationCoverage, _ violations: inout Violations
    ) {
        violations.expect(
            told == wanted.map(\.name), 0,
            "\(place) is for \(told), not for \(wanted.map(\.name))")
        if let before = notices[rule], !before.debts.isEmpty { coverage.count(.alertSuperseded) }
        notices[rule] = Notice(
            position: position, starts: starts, debts: told.map { Debt(channel: $0) })
    }

    // MARK: Deliveries

    private mutating func delivered(
        _ event: AlertDelivered, _ logged: LoggedEvent, _ coverage: inout SimulationCoverage,
        _ violations: inout Violations
    ) {
        let place = "the delivery at \(logged.position.rawValue)"
        guard let rule = notices.first(where: { $0.value.position == event.notice })?.key,
            let notice = notices[rule],
            let index = notice.debts.firstIndex(where: { $0.channel == event.channel })
        else {
            violations.note(
                2, "\(place) tells \(event.channel) what it is not to be told (any more)")
            return
        }
        let debt = notice.debts[index]
        violations.expect(
            debt.triedAt == nil || debt.isDue(at: logged.time), 10,
            "\(place) comes before the pause after \(debt.failures) failures is over")
        if debt.failures == 0, notice.starts < starts { coverage.count(.alertToldByAnother) }
        guard event.isDelivered else {
            notices[rule]?.debts[index].failures += 1
            notices[rule]?.debts[index].tried = logged.position
            notices[rule]?.debts[index].triedAt = logged.time
            return
        }
        if debt.failures > 0 { coverage.count(.alertToldAtLast) }
        notices[rule]?.debts.remove(at: index)
    }

    // MARK: Looks

    /// Compares what stands after a look with what it looked for.
    ///
    /// - Parameter now: the wall clock then; where its slack matters, nothing is said.
    func check(_ look: AlertsEvaluated, at now: LogTime, _ violations: inout Violations) {
        let (early, late) = Self.bounds(of: now)
        for rule in AlertRule.allCases {
            let holds = grounds.holds(rule, look, at: early)
            guard let holds, holds == grounds.holds(rule, look, at: late) else { continue }
            violations.expect(
                holds == (standing[rule] != nil), 0,
                "after a look the alert \(rule.name) \(holds ? "does not stand" : "stands")")
        }
        guard let remindMs = look.rules.remindMs else { return }
        for rule in AlertRule.allCases {
            guard let alert = standing[rule] else { continue }
            violations.expect(
                early < alert.noticeAt.adding(ms: remindMs), 0,
                "after a look the alert \(rule.name) was not told again, though it is time")
        }
    }

    /// Looks for channels that were to be told, and that nobody has tried to tell.
    ///
    /// - Parameters:
    ///   - start: the last position before the telling began.
    ///   - now: the wall clock then.
    func checkTold(since start: Position, at now: LogTime, _ violations: inout Violations) {
        let early = Self.bounds(of: now).early
        for rule in AlertRule.allCases {
            guard let notice = notices[rule] else { continue }
            for debt in notice.debts where debt.tried <= start && debt.isDue(at: early) {
                violations.note(
                    0,
                    "nobody told \(debt.channel) of the alert \(rule.name), as "
                        + "\(notice.position.rawValue) says")
            }
        }
    }

    private static func bounds(of now: LogTime) -> (early: LogTime, late: LogTime) {
        let slackMs = ClockAnchored.slackNs / .nsPerMs
        return (now.adding(ms: -slackMs), now.adding(ms: slackMs))
    }
}

extension AlertRules.Channel {
    fileprivate func takes(_ rule: AlertRule) -> Bool { rules.isEmpty || rules.contains(rule) }
}

extension SimulationCoverage {
    fileprivate static func kind(of rule: AlertRule) -> Kind {
        switch rule {
        case .failed: .alertFailed
        case .partial: .alertPartial
        case .parked: .alertParked
        case .noSuccess: .alertNoSuccess
        case .rateLimited: .alertRateLimited
        case .expensesMoved: .alertExpensesMoved
        }
    }
}
