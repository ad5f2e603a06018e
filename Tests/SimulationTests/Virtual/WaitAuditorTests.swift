import SyncCore
import Testing

@testable import Simulation

/// Waits that nothing asks for are found.
@Suite struct WaitAuditorTests {
    private let plan: SimulationPlan
    private var auditor: WaitAuditor
    private var violations = Violations()
    private var position = Position.none
    private var nowNs: Int64 = 0

    init() {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.limits = LimitPolicy(
            windows: [RateWindow(name: "minute", requests: 2, periodNs: 60 * .nsPerSecond)],
            cooldownMs: 10_000, backoffMultiplier: 2)
        plan.retry = RetryPolicy(attempts: 5, baseMs: 1_000, multiplier: 2, maxMs: 60_000)
        self.plan = plan
        auditor = WaitAuditor(plan)
    }

    /// - Returns: its position.
    @discardableResult
    private mutating func take(_ event: Event) -> Position {
        position = position.next
        auditor.take(
            LoggedEvent(
                position: position, time: LogTime(nanoseconds: nowNs), stream: StreamID(1),
                run: .none, cause: .none, startsStep: true, event: event),
            nowNs: nowNs, &violations)
        return position
    }

    private mutating func ask() -> Position {
        take(.requestIntended(RequestIntended(target: .health)))
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
            .backoffApplied(BackoffApplied(kind: kind, until: until, waitMs: waitMs, step: step)))
    }

    private mutating func wait(seconds: Int64, onlyRetries: Bool = false) {
        auditor.check(
            waitUntil: nowNs + seconds * .nsPerSecond, nowNs: nowNs, onlyRetries: onlyRetries,
            &violations)
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
        refuse(waitMs: 30_000)
        backOff(.cooldown, waitMs: 29_999)
        refuse(waitMs: 30_000)
        backOff(.cooldown, waitMs: 44_001)
        #expect(violations.found.count { $0.text.contains("the cooldown") } == 3)
    }

    @Test mutating func aCooldownThatHoldsForLongerThanItWaitsIsFound() {
        refuse(waitMs: nil)
        backOff(.cooldown, waitMs: 10_000, untilMs: 20_000)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func backoffsThatDoNotFollowFromTheFailuresAreFound() {
        fail()
        backOff(.failure, waitMs: 1_101)
        backOff(.failure, waitMs: 2_000, step: 2)
        #expect(violations.found.count == 2)
    }

    @Test mutating func aRequestBeforeTheServerLetsItIsFound() {
        fail(waitMs: 5_000)
        nowNs += 4 * .nsPerSecond
        _ = ask()
        #expect(violations.found.map(\.invariant) == [10])
    }
}
