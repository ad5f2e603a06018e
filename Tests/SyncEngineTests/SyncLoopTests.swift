import EventLog
import Locks
import SyncCore
import SyncEngine
import TestSupport
import Testing

@Suite struct SyncLoopTests {
    /// Answers at once, and does something at one of the requests.
    private final class ImmediateSource: Source {
        private let api: FakeAPI
        private let count = Mutex(0)
        private let onRequest: @Sendable (Int) -> Void

        init(_ api: FakeAPI, onRequest: @escaping @Sendable (Int) -> Void = { _ in }) {
            self.api = api
            self.onRequest = onRequest
        }

        var requests: Int { count.withLock { $0 } }

        func perform(
            _ request: SourceRequest, completion: @escaping @Sendable (SourceAnswer) -> Void
        ) {
            let number = count.withLock { count in
                count += 1
                return count
            }
            onRequest(number)
            completion(api.answer(request))
        }
    }

    private func loop(
        _ fixture: EngineFixture, _ source: any Source, _ mailbox: Mailbox = Mailbox(),
        maxBodyBytes: UInt64 = 1 << 20
    ) -> SyncLoop {
        SyncLoop(
            engine: fixture.engine, source: source, clock: fixture.clock, mailbox: mailbox,
            folder: StoreFolder(fixture.folder.path), maxBodyBytes: maxBodyBytes)
    }

    @Test func itRunsToTheEnd() throws {
        let fixture = try EngineFixture()
        let source = ImmediateSource(FakeAPI(1...23))
        let end = try loop(fixture, source).run(fixture.starting())
        #expect(end.outcome == .completed)
        #expect(end.counters.detailed == 23)
        #expect(end.counters.requests == UInt64(source.requests))
        #expect(fixture.engine.control.invocation == nil)
        #expect(try LogVerifier(fixture.log).run().isClean)
    }

    @Test func itWaitsForTheBudget() throws {
        // Each look at the clock is 20 s later, so no wait is sat out for real.
        let fixture = try EngineFixture(clock: ManualClock(stepNs: 20 * .nsPerSecond))
        var policy = Policy.small
        policy.limits.windows = [
            RateWindow(name: "minute", requests: 2, periodNs: 60 * .nsPerSecond)
        ]
        let source = ImmediateSource(FakeAPI(1...23))
        let end = try loop(fixture, source).run(fixture.starting(policy: policy))
        #expect(end.outcome == .completed)
        #expect(end.floorNs >= 60 * .nsPerSecond)
        #expect(end.durationNs >= end.floorNs)
    }

    @Test func aSignalEndsTheRunInAnOrderlyWayAndResumeGoesOn() throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...23)
        let mailbox = Mailbox()
        let source = ImmediateSource(api) { if $0 == 5 { mailbox.put(.cancel(.sigterm)) } }
        let end = try loop(fixture, source, mailbox).run(fixture.starting())
        #expect(end.outcome == .interrupted)
        #expect(end.reason?.exitCode == 143)
        #expect(fixture.engine.control.inFlight == [], "what was in flight was waited for")

        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        let rest = ImmediateSource(api)
        let resumed = try loop(next, rest).run(next.starting(.resume))
        #expect(resumed.outcome == .completed)
        #expect(next.engine.control[StreamID(1)].counts.synced == 23)
        // Three pages and one that may be empty, five batches: none was asked for twice.
        let whole = try EngineFixture()
        let reference = ImmediateSource(api)
        _ = try loop(whole, reference).run(whole.starting())
        #expect(source.requests + rest.requests == reference.requests)
    }

    @Test func withoutRoomForOneAnswerNothingIsSent() throws {
        let fixture = try EngineFixture()
        let source = ImmediateSource(FakeAPI(1...23))
        let end = try loop(fixture, source, maxBodyBytes: 1 << 60).run(fixture.starting())
        #expect(end.outcome == .failed)
        #expect(end.reason == .diskFull)
        #expect(end.reason?.exitCode == 1)
        #expect(source.requests == 0)
        // With room again, the same store goes on.
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        #expect(try loop(next, source).run(next.starting(.resume)).outcome == .completed)
        #expect(next.engine.control[StreamID(1)].counts.synced == 23)
    }

    @Test func withRoomForOneAnswerOnlyOneRequestIsInFlight() throws {
        let fixture = try EngineFixture()
        let free = try #require(StoreFolder(fixture.folder.path).freeBytes)
        let source = ImmediateSource(FakeAPI(1...23))
        let end = try loop(fixture, source, maxBodyBytes: free / 3).run(fixture.starting())
        #expect(end.outcome == .completed)
        var control = ControlState()
        var most = 0
        for event in try fixture.events() {
            apply(event, to: &control)
            most = max(most, control.inFlight.count)
        }
        #expect(most == 1)
        #expect(control.inFlightAllowed == 1)
    }

    @Test func aStoreThatCantBeWrittenEndsTheRunWithAnError() throws {
        let fixture = try EngineFixture()
        let other = try Engine(log: fixture.log, clock: fixture.clock)
        let inputs = other.startInputs(apiIdentity: EngineFixture.apiIdentity, stream: "os")
        let hasWritten = Mutex(false)
        let source = ImmediateSource(FakeAPI(1...23)) { _ in
            hasWritten.withLock { $0 = true }
        }
        _ = try other.process(inputs)
        #expect(throws: EngineError.self) { try loop(fixture, source).run(fixture.starting()) }
        #expect(!hasWritten.withLock { $0 }, "no request left for what isn't durable")
    }
}
