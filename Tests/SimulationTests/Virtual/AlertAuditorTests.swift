import SyncCore
import Testing

@testable import Simulation

/// Alerts that are raised or told twice, or not at all, are found.
@Suite struct AlertAuditorTests {
    private var auditor = AlertAuditor()
    private var coverage = SimulationCoverage()
    private var violations = Violations()
    private var position = Position.none
    private var now = LogTime(nanoseconds: 3_600 * .nsPerSecond)
    private var rules = AlertRules()

    init() {
        rules.failed = true
        rules.partial = true
        rules.remindMs = 3_600_000
        rules.channels = [
            AlertRules.Channel(name: "pager"),
            AlertRules.Channel(name: "file", rules: [.failed], tellsRecovery: false),
        ]
        take(.alertsEvaluated(AlertsEvaluated(rules: AlertRules())))
    }

    private var found: [Int] { violations.found.map(\.invariant) }

    /// - Returns: its position.
    @discardableResult
    private mutating func take(_ event: Event, startsStep: Bool = true) -> Position {
        position = position.next
        let logged = LoggedEvent(
            event, at: position, nowNs: now.rawValue, startsStep: startsStep)
        auditor.take(logged, &coverage, &violations)
        return position
    }

    private mutating func end(_ outcome: RunOutcome, _ counters: RunCounters = RunCounters()) {
        take(
            .runCompleted(
                RunCompleted(
                    outcome: outcome, reason: nil, text: "", resumeAt: nil, counters: counters,
                    durationNs: 0, floorNs: 0)))
    }

    private mutating func look() { take(.alertsEvaluated(AlertsEvaluated(rules: rules))) }

    @discardableResult
    private mutating func raise(
        _ rule: AlertRule, reminder: UInt32 = 0, for channels: [String] = ["pager", "file"]
    ) -> Position {
        take(
            .alertRaised(
                AlertRaised(rule: rule, reminder: reminder, channels: channels, text: "")),
            startsStep: false)
    }

    private mutating func recover(
        _ rule: AlertRule, _ raised: Position, for channels: [String] = ["pager"]
    ) -> Position {
        take(
            .alertRecovered(
                AlertRecovered(rule: rule, raised: raised, channels: channels, text: "")),
            startsStep: false)
    }

    private mutating func tell(_ channel: String, _ notice: Position, fails: Bool = false) {
        take(
            .alertDelivered(
                AlertDelivered(
                    notice: notice, channel: channel, isDelivered: !fails, attempts: 1, text: "")))
    }

    private mutating func wait(seconds: Int64) { now = now.adding(ms: seconds * 1_000) }

    private mutating func check() {
        auditor.check(AlertsEvaluated(rules: rules), at: now, &violations)
    }

    private mutating func checkTold(since start: Position) {
        auditor.checkTold(since: start, at: now, &violations)
    }

    /// A run has failed, and that is raised.
    private mutating func fail() -> Position {
        end(.failed)
        look()
        return raise(.failed)
    }

    @Test mutating func anAlertThatIsToldOnceAndIsOverIsRight() {
        let raised = fail()
        check()
        tell("pager", raised, fails: true)
        tell("pager", raised)
        tell("file", raised)
        checkTold(since: raised)
        wait(seconds: 3_600)
        look()
        let reminder = raise(.failed, reminder: 1)
        tell("pager", reminder)
        end(.completed)
        look()
        let over = recover(.failed, raised)
        tell("pager", over)
        check()
        checkTold(since: over)
        #expect(violations.found == [])
        #expect(coverage[.alertFailed] == 1 && coverage[.alertReminded] == 1)
        #expect(coverage[.alertToldAtLast] == 1 && coverage[.alertSuperseded] == 1)
    }

    @Test mutating func anAlertThatIsRaisedWhileItStandsIsFound() {
        _ = fail()
        look()
        raise(.failed)
        #expect(found == [2])
    }

    @Test mutating func anAlertWithoutALookIsFound() {
        end(.failed)
        raise(.failed)
        #expect(found == [0])
    }

    @Test(arguments: [RunOutcome.completed, .partial, .paused, .interrupted])
    mutating func aFailureThatWasNoneIsFound(outcome: RunOutcome) {
        end(outcome)
        look()
        raise(.failed)
        #expect(found == [0])
    }

    @Test mutating func aFailureThatIsNotRaisedIsFound() {
        end(.failed)
        end(.paused)
        check()
        rules.failed = false
        check()
        #expect(found == [0])
    }

    @Test mutating func aPartialRunThatStaysRaisedIsFound() {
        end(.partial)
        look()
        raise(.partial, for: ["pager"])
        check()
        #expect(found == [])
        end(.completed)
        check()
        #expect(found == [0])
    }

    @Test(arguments: [(3_599, 1), (3_600, 2)] as [(Int64, UInt32)])
    mutating func aReminderThatIsNotDueIsFound(seconds: Int64, number: UInt32) {
        _ = fail()
        wait(seconds: seconds)
        look()
        raise(.failed, reminder: number)
        #expect(found == [2])
    }

    @Test mutating func aReminderOfNothingIsFound() {
        end(.paused)
        look()
        raise(.failed, reminder: 1)
        #expect(found == [0])
    }

    @Test mutating func aReminderThatIsLeftOutIsFound() {
        _ = fail()
        wait(seconds: 3_602)
        check()
        #expect(found == [0])
    }

    @Test mutating func anEndOfWhatDoesNotStandIsFound() {
        end(.completed)
        look()
        _ = recover(.failed, Position(1))
        #expect(found == [0])
    }

    @Test mutating func anEndThatIsNoneIsFound() {
        let raised = fail()
        look()
        _ = recover(.failed, raised)
        #expect(found == [0])
    }

    @Test mutating func otherChannelsThanThoseThatWantItAreFound() {
        end(.partial)
        look()
        raise(.partial)
        #expect(found == [0])
    }

    @Test mutating func aSecondDeliveryIsFound() {
        let raised = fail()
        tell("pager", raised)
        tell("pager", raised)
        #expect(found == [2])
    }

    @Test mutating func aDeliveryOfWhatAnotherNoticeReplacedIsFound() {
        let raised = fail()
        end(.completed)
        look()
        _ = recover(.failed, raised)
        tell("pager", raised)
        #expect(found == [2])
    }

    @Test mutating func aDeliveryThatIsForgottenIsFound() {
        let raised = fail()
        tell("pager", raised, fails: true)
        tell("file", raised)
        checkTold(since: raised)
        #expect(found == [])
        checkTold(since: position)
        #expect(found == [0])
    }

    @Test mutating func whoIsNoChannelAnyMoreIsNotOwedAnything() {
        let raised = fail()
        rules.channels = [rules.channels[0]]
        look()
        tell("pager", raised)
        checkTold(since: position)
        #expect(violations.found == [])
    }

    @Test mutating func aTryWithinThePauseIsFound() {
        let raised = fail()
        tell("pager", raised, fails: true)
        tell("pager", raised, fails: true)
        wait(seconds: 59)
        tell("pager", raised, fails: true)
        #expect(found == [10])
        wait(seconds: 120)
        tell("pager", raised)
        #expect(found == [10])
    }

    @Test mutating func timesAreThoseOfTheRules() {
        rules = AlertRules()
        rules.noSuccessMs = 60_000
        rules.parkedMs = 60_000
        let record = QueuedRecord(ordinal: Ordinal(1), id: RecordID("1"), was: .pending)
        take(
            .recordParked(
                RecordParked(record: record, intent: .none, attempts: 1, error: .absent)))
        wait(seconds: 58)
        check()
        #expect(found == [])
        wait(seconds: 2)
        // A wall clock that has not kept step says nothing yet.
        check()
        #expect(found == [])
        wait(seconds: 1)
        check()
        #expect(found == [0, 0])
    }

    @Test mutating func aShareOfRefusalsBeyondTheBoundIsToBeRaised() {
        rules = AlertRules()
        rules.rateLimitedPpm = 100_000
        var counters = RunCounters()
        counters.listRequests = 20
        counters.rateLimited = 2
        end(.completed, counters)
        check()
        #expect(found == [])
        counters.rateLimited = 3
        end(.paused, counters)
        check()
        #expect(found == [0])
    }
}
