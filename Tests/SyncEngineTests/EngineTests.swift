import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine
import TestSupport
import Testing

@Suite struct EngineTests {
    @Test func aFirstStartAnchorsBindsAndDeclares() throws {
        let fixture = try EngineFixture()
        try fixture.process(
            fixture.engine.startInputs(apiIdentity: EngineFixture.apiIdentity, stream: "os"))
        let types = try fixture.events().map(\.event.type)
        #expect(types == [.clockAnchored, .storeBound, .streamDeclared])
        #expect(fixture.engine.commits == 1)
        let again = fixture.engine.startInputs(
            apiIdentity: EngineFixture.apiIdentity, stream: "os")
        #expect(again.count == 1)
    }

    @Test func aRequestLeavesOnlyOnceItsIntentIsDurable() throws {
        let fixture = try EngineFixture()
        let effects = try fixture.engine.process(fixture.starting())
        guard case .send(let request) = effects.first else {
            Issue.record("nothing was sent")
            return
        }
        let reader = try EventLog.open(
            store: fixture.folder.path, .write, durability: .none
        ).snapshot()
        guard case .requestIntended(let intended) = try reader.event(at: request.intent)?.event
        else {
            Issue.record("the intent is not in the log")
            return
        }
        #expect(intended.request(intent: request.intent) == request)
    }

    @Test func answersThatAreReadyTogetherShareACommit() throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...30, pageSize: 30)
        var policy = Policy.small
        policy.pageSize = 30
        policy.detail = DetailPolicy(batch: 5, concurrency: 3)
        try fixture.process(fixture.starting(policy: policy))
        while fixture.wire.count < 3 { try fixture.process(fixture.answers(api)) }
        let before = fixture.engine.commits
        let answers = fixture.answers(api)
        #expect(answers.count == 3)
        try fixture.process(answers)
        #expect(fixture.engine.commits == before + 1)
        #expect(fixture.wire.count == 3)
        let verified = try LogVerifier(fixture.log).run()
        #expect(verified.isClean)
        #expect(verified.commits == UInt64(before + 1))
        let first = try #require(try fixture.events().last { $0.event.type == .detailsFetched })
        #expect(first.position < fixture.engine.control.position)
    }

    /// A refusal, or a signal, holds back what an answer beside it would have let go.
    @Test(arguments: [true, false])
    func nothingIsSentBeforeAllThatIsReadyIsKnown(isRefused: Bool) throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...30)
        try fixture.process(fixture.starting())
        while fixture.wire.count < 2 { try fixture.process(fixture.answers(api)) }
        let other: Input =
            isRefused
            ? .answered(intent: fixture.wire[1].intent, .limited(waitMs: 5_000))
            : .fact(.cancelRequested(CancelRequested(signal: .sigterm)), stream: .none)
        let answer = try #require(fixture.answers(api).first)
        try fixture.process([answer, other])
        #expect(fixture.wire == [])
        #expect(try fixture.events().count { $0.event.type == .detailsFetched } == 1)
    }

    @Test func largeAnswersAreSpreadOverCommits() throws {
        let fixture = try EngineFixture()
        var policy = Policy.small
        policy.pageSize = 100
        policy.detail = DetailPolicy(batch: 5, concurrency: 20)
        let api = FakeAPI(1...100, pageSize: 100)
        try fixture.process(fixture.starting(policy: policy))
        while fixture.wire.count < 20 { try fixture.process(fixture.answers(api)) }
        var generator = SeededGenerator(seed: 1)
        // No compression shortens these.
        let noise = (0..<30_000).flatMap { _ in
            withUnsafeBytes(of: generator.next() & 0x3F3F_3F3F_3F3F_3F3F | 0x4040_4040_4040_4040) {
                Array($0.map { $0 == 0x5C || $0 == 0x7F ? 0x41 : $0 })
            }
        }
        let large = fixture.wire.map { request -> Input in
            guard case .detail(let ids) = request.kind else { return .timeReached }
            let outcomes = ids.map { id in
                DetailOutcome.found(
                    fingerprint: Fingerprint(high: 1, low: UInt64(id.text) ?? 0),
                    body: (Array("{\"id\":\(id),\"x\":\"".utf8) + noise + Array("\"}".utf8))[...])
            }
            return .answered(
                intent: request.intent,
                SourceAnswer(exchange: Exchange(status: 200), content: .details(outcomes)))
        }
        let before = fixture.engine.commits
        try fixture.process(large)
        #expect(fixture.engine.commits == before + 2)
        #expect(fixture.finished?.counters.detailed == 100)
    }

    @Test func whatChangesNothingIsNotCommitted() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let position = fixture.engine.control.position
        let commits = fixture.engine.commits
        try fixture.process([.timeReached])
        let api = FakeAPI(1...3)
        let stray = SourceRequest(intent: Position(1), kind: .list(cursor: nil, filter: .all))
        try fixture.process([.answered(intent: Position(1), api.answer(stray))])
        #expect(fixture.engine.control.position == position)
        #expect(fixture.engine.commits == commits)
    }

    @Test func theObserverIsToldWhatIsDurable() throws {
        let fixture = try EngineFixture()
        var told: [LoggedEvent] = []
        var isDurable = true
        fixture.engine.observer = { [log = fixture.log] events, control in
            told += events
            let position = try? log.snapshot().tail().position
            if position != control.position { isDurable = false }
        }
        try fixture.process(fixture.starting())
        try fixture.finish(with: FakeAPI(1...7))
        #expect(isDurable)
        #expect(try told == fixture.events())
    }

    @Test func theStateIsStoredAtTheEndOfARun() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        #expect(try fixture.log.snapshot().storedControl() == nil)
        try fixture.finish(with: FakeAPI(1...7))
        #expect(fixture.finished?.outcome == .completed)
        #expect(try fixture.log.snapshot().storedControl() == fixture.engine.control)
    }

    @Test func theStateIsStoredAtLeastEvery256Events() throws {
        let fixture = try EngineFixture()
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var stored = Position.none
        var farthest: UInt64 = 0
        let api = FakeAPI(1...300)
        try fixture.process(fixture.starting(policy: policy))
        while fixture.finished == nil {
            try fixture.process(fixture.answers(api))
            stored = try fixture.log.snapshot().storedControl()?.position ?? stored
            farthest = max(
                farthest, fixture.engine.control.position.rawValue - stored.rawValue)
        }
        #expect(farthest < 256)
        #expect(farthest > 100)
    }

    /// Engines that are killed before they get to the interval have one all the same.
    @Test func theStateIsStoredHoweverShortTheEnginesLive() throws {
        let folder = TemporaryFolder()
        let clock = ManualClock()
        let api = FakeAPI(1...300)
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var farthest: UInt64 = 0
        for round in 0..<12 {
            let fixture = try EngineFixture(folder, clock: clock)
            try fixture.process(fixture.starting(round == 0 ? .full : .resume, policy: policy))
            for _ in 0..<40 { try fixture.process(fixture.answers(api)) }
            let stored = try fixture.log.snapshot().storedControl()?.position ?? .none
            farthest = max(
                farthest, fixture.engine.control.position.rawValue - stored.rawValue)
        }
        #expect(farthest < 256)
    }

    /// The end of the one that was killed shares its commit with the next one's beginning.
    @Test func theStateIsStoredWhenARunWasInterrupted() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        try next.process(next.starting(.resume))
        #expect(try next.events().contains { $0.event.type == .runInterrupted })
        #expect(next.engine.control.invocation != nil)
        #expect(try next.log.snapshot().storedControl() == next.engine.control)
    }

    @Test func aFullMapIsGrownAndNothingIsLost() throws {
        let reference = try EngineFixture()
        // One page alone needs the map to double several times.
        let small = try EngineFixture(mapSize: 128 << 10)
        var policy = Policy.small
        policy.pageSize = 2_500
        let api = FakeAPI(1...2_500, pageSize: 2_500)
        for fixture in [reference, small] {
            try fixture.process(fixture.starting(policy: policy))
            try fixture.finish(with: api)
            #expect(fixture.finished?.outcome == .completed)
        }
        #expect(try small.events() == reference.events())
        #expect(small.engine.control == reference.engine.control)
        #expect(try LogVerifier(small.log).run().isClean)
        #expect(try small.log.usedBytes() > 512 << 10, "the map was grown more than once")
    }

    @Test func aTailThatIsNotOursIsRefused() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let other = try Engine(log: fixture.log, clock: fixture.clock)
        _ = try other.process(
            other.startInputs(apiIdentity: EngineFixture.apiIdentity, stream: "os"))
        do {
            try fixture.process(fixture.answers(FakeAPI(1...3)))
            Issue.record("it wrote after another's events")
        } catch EngineError.log(.foreignTail) {
            #expect(
                EngineError.log(.foreignTail(path: "", expected: .none, found: .none)).exitCode
                    == 12)
        }
        #expect(try fixture.log.snapshot().control() == other.control)
    }

    /// What was committed went into a file that no path leads to: nobody will find the intent.
    @Test(arguments: [false, true])
    func nothingLeavesOnceTheLogsFileIsNotInItsPlace(isReplaced: Bool) throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let before = fixture.engine.control
        if isReplaced {
            let file = fixture.folder.at("log/data.mdb")
            let copy = fixture.folder.at("copy.mdb")
            Bytes.write(Bytes.read(file), copy)
            #expect(rename(copy, file) == 0)
        } else {
            Environment.removeEnvironment(fixture.log.path)
        }
        var told = 0
        fixture.engine.observer = { _, _ in told += 1 }
        let error = #expect(throws: EngineError.self) {
            _ = try fixture.engine.process(fixture.answers(FakeAPI(1...3)))
        }
        guard case .log(.displaced(let path)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == fixture.log.path)
        #expect(error?.exitCode == 12)
        #expect(told == 0)
        #expect(fixture.engine.control == before)
    }

    @Test func whatAKilledEngineHadInFlightIsAskedAgain() throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...12)
        try fixture.process(fixture.starting())
        while fixture.wire.count < 2 { try fixture.process(fixture.answers(api)) }
        let lost = fixture.wire
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        #expect(next.engine.control == fixture.engine.control)
        try next.process(next.starting(.resume))
        let events = try next.events()
        let abandoned = events.compactMap { event -> Position? in
            if case .requestAbandoned(let event) = event.event { event.intent } else { nil }
        }
        #expect(Set(abandoned) == Set(lost.map(\.intent)))
        #expect(events.contains { $0.event.type == .runInterrupted })
        try next.finish(with: api)
        #expect(next.finished?.outcome == .completed)
        #expect(next.engine.control[StreamID(1)].counts.synced == 12)
    }
}
