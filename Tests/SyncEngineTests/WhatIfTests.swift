import EventLog
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// Estimates of other policies, against what these policies lead to.
@Suite struct WhatIfTests {
    private func policy(perMinute: Int, batch: Int = 3, concurrency: Int = 2) -> Policy {
        var policy = Policy.small
        policy.limits = LimitPolicy(
            windows: [
                RateWindow(name: "minute", requests: perMinute, periodNs: 60 * .nsPerSecond)
            ])
        policy.detail = DetailPolicy(batch: batch, concurrency: concurrency)
        return policy
    }

    private func api() -> FakeAPI {
        var api = FakeAPI(1...200)
        api.poison = [7, 120]
        api.missing = [20]
        return api
    }

    private func run(_ policy: Policy) throws -> EngineFixture {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: api())
        return fixture
    }

    private func figures(_ fixture: EngineFixture) throws -> RunCompleted {
        try #require(
            fixture.events().compactMap {
                if case .runCompleted(let completed) = $0.event { completed } else { nil }
            }.last)
    }

    private func estimate(
        _ fixture: EngineFixture, _ change: @escaping (inout Policy) -> Void
    ) throws -> WhatIf {
        try WhatIf(
            of: fixture.log, from: Position(1), through: fixture.engine.control.position
        ) { policy in
            var policy = policy
            change(&policy)
            return policy
        }
    }

    /// The same policy leads to the same run.
    @Test func withoutAChangeItIsWhatItWas() throws {
        let fixture = try run(policy(perMinute: 5))
        let found = try estimate(fixture) { _ in }
        let real = try figures(fixture)
        #expect(found.recorded.durationNs == real.durationNs)
        #expect(found.recorded.counters == real.counters)
        #expect(found.estimated.counters == real.counters)
        #expect(isNear(found.estimated.durationNs, real.durationNs, percent: 1))
    }

    @Test(arguments: [
        (10, 3, 2), (2, 3, 2), (5, 8, 2), (5, 1, 2), (20, 10, 4), (5, 3, 1),
    ])
    func anotherPolicyIsEstimated(perMinute: Int, batch: Int, concurrency: Int) throws {
        let fixture = try run(policy(perMinute: 5))
        let other = policy(perMinute: perMinute, batch: batch, concurrency: concurrency)
        let found = try estimate(fixture) { $0 = other }
        let real = try figures(run(other))
        #expect(found.estimated.invocations == 1)
        #expect(
            isNear(
                Int64(found.estimated.counters.requests), Int64(real.counters.requests),
                percent: 5))
        #expect(isNear(found.estimated.durationNs, real.durationNs, percent: 7))
        #expect(found.estimated.counters.detailed == real.counters.detailed)
        #expect(found.estimated.counters.failed == real.counters.failed)
    }

    /// Of a run that is cut the server's answers are not all known.
    @Test func runsThatTheStretchCutsAreLeftOut() throws {
        let fixture = try run(policy(perMinute: 5))
        let end = fixture.engine.control.position
        for (first, last) in [(Position(1), Position(60)), (Position(60), end)] {
            let found = try WhatIf(of: fixture.log, from: first, through: last) { $0 }
            #expect(found.recorded.invocations == 0)
            #expect(found.estimated.invocations == 0)
        }
        let cut = try WhatIf(of: fixture.log, from: Position(1), through: Position(60)) { $0 }
        #expect(cut.assumptions.contains { $0.contains("left out") })
    }

    @Test func whatWasNeverTriedIsSaid() throws {
        let fixture = try run(policy(perMinute: 5))
        let found = try estimate(fixture) { _ in }
        #expect(found.assumptions.contains { $0.contains("no request was refused") })
    }

    /// A server that refuses is one that refuses in the estimate too.
    @Test func refusalsTeachTheLimit() throws {
        let fixture = try EngineFixture()
        let server = LimitedServer(limit: 6, periodNs: 60 * .nsPerSecond)
        try fixture.process(fixture.starting(policy: policy(perMinute: 20)))
        try fixture.finish(with: server, api())
        let found = try estimate(fixture) { $0 = self.policy(perMinute: 6) }
        #expect(found.recorded.counters.rateLimited > 0)
        #expect(found.estimated.counters.rateLimited <= found.recorded.counters.rateLimited)
        #expect(found.assumptions.contains { $0.contains("admits 6 requests") })
        let same = try estimate(fixture) { _ in }
        #expect(same.estimated.counters.rateLimited > 0)
    }

    private func isNear(_ left: Int64, _ right: Int64, percent: Int64) -> Bool {
        abs(left - right) * 100 <= max(right, 1) * percent
    }
}
