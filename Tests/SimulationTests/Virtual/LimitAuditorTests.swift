import SyncCore
import Testing

@testable import Simulation

/// A limit that is lowered holds from the moment on at which the next run is asked for.
@Suite struct LimitAuditorTests {
    private var auditor = LimitAuditor()
    private var violations = Violations()
    private var position = Position.none

    private mutating func take(_ event: Event) {
        position = position.next
        var coverage = SimulationCoverage()
        auditor.take(
            LoggedEvent(event, at: position),
            ControlState(), &coverage, &violations)
    }

    private mutating func request(admitting requests: Int, forgets: Bool = false) {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.limits.windows = [RateWindow(name: "second", requests: requests, periodNs: 100)]
        take(
            .runRequested(
                RunRequested(
                    mode: .full, options: RunOptions(forgetLimits: forgets),
                    policy: plan.policy(pinned: []), seed: 1,
                    requester: Requester(pid: 1, host: "", user: ""))))
    }

    private mutating func check(_ arrivals: [(Int64, UInt64)]) -> Int {
        auditor.check(
            arrivals.map { (timeNs: $0, intent: Position($1)) }, &violations)
        return violations.found.count
    }

    @Test mutating func whatWasSentBeforeCountsUnderALowerLimit() {
        request(admitting: 3)
        for _ in 0..<9 {
            take(
                .rateLimited(
                    RateLimited(
                        intent: .none, exchange: Exchange(status: 429), waitMs: nil, signal: "")))
        }
        request(admitting: 2)
        // Three under the first policy, then one under the second: a window later.
        #expect(check([(1, 2), (2, 3), (3, 4), (102, 12)]) == 0)
        #expect(check([(1, 2), (2, 3), (3, 4), (101, 12)]) == 1)
    }

    @Test mutating func whatWasSentBeforeMayStillArriveUnderItsOwnLimit() {
        request(admitting: 3)
        request(admitting: 2)
        request(admitting: 4)
        #expect(check([(1, 4), (2, 5), (3, 6), (4, 7)]) == 0)
        #expect(check([(1, 4), (2, 5), (3, 6), (4, 7), (5, 8)]) == 1)
    }

    private mutating func learn() {
        take(
            .limitLearned(
                LimitLearned(
                    kind: .refused, window: "second", periodNs: 100, requests: 1, ceiling: 1,
                    confirmations: 0)))
    }

    @Test mutating func whatIsForgottenIsWhatWasLearned() {
        request(admitting: 3)
        learn()
        request(admitting: 3, forgets: true)
        take(.limitsForgotten(LimitsForgotten(windows: ["second"], endsWait: false)))
        #expect(violations.found == [])
        request(admitting: 3, forgets: true)
        take(.limitsForgotten(LimitsForgotten(windows: [], endsWait: true)))
        #expect(violations.found.count == 1)
        learn()
        request(admitting: 3, forgets: true)
        take(.cancelRequested(CancelRequested(signal: .sigint)))
        #expect(violations.found.count == 2)
    }
}
