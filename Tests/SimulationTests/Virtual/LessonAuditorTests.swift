import SyncCore
import Testing

@testable import Simulation

/// Limits that don't follow from the refusals, or that don't rise, are found.
@Suite struct LessonAuditorTests: AuditedWaits {
    var auditor: WaitAuditor
    var violations = Violations()
    var position = Position.none
    var nowNs: Int64 = 0

    private static let minute = RateWindow(
        name: "minute", requests: 10, periodNs: 60 * .nsPerSecond)
    private static let hour = RateWindow(
        name: "hour", requests: 20, periodNs: 3_600 * .nsPerSecond)

    init() { auditor = WaitAuditor(Self.plan([Self.minute])) }

    private static func plan(_ windows: [RateWindow]) -> SimulationPlan {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.serverLimits = .none
        plan.limits = LimitPolicy(windows: windows, cooldownMs: 1_000, backoffMultiplier: 1)
        return plan
    }

    private mutating func answer(_ intent: Position) {
        take(
            .detailsFetched(
                DetailsFetched(intent: intent, exchange: Exchange(status: 200), results: [])))
    }

    private mutating func answer(times: Int) { for _ in 0..<times { answer(ask()) } }

    private mutating func learn(
        _ requests: UInt32, _ kind: LimitLearned.Kind = .refused, of window: RateWindow = minute,
        confirmations: UInt8 = 0
    ) {
        take(
            .limitLearned(
                LimitLearned(
                    kind: kind, window: window.name, periodNs: window.periodNs, requests: requests,
                    ceiling: UInt32(window.requests - 1), confirmations: confirmations)),
            startsStep: false)
    }

    private mutating func refuse(_ intent: Position) {
        take(
            .rateLimited(
                RateLimited(
                    intent: intent, exchange: Exchange(status: 429), waitMs: nil, signal: "")))
    }

    private mutating func refuse() { refuse(ask()) }

    private mutating func cool() {
        take(
            .backoffApplied(
                BackoffApplied(
                    kind: .cooldown, until: LogTime(nanoseconds: nowNs).adding(ms: 1_000),
                    waitMs: 1_000, step: 1)), startsStep: false)
        pass(seconds: 1)
    }

    @Test mutating func whatWasAdmittedIsLearned() {
        answer(times: 6)
        refuse()
        learn(6)
        cool()
        pass(seconds: 120)
        answer(times: 6)
        refuse()
        learn(6, confirmations: 1)
        cool()
        #expect(violations.found == [])
    }

    @Test(arguments: [5, 7] as [UInt32])
    mutating func aCountThatWasNotAdmittedIsFound(requests: UInt32) {
        answer(times: 6)
        refuse()
        learn(requests)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func fewRequestsThatAreBelievedAtOnceAreFound() {
        answer(times: 3)
        refuse()
        learn(3, .suspected)
        cool()
        pass(seconds: 120)
        answer(times: 3)
        refuse()
        learn(3)
        cool()
        #expect(violations.found == [])
        auditor = WaitAuditor(Self.plan([Self.minute]))
        answer(times: 3)
        refuse()
        learn(3)
        #expect(violations.found.map(\.invariant) == [10])
    }

    /// Twelve were admitted in the hour, six of them in the minute, and one more is refused.
    private mutating func refuseAfterTwelve() {
        auditor = WaitAuditor(Self.plan([Self.minute, Self.hour]))
        answer(times: 6)
        pass(seconds: 100)
        answer(times: 6)
        refuse()
    }

    @Test mutating func aWindowThatWasEmptierIsFound() {
        refuseAfterTwelve()
        learn(12, .suspected, of: Self.hour)
        cool()
        refuse()
        learn(12, of: Self.hour)
        #expect(violations.found == [])
        cool()
        answer(times: 1)
        refuse()
        learn(7)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aLongWindowThatIsBelievedAtOnceIsFound() {
        refuseAfterTwelve()
        learn(12, of: Self.hour)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aLimitFarBelowTheServersIsFound() {
        var plan = Self.plan([Self.minute])
        plan.serverLimits = .stricter(share: 0.8, refusedCount: false)
        auditor = WaitAuditor(plan)
        answer(times: 6)
        refuse()
        learn(6)
        #expect(violations.found.map(\.text).contains { $0.contains("the server admits 8") })
    }

    @Test mutating func anAnswerThatRaisesNothingIsFound() {
        answer(times: 6)
        let (first, second) = (ask(), ask())
        refuse()
        learn(6)
        cool()
        answer(first)
        learn(7, .admitted)
        #expect(violations.found == [])
        answer(second)
        answer(times: 1)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aWaitUnderALearnedLimitEndsWhenItRises() {
        answer(times: 6)
        refuse()
        learn(6)
        cool()
        pass(seconds: 120)
        answer(times: 6)
        wait(seconds: 60)
        #expect(violations.found == [])
        // It has risen to eight, which seven don't fill.
        pass(seconds: 1_200)
        answer(times: 7)
        wait(seconds: 30)
        #expect(violations.found.map(\.invariant) == [10])
    }

    private mutating func boot(_ id: String) {
        take(
            .clockAnchored(
                ClockAnchored(
                    bootID: id, bootNs: 0, wall: LogTime(nanoseconds: nowNs), isEngineStart: true)))
    }

    /// The wall clock, which somebody sets, may say that it rose long ago.
    @Test mutating func aLimitThatMayHaveRisenOverARebootExplainsBothWaits() {
        var plan = Self.plan([Self.minute])
        plan.wallStepNs = 1
        auditor = WaitAuditor(plan)
        boot("first")
        answer(times: 6)
        refuse()
        learn(6)
        cool()
        boot("second")
        for _ in 1...7 { _ = ask() }
        wait(seconds: 60)
        #expect(violations.found == [])
        wait(seconds: 61)
        #expect(violations.found.map(\.invariant) == [10])
    }
}
