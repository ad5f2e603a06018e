import EventLog
import Glibc
import LMDB
import SyncCore
import TestSupport
import Testing

@testable import SyncEngine

/// What other processes ask of the one that holds the store.
@Suite struct InboxTests {
    private let fixture: EngineFixture
    private let inbox: Inbox
    private let api: FakeAPI

    /// A finished run with parked records.
    init() throws {
        fixture = try EngineFixture()
        inbox = Inbox(StoreFolder(fixture.folder.path))
        var api = FakeAPI(1...12)
        api.poison = [3, 7]
        self.api = api
        try fixture.process(fixture.starting())
        try fixture.finish(with: api)
    }

    private func request(
        _ ids: [String], _ ask: ([RecordID]) -> InboxRequest.Ask = { .retry($0) },
        number: UInt64 = 77
    ) -> InboxRequest {
        request(ask(ids.map { RecordID($0) }), number: number)
    }

    private func request(_ ask: InboxRequest.Ask, number: UInt64 = 77) -> InboxRequest {
        InboxRequest(
            ask: ask, stream: "os",
            requester: Requester(pid: 9, host: "host", user: "user", request: number),
            after: fixture.engine.control.position)
    }

    /// One round of the loop of whoever holds the store.
    private func take() throws -> Inbox.Turn {
        let turn = try inbox.turn(fixture.engine)
        try fixture.process(turn.inputs)
        inbox.finish(turn)
        return turn
    }

    private func answers(_ request: InboxRequest) throws -> [[String]] {
        try fixture.events().compactMap { event in
            guard event.event.requester?.request == request.requester.request else { return nil }
            switch event.event {
            case .queueRetried(let event): return event.records.map(\.id.text)
            case .queueDropped(let event): return event.records.map(\.id.text)
            default: return []
            }
        }
    }

    @Test func whatIsAskedForIsDoneOnceAndNamesWhoAsked() throws {
        let request = request(["7"])
        let name = try inbox.put(request)
        #expect(inbox.has(name))
        #expect(try take().inputs.count == 1)
        #expect(!inbox.has(name))
        #expect(try take().isEmpty)
        #expect(try answers(request) == [["7"]])
        let row = try fixture.log.snapshot().row(StreamID(1), RecordID("7"))
        #expect(row?.state == .pending)
        #expect(row?.attempts == 0)
        guard case .queueRetried(let event) = try fixture.events().last?.event else {
            Issue.record("another event is the last one")
            return
        }
        #expect(event.requester == request.requester)
    }

    /// A process may die between its commit and the file's removal.
    @Test func whatWasDoneIsNotDoneAgain() throws {
        let request = request(["7"])
        _ = try inbox.put(request)
        let turn = try inbox.turn(fixture.engine)
        try fixture.process(turn.inputs)
        let other = try EngineFixture(fixture.folder, clock: fixture.clock)
        let again = try inbox.turn(other.engine)
        #expect(!again.isEmpty)
        #expect(again.inputs.isEmpty)
        inbox.finish(again)
        #expect(try inbox.turn(other.engine).isEmpty)
        #expect(try answers(request) == [["7"]])
    }

    @Test func anotherRequestForTheSameIsAnotherOne() throws {
        for number: UInt64 in [1, 2] {
            _ = try inbox.put(request(["7"], number: number))
            #expect(try take().inputs.count == 1)
        }
        #expect(try fixture.events().count { $0.event.type == .queueRetried } == 2)
    }

    /// The second one finds what the first one has made of them.
    @Test func requestsForTheSameRecordsAreDoneOneAfterTheOther() throws {
        for number: UInt64 in [1, 2, 3] { _ = try inbox.put(request(["3", "7"], number: number)) }
        for _ in 1...3 { #expect(try take().inputs.count == 1) }
        #expect(try inbox.turn(fixture.engine).isEmpty)
        let states = try fixture.events().compactMap { event -> [RecordState]? in
            guard case .queueRetried(let event) = event.event else { return nil }
            return event.records.map(\.was)
        }
        #expect(states == [[.parked, .parked], [.pending, .pending], [.pending, .pending]])
        #expect(fixture.engine.control.streams[0].counts.pending == 2)
    }

    @Test func dropsLeaveTheQueue() throws {
        _ = try inbox.put(request(["3", "7", "3"], { .drop($0) }))
        _ = try take()
        #expect(try answers(request(["3"])) == [["3", "7"]])
        let row = try fixture.log.snapshot().row(StreamID(1), RecordID("3"))
        #expect(row?.state == .dropped)
    }

    @Test(arguments: [["1"], ["4711"], ["1", "4711"]])
    func whatIsNotInTheQueueIsLeftAlone(ids: [String]) throws {
        let name = try inbox.put(request(ids))
        #expect(try take().inputs.isEmpty)
        #expect(!inbox.has(name))
        #expect(try answers(request(ids)).isEmpty)
        _ = try inbox.put(request(ids + ["3"]))
        _ = try take()
        #expect(try answers(request(ids)) == [["3"]])
    }

    @Test func whatIsOnTheWireIsLeftAlone() throws {
        var api = api
        for id in 13...24 { api.add(id) }
        try fixture.process(fixture.starting(.incremental))
        while fixture.engine.control.inFlight.allSatisfy({ $0.asked.isEmpty }) {
            try fixture.finish(with: api, steps: 1)
        }
        let asked = fixture.engine.control.inFlight.flatMap(\.asked).map(\.id.text)
        #expect(!asked.isEmpty)
        _ = try inbox.put(request(asked))
        #expect(try take().inputs.isEmpty)
        try fixture.finish(with: api)
        #expect(try fixture.log.snapshot().row(StreamID(1), RecordID("24"))?.state == .synced)
    }

    @Test func aStreamThatIsNotThereHasNothing() throws {
        var bytes = request(["7"]).bytes
        bytes = Array(String(decoding: bytes, as: UTF8.self).replacing("2:os,", with: "2:xx,").utf8)
        let other = try #require(InboxRequest(bytes))
        _ = try inbox.put(other)
        #expect(try take().inputs.isEmpty)
    }

    @Test func aRequestIsReadAsItWasWritten() {
        for ids in [["1"], ["a,b:c\n", "", "1:2,"], (0..<1_000).map(String.init)] {
            let request = request(ids)
            #expect(InboxRequest(request.bytes) == request)
        }
    }

    @Test func rubbishIsToldAndTakenAway() throws {
        let good = request(["7"]).bytes
        var generator = SeededGenerator(seed: 5)
        let path = StoreFolder(fixture.folder.path).inbox
        _ = try inbox.put(request(["3"]))
        _ = try take()
        for round in 0..<300 {
            var bytes = good
            switch round % 3 {
            case 0: bytes.removeLast(1 + Int(generator.next() % UInt64(bytes.count)))
            case 1:
                bytes = (0..<Int(generator.next() % 200)).map { _ in UInt8(generator.next() & 255) }
            default: bytes[Int(generator.next() % 30)] ^= UInt8(1 + generator.next() % 255)
            }
            guard InboxRequest(bytes) == nil else { continue }
            try FileSystem.make("\(path)/rubbish", of: bytes)
            let turn = try take()
            #expect(turn.rubbish == "rubbish")
            #expect(turn.inputs.isEmpty)
            #expect(!inbox.has("rubbish"))
        }
    }

    @Test func whatIsInTheMakingIsNotLookedAt() throws {
        _ = try inbox.put(request(["3"]))
        _ = try take()
        let path = "\(StoreFolder(fixture.folder.path).inbox)/.half"
        try FileSystem.make(path, of: request(["7"]).bytes)
        #expect(try take().isEmpty)
        #expect(inbox.has(".half"))
    }

    @Test func whoeverAskedTakesItBack() throws {
        let name = try inbox.put(request(["7"]))
        #expect(inbox.takeBack(name))
        #expect(!inbox.takeBack(name))
        #expect(try take().isEmpty)
    }

    // MARK: Runs

    @Test(arguments: [
        InboxRequest.Ask.stop(Position(7)), .health, .sync(.full, noDetails: true),
        .sync(.detailsOnly, noDetails: false),
    ])
    func everyKindIsReadAsItWasWritten(ask: InboxRequest.Ask) {
        let request = request(ask)
        #expect(InboxRequest(request.bytes) == request)
    }

    @Test func aStopEndsTheRunThatItNamesAndNoOther() throws {
        let earlier = try #require(
            try fixture.events().first { $0.event.type == .runRequested }?.position)
        try fixture.process(fixture.starting())
        _ = try inbox.put(request(.stop(earlier)))
        #expect(try take().inputs.isEmpty)
        let invocation = try #require(fixture.engine.control.invocation)
        #expect(invocation.stopping == nil)
        _ = try inbox.put(request(.stop(invocation.request), number: 78))
        #expect(try take().inputs.count == 1)
        #expect(fixture.engine.control.invocation?.stopping?.reason == .sigterm)
        // Whoever asks once more is late.
        _ = try inbox.put(request(.stop(invocation.request), number: 79))
        #expect(try take().inputs.isEmpty)
    }

    @Test func healthIsMadeBesideTheRunThatIsUnderWay() throws {
        try fixture.process(fixture.starting())
        let request = request(.health)
        _ = try inbox.put(request)
        #expect(try take().inputs.count == 1)
        let answer = try #require(try request.answer(in: fixture.log.snapshot()))
        #expect(answer.event.type == .healthRequested)
        try fixture.finish(with: api)
        #expect(try fixture.events().count { $0.event.type == .healthChecked } == 1)
    }

    @Test func aRunIsForAHolderThatMakesRuns() throws {
        for (number, ask) in [InboxRequest.Ask.sync(.full, noDetails: false), .health].enumerated()
        {
            let request = request(ask, number: UInt64(number))
            let name = try inbox.put(request)
            #expect(try take().isEmpty)
            #expect(inbox.takeBack(name), "it was not taken")
            _ = try inbox.put(request)
            let turn = try inbox.turn(fixture.engine, makesRuns: true)
            #expect(turn.run == request)
            #expect(turn.inputs.isEmpty)
            inbox.finish(turn)
            #expect(try inbox.turn(fixture.engine, makesRuns: true).isEmpty)
        }
    }

    @Test func aRunThatWasBegunBeforeTheProcessDiedIsNotBegunAgain() throws {
        let request = request(.sync(.full, noDetails: false))
        _ = try inbox.put(request)
        let turn = try inbox.turn(fixture.engine, makesRuns: true)
        #expect(turn.run == request)
        let run = RunRequested(
            mode: .full, options: RunOptions(), policy: .small, seed: 7,
            requester: request.requester)
        try fixture.process([.fact(.runRequested(run), stream: StreamID(1))])
        let other = try EngineFixture(fixture.folder, clock: fixture.clock)
        let again = try inbox.turn(other.engine, makesRuns: true)
        #expect(!again.isEmpty)
        #expect(again.run == nil)
    }

    @Test func checksOfTheHealthAreMadeOneAfterTheOther() throws {
        try fixture.process(fixture.starting())
        for number: UInt64 in [1, 2, 3] { _ = try inbox.put(request(.health, number: number)) }
        #expect(try take().inputs.count == 1)
        // The list is on the wire, so that it is still to be sent.
        #expect(try take().isEmpty)
        while fixture.engine.control.invocation != nil {
            try fixture.finish(with: api, steps: 1)
            _ = try take()
        }
        #expect(try fixture.events().count { $0.event.type == .healthChecked } == 3)
    }

    /// After a restore to an earlier log, or by hand.
    @Test(arguments: [InboxRequest.Ask.health, .retry([RecordID("3")])])
    func aRequestOfALogThatWentOnIsRubbish(ask: InboxRequest.Ask) throws {
        for after in [fixture.engine.control.position.next, Position(.max)] {
            _ = try inbox.put(
                InboxRequest(
                    ask: ask, stream: "os",
                    requester: Requester(pid: 9, host: "host", user: "user", request: 7),
                    after: after))
            let turn = try inbox.turn(fixture.engine, makesRuns: true)
            #expect(turn.rubbish != nil)
            inbox.finish(turn)
        }
    }

    @Test func aNameThatIsNoTextIsPassedOver() throws {
        _ = try inbox.put(request(["3"]))
        let folder = StoreFolder(fixture.folder.path).inbox
        let name: [CChar] = "\(folder)/".utf8.map { CChar(bitPattern: $0) } + [-1]
        let taken = ".taken".utf8.map { CChar(bitPattern: $0) } + [0]
        #expect(close(creat(name + taken, 0o600)) == 0)
        #expect(try take().inputs.count == 1)
        #expect(try take().isEmpty)
    }
}
