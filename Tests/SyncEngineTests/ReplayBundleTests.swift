import EventLog
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// A slice of a log that replays without the rest of it.
@Suite struct ReplayBundleTests {
    private func makeLog() throws -> EngineFixture {
        var policy = Policy.small
        policy.limits = LimitPolicy(
            windows: [RateWindow(name: "minute", requests: 4, periodNs: 60 * .nsPerSecond)])
        policy.detail = DetailPolicy(batch: 3, concurrency: 2)
        policy.pinned = [PinnedKey(key: "baseURL", value: "https://secret.example.com")]
        var api = FakeAPI(1...31)
        api.poison = [7, 12]
        api.missing = [20]
        let fixture = try EngineFixture()
        for mode in [RunMode.full, .incremental, .full] {
            try fixture.process(fixture.starting(mode, policy: policy))
            try fixture.finish(with: api)
            api.add(40 + api.headers.count)
            api.headers[3] = (api.headers[3] ?? 0) + 1
        }
        return fixture
    }

    private func divergences(_ bundle: ReplayBundle) throws -> [Divergence] {
        var found: [Divergence] = []
        try bundle.replay { step, _ in
            if let divergence = step.divergence { found.append(divergence) }
            return true
        }
        return found
    }

    @Test func anySliceIsDecidedAsTheWholeLogIs() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position.rawValue
        for first in stride(from: 1, through: end, by: 7) {
            for length: UInt64 in [0, 5, 60, end] {
                let bundle = try ReplayBundle(
                    of: fixture.log, from: Position(first),
                    through: Position(min(first + length, end)))
                #expect(try divergences(bundle) == [])
                let positions = bundle.commits.flatMap { $0.events.map(\.position) }
                #expect(positions.first.map { $0.rawValue <= first } ?? false)
                #expect(positions.last.map { $0.rawValue >= min(first + length, end) } ?? false)
                #expect(
                    positions.map(\.rawValue)
                        == Array(bundle.start.control.position.rawValue + 1...end)
                        .prefix(positions.count).map { $0 })
            }
        }
    }

    @Test func aSliceHasTheRowsThatItNeedsOnly() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        let last = try ReplayBundle(of: fixture.log, from: end, through: end)
        #expect(last.rows.count < 10)
        let whole = try ReplayBundle(of: fixture.log, from: Position(1), through: end)
        #expect(whole.rows.isEmpty, "all are made by its events")
    }

    @Test func partsThatDontFitAreRefused() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        let bundle = try ReplayBundle(of: fixture.log, from: Position(40), through: end)
        #expect(bundle.problem == nil)
        let nothing = ReplayBundle.Start(control: ControlState(), wake: nil, version: nil)
        let forged = [
            ReplayBundle(start: nothing, rows: bundle.rows, commits: []),
            ReplayBundle(start: nothing, rows: [], commits: bundle.commits),
            ReplayBundle(
                start: bundle.start, rows: [], commits: Array(bundle.commits.dropFirst())),
        ]
        for bundle in forged { #expect(bundle.problem != nil) }
    }

    @Test func forgedNumbersAreRefusedOrDecidedAbout() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        let bundle = try ReplayBundle(of: fixture.log, from: Position(40), through: end)
        var control = bundle.start.control
        control.invocation?.policy.limits.windows = [
            RateWindow(name: "minute", requests: .min, periodNs: .min)
        ]
        let start = ReplayBundle.Start(
            control: control, wake: bundle.start.wake, version: bundle.start.version)
        let forged = ReplayBundle(start: start, rows: bundle.rows, commits: bundle.commits)
        #expect(forged.problem != nil)
        for (wake, bytes) in [(Int64.min, Int.min), (.max, .max), (0, 0)] {
            let start = ReplayBundle.Start(
                control: bundle.start.control, wake: LogTime(nanoseconds: wake), version: .max)
            let other = ReplayBundle(
                start: start, rows: bundle.rows,
                commits: bundle.commits.map { LoggedCommit(events: $0.events, bytes: bytes) })
            #expect(other.problem == nil)
            _ = try divergences(other)
        }
    }

    @Test func anotherDecisionIsFoundInASliceToo() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        let bundle = try ReplayBundle(of: fixture.log, from: Position(40), through: end)
        let altered = ReplayBundle(
            start: bundle.start, rows: bundle.rows,
            commits: bundle.commits.map { commit in
                LoggedCommit(
                    events: commit.events.map { event in
                        guard case .recordParked(let parked) = event.event else { return event }
                        return LoggedEvent(
                            position: event.position, time: event.time, stream: event.stream,
                            run: event.run, cause: event.cause, startsStep: event.startsStep,
                            event: .recordParked(
                                RecordParked(
                                    record: parked.record, intent: parked.intent,
                                    attempts: parked.attempts + 1, error: parked.error)))
                    }, bytes: commit.bytes)
            })
        let parked = bundle.commits.flatMap(\.events).filter { $0.event.type == .recordParked }
        #expect(!parked.isEmpty)
        #expect(try divergences(altered).map(\.position) == parked.map(\.position))
    }

    @Test func nothingOfTheRecordsOrThePeopleIsInIt() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        for first in [1, 50, end.rawValue - 3] {
            let bundle = try ReplayBundle(of: fixture.log, from: Position(first), through: end)
            let text = "\(bundle)"
            for secret in [
                "secret.example.com", "customer", "erp.example.com", "\"user\"", "500:", "boot-1",
            ] {
                #expect(!text.contains(secret), "\(secret) from \(first)")
            }
        }
    }
}
