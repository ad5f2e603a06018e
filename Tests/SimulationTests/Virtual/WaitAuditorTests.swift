import SyncCore
import Testing

@testable import Simulation

/// Waits that nothing asks for are found, and requests that don't wait.
@Suite struct WaitAuditorTests: AuditedWaits {
    var auditor: WaitAuditor
    var violations = Violations()
    var position = Position.none
    var nowNs: Int64 = 0

    init() {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.limits = LimitPolicy(
            windows: [RateWindow(name: "minute", requests: 2, periodNs: 60 * .nsPerSecond)],
            cooldownMs: 10_000, backoffMultiplier: 2)
        plan.retry = RetryPolicy(attempts: 5, baseMs: 1_000, multiplier: 2, maxMs: 60_000)
        auditor = WaitAuditor(plan)
    }

    private mutating func answer() {
        take(.healthChecked(HealthChecked(intent: ask(), exchange: Exchange(status: 200))))
    }

    private mutating func refuse(waitMs: Int64?) {
        take(
            .rateLimited(
                RateLimited(
                    intent: ask(), exchange: Exchange(status: 429), waitMs: waitMs, signal: "")))
    }

    private mutating func fail(waitMs: Int64? = nil) {
        take(
            .requestFailed(
                RequestFailed(
                    intent: ask(), exchange: Exchange(status: 503),
                    answer: FailureAnswer(.unavailable, code: "x", text: "x", waitMs: waitMs))))
    }

    private mutating func backOff(
        _ kind: BackoffApplied.Kind, waitMs: Int64, untilMs: Int64? = nil, step: UInt32 = 1
    ) {
        let until = LogTime(nanoseconds: nowNs).adding(ms: untilMs ?? waitMs)
        take(
            .backoffApplied(BackoffApplied(kind: kind, until: until, waitMs: waitMs, step: step)),
            startsStep: false)
    }

    /// A lesson that one refusal may teach: in a long window it is suspected only.
    private mutating func learn(
        _ requests: Int, of window: String, seconds: Int64
    ) {
        take(
            .limitLearned(
                LimitLearned(
                    kind: seconds > 60 ? .suspected : .refused, window: window,
                    periodNs: seconds * .nsPerSecond,
                    requests: UInt32(requests), ceiling: 2, confirmations: 0)), startsStep: false)
    }

    @Test mutating func whatIsAskedForIsWaitedFor() {
        answer()
        answer()
        wait(seconds: 60)
        refuse(waitMs: 90_000)
        backOff(.cooldown, waitMs: 90_700)
        wait(seconds: 90)
        nowNs += 100 * .nsPerSecond
        answer()
        fail()
        backOff(.failure, waitMs: 1_050)
        pass(seconds: 2)
        fail()
        backOff(.failure, waitMs: 2_000, step: 2)
        #expect(violations.found == [])
    }

    @Test mutating func aWakeThatIsLateIsFound() {
        wait(seconds: 1)
        answer()
        answer()
        wait(seconds: 61)
        #expect(violations.found.count == 2)
    }

    @Test mutating func cooldownsThatAreTooLongOrTooShortAreFound() {
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 11_001)
        pass(seconds: 12)
        refuse(waitMs: 30_000)
        backOff(.cooldown, waitMs: 29_999)
        pass(seconds: 31)
        refuse(waitMs: 30_000)
        backOff(.cooldown, waitMs: 44_001)
        #expect(violations.found.count { $0.text.contains("the cooldown at") } == 3)
        #expect(violations.found.count == 3)
    }

    @Test mutating func cooldownsGrowUntilAWindowWithoutARefusal() {
        for (least, seconds) in [(10_000, 11), (20_000, 21), (40_000, 61), (10_000, 61)] {
            refuse(waitMs: nil)
            backOff(.cooldown, waitMs: Int64(least))
            pass(seconds: Int64(seconds))
        }
        #expect(violations.found == [])
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 9_999)
        pass(seconds: 10)
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 10_000)
        #expect(violations.found.count == 2)
    }

    @Test mutating func theWindowThatRefusedSaysWhetherTheRowGoesOn() {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.limits = LimitPolicy(
            windows: [
                RateWindow(name: "minute", requests: 2, periodNs: 60 * .nsPerSecond),
                RateWindow(name: "hour", requests: 3, periodNs: 3_600 * .nsPerSecond),
            ], cooldownMs: 10_000, backoffMultiplier: 2)
        auditor = WaitAuditor(plan)
        for (window, answers, requests) in [("minute", 2, 1), ("minute", 1, 1), ("hour", 0, 3)] {
            for _ in 0..<answers { answer() }
            refuse(waitMs: nil)
            learn(requests, of: window, seconds: window == "hour" ? 3_600 : 60)
            backOff(.cooldown, waitMs: 10_000)
            #expect(violations.found.count == (window == "hour" ? 1 : 0))
            pass(seconds: 100)
        }
    }

    @Test mutating func refusalsThatWereOnTheWireTogetherAreOne() {
        let intents = [ask(), ask()]
        for intent in intents {
            take(
                .rateLimited(
                    RateLimited(
                        intent: intent, exchange: Exchange(status: 429), waitMs: nil, signal: "")))
            if intent == intents[0] { backOff(.cooldown, waitMs: 10_500) }
        }
        pass(seconds: 11)
        answer()
        #expect(violations.found == [])
    }

    @Test mutating func aRefusalWithoutACooldownIsFound() {
        refuse(waitMs: nil)
        answer()
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aCooldownThatHoldsForLongerOrShorterThanItWaitsIsFound() {
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 10_000, untilMs: 20_000)
        #expect(violations.found.map(\.invariant) == [10])
        pass(seconds: 20)
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 20_000, untilMs: 19_999)
        #expect(violations.found.count == 2)
    }

    @Test mutating func aRequestBeforeTheEndOfAWaitIsFound() {
        fail(waitMs: 5_000)
        backOff(.cooldown, waitMs: 5_000)
        backOff(.failure, waitMs: 1_000)
        pass(seconds: 4)
        _ = ask()
        #expect(violations.found.map(\.invariant) == [10])
        nowNs = 0
        _ = ask()
        #expect(violations.found.count == 3)
    }

    @Test mutating func aRecordThatIsAskedForBeforeItIsDueIsFound() {
        let record = RequestIntended.Asked(ordinal: Ordinal(1), id: RecordID("1"))
        let queued = QueuedRecord(ordinal: Ordinal(1), id: RecordID("1"), was: .pending)
        let intent = take(.requestIntended(RequestIntended(target: .detail([record]))))
        take(
            .detailsRequeued(
                DetailsRequeued(
                    intent: intent, kind: .attempt, parts: [[queued]],
                    due: LogTime(nanoseconds: nowNs).adding(ms: 3_000), error: nil)))
        pass(seconds: 2)
        take(.requestIntended(RequestIntended(target: .detail([record]))))
        #expect(violations.found.map(\.invariant) == [10])
        pass(seconds: 1)
        take(.requestIntended(RequestIntended(target: .detail([record]))))
        #expect(violations.found.count == 1)
    }
}
