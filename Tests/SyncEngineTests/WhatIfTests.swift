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
        ) { policy, _ in
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
            let found = try WhatIf(of: fixture.log, from: first, through: last) { policy, _ in
                policy
            }
            #expect(found.recorded.invocations == 0)
            #expect(found.estimated.invocations == 0)
        }
        let cut = try WhatIf(of: fixture.log, from: Position(1), through: Position(60)) {
            policy, _ in policy
        }
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

    /// Without a cooldown what is refused is asked again at once, as often as an hour has answers.
    @Test func anEstimateThatDoesNotEndIsGivenUp() throws {
        let fixture = try EngineFixture()
        let server = LimitedServer(limit: 6, periodNs: 3_600 * .nsPerSecond)
        func policy(cooldownMs: Int64) -> Policy {
            var policy = self.policy(perMinute: 20)
            policy.limits.windows = [
                RateWindow(name: "hour", requests: 20, periodNs: 3_600 * .nsPerSecond)
            ]
            policy.limits.cooldownMs = cooldownMs
            return policy
        }
        try fixture.process(fixture.starting(policy: policy(cooldownMs: 60_000)))
        try fixture.finish(with: server, api())
        let log = try fixture.log.rewritten { event in
            // An answer takes as long as a real one.
            guard case .rateLimited(let refused) = event.event else { return nil }
            return .rateLimited(
                RateLimited(
                    intent: refused.intent, exchange: Exchange(status: 429, latencyUs: 2_000),
                    waitMs: nil, signal: ""))
        }
        let end = fixture.engine.control.position
        let error = #expect(throws: WhatIf.Endless.self) {
            _ = try WhatIf(of: log, from: Position(1), through: end) { old, _ in
                var other = old
                other.limits.cooldownMs = 0
                other.limits.windows = []
                return other
            }
        }
        #expect(error.map { $0.refused > 20_000 } ?? false)
    }

    /// A stretch in the middle is told as it is where the log begins with it.
    @Test func whatCameBeforeIsFoldedAndNotEstimated() throws {
        let fixture = try run(policy(perMinute: 5))
        let second = fixture.engine.control.position.next
        var api = api()
        for id in 300...340 { api.add(id) }
        api.headers[3] = 2
        try fixture.process(fixture.starting(.full, policy: policy(perMinute: 5)))
        try fixture.finish(with: api)
        let found = try WhatIf(
            of: fixture.log, from: second, through: fixture.engine.control.position
        ) { policy, _ in policy }
        let real = try figures(fixture)
        #expect(found.recorded.counters == real.counters)
        #expect(found.estimated.counters == real.counters)
        #expect(isNear(found.estimated.durationNs, real.durationNs, percent: 2))
    }

    /// Numbers of a log that was tampered with are no reason to crash.
    @Test func forgedNumbersEndNothing() throws {
        let fixture = try EngineFixture()
        let server = LimitedServer(limit: 6, periodNs: 60 * .nsPerSecond)
        try fixture.process(fixture.starting(policy: policy(perMinute: 20)))
        try fixture.finish(with: server, api())
        for number in [Int64.max, .min, -1, 0] {
            let forged = try fixture.log.rewritten { Self.forged($0.event, number) }
            _ = try WhatIf(
                of: forged, from: Position(1), through: fixture.engine.control.position
            ) { policy, _ in policy }
            guard number != 0 else { continue }
            let policies = try fixture.log.rewritten { Self.forgedPolicy($0.event, number) }
            #expect(throws: EventLogError.self) {
                _ = try WhatIf(
                    of: policies, from: Position(1), through: fixture.engine.control.position
                ) { policy, _ in policy }
            }
        }
    }

    private static func forgedPolicy(_ event: Event, _ number: Int64) -> Event? {
        guard case .runRequested(let request) = event else { return nil }
        var policy = request.policy
        policy.limits.windows = [
            RateWindow(name: "minute", requests: Int(number), periodNs: number)
        ]
        policy.limits.cooldownMs = number
        policy.limits.backoffMultiplier = .nan
        policy.retry.baseMs = number
        return .runRequested(request.with(policy: policy))
    }

    private static func forged(_ event: Event, _ number: Int64) -> Event? {
        let count = UInt64(bitPattern: number)
        let exchange = Exchange(status: 200, latencyUs: count, bodyBytes: count)
        switch event {
        case .rateLimited(let event):
            return .rateLimited(
                RateLimited(
                    intent: event.intent, exchange: exchange, waitMs: number, signal: "x"))
        case .detailsFetched(let event):
            return .detailsFetched(
                DetailsFetched(intent: event.intent, exchange: exchange, results: event.results))
        case .requestFailed(let event):
            return .requestFailed(
                RequestFailed(intent: event.intent, exchange: exchange, answer: event.answer))
        case .runCompleted(let event):
            var counters = event.counters
            (counters.listRequests, counters.detailRequests) = (count, count)
            return .runCompleted(
                RunCompleted(
                    outcome: event.outcome, reason: event.reason, text: "", resumeAt: nil,
                    counters: counters, durationNs: number, floorNs: number))
        default: return nil
        }
    }

    private func isNear(_ left: Int64, _ right: Int64, percent: Int64) -> Bool {
        abs(left - right) * 100 <= max(right, 1) * percent
    }
}
