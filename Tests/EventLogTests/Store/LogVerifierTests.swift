import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Nothing in a log can be changed without `log verify` telling where.
@Suite struct LogVerifierTests {
    private let driver: StoreDriver

    init() throws {
        driver = try StoreDriver()
        driver.saveInterval = 1
        var api = FakeAPI(1...12)
        api.poison = [3]
        try driver.request(.full)
        try driver.finish(with: api)
    }

    private func verify() throws -> VerifyReport { try LogVerifier(driver.log).run() }

    private func value(_ name: String, _ key: [UInt8]) throws -> [UInt8] {
        let reader = try driver.log.environment.beginRead()
        return try #require(try reader.value(reader.database(name), key))
    }

    private func key(_ position: Int) -> [UInt8] { StoreKeys.position(Position(UInt64(position))) }

    private func firstKey(_ name: String) throws -> [UInt8] {
        let reader = try driver.log.environment.beginRead()
        var cursor = try reader.cursor(reader.database(name))
        #expect(try cursor.first())
        return cursor.key
    }

    @Test func aSoundLogIsClean() throws {
        let report = try verify()
        #expect(report.problems == [])
        #expect(report.events == UInt64(driver.events.count))
        #expect(report.position == driver.control.position)
        #expect(try report.head == driver.snapshot().tail().head)
        #expect(report.commits > 10)
    }

    @Test func anEmptyLogIsClean() throws {
        let folder = TemporaryFolder()
        try EventLog.create(store: folder.path)
        let report = try LogVerifier(EventLog.open(store: folder.path, .read)).run()
        #expect(report.isClean)
        #expect(report.events == 0)
    }

    @Test func anyByteOfAnEventThatIsChangedIsFoundWithItsPosition() throws {
        let types: [EventType] = [.runRequested, .requestIntended, .pageFetched, .detailsFetched]
        for type in types {
            let event = try #require(driver.events.first { $0.event.type == type })
            let position = Int(event.position.rawValue)
            let whole = try value("events", key(position))
            for index in stride(from: 0, to: whole.count, by: whole.count > 400 ? 7 : 1) {
                var spoilt = whole
                spoilt[index] ^= UInt8(1 << (index % 8))
                try driver.tamper("events") { transaction, events throws(LMDBError) in
                    try transaction.put(events, key(position), spoilt)
                }
                let found = try verify().problems.contains { $0.position == event.position }
                #expect(found, "\(type) byte \(index)")
            }
            try driver.tamper("events") { transaction, events throws(LMDBError) in
                try transaction.put(events, key(position), whole)
            }
        }
        #expect(try verify().isClean)
    }

    @Test(arguments: [1, 9, -1])
    func aMissingEventIsFound(position: Int) throws {
        let place = position > 0 ? position : driver.events.count
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.delete(events, key(place))
        }
        let problem = try #require(try verify().problems.first)
        #expect(problem.position == Position(UInt64(place)))
        #expect(problem.text == "the event is missing")
    }

    @Test func anEventThatBelongsToNoCommitIsFound() throws {
        let last = driver.events.count
        let copy = try value("events", key(last))
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, key(last + 1), copy)
        }
        #expect(try verify().problems.contains { $0.position == Position(UInt64(last + 1)) })
    }

    @Test func eventsThatChangedPlacesAreFound() throws {
        let (first, second) = (try value("events", key(4)), try value("events", key(5)))
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, key(4), second)
            try transaction.put(events, key(5), first)
        }
        let positions = try verify().problems.compactMap(\.position?.rawValue)
        #expect(positions.contains(4))
        #expect(positions.contains(5))
    }

    /// An event that was forged with a right checksum and hash breaks the chain.
    @Test func anEventThatWasReplacedByASoundOneBreaksTheChain() throws {
        let event = try #require(driver.events.first { $0.event.type == .storeBound })
        let forged = LoggedEvent(
            position: event.position, time: event.time, stream: event.stream, run: event.run,
            cause: event.cause, startsStep: event.startsStep,
            event: .storeBound(StoreBound(apiIdentity: "https://other.example.com/api")))
        var bytes: [UInt8] = []
        try EventCoder().encode(forged, into: &bytes)
        let replacement = bytes
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, StoreKeys.position(event.position), replacement)
        }
        let broken = try verify().problems.first { $0.text.contains("hash chain") }
        #expect(broken?.position == event.position)
    }

    @Test func aLinkOfTheChainThatWasChangedIsFound() throws {
        let link = try firstKey("commits")
        var value = try value("commits", link)
        value[5] ^= 1
        let spoilt = value
        try driver.tamper("commits") { transaction, commits throws(LMDBError) in
            try transaction.put(commits, link, spoilt)
        }
        #expect(try verify().problems.first?.text.contains("hash chain") == true)
        try driver.tamper("commits") { transaction, commits throws(LMDBError) in
            try transaction.put(commits, link, [1, 2, 3])
        }
        #expect(try !verify().isClean)
        try driver.tamper("commits") { transaction, commits throws(LMDBError) in
            try transaction.delete(commits, link)
        }
        #expect(try !verify().isClean)
    }

    @Test(arguments: ["events", "commits", "control", "records", "ids", "queue"])
    func aDatabaseThatWasEmptiedIsFound(name: String) throws {
        try driver.tamper(name) { transaction, database throws(LMDBError) in
            try transaction.clear(database)
        }
        // Without the stored state, the fold of the log stands in for it.
        #expect(try verify().isClean == (name == "control"))
    }

    @Test func aCounterThatWasChangedIsFound() throws {
        var control = driver.control
        control.streams[0].counts.synced += 1
        let changed = control
        try driver.tamper("control") { transaction, database throws(LMDBError) in
            try transaction.put(
                database, LogSchema.stateKey, ControlStateCoder.encode(changed))
        }
        #expect(try verify().problems.contains { $0.text.contains("control state") })
    }

    @Test func aRowThatWasChangedIsFound() throws {
        let recordKey = try firstKey("records")
        let whole = try value("records", recordKey)
        for index in whole.indices {
            var spoilt = whole
            spoilt[index] ^= 4
            let bytes = spoilt
            try driver.tamper("records") { transaction, records throws(LMDBError) in
                try transaction.put(records, recordKey, bytes)
            }
            #expect(try !verify().isClean, "byte \(index)")
        }
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.delete(records, recordKey)
        }
        #expect(try !verify().isClean)
    }

    @Test func anIndexThatNamesAnotherRecordIsFound() throws {
        let idKey = try firstKey("ids")
        try driver.tamper("ids") { transaction, ids throws(LMDBError) in
            try transaction.put(ids, idKey, [0, 0, 0, 9])
        }
        #expect(try !verify().isClean)
    }

    @Test func anEntryOfTheQueueInAWrongPlaceIsFound() throws {
        let queueKey = try firstKey("queue")
        var other = queueKey
        other[2] = QueueClass.new.rawValue
        let wrong = other
        #expect(wrong != queueKey)
        try driver.tamper("queue") { transaction, queue throws(LMDBError) in
            try transaction.delete(queue, queueKey)
            try transaction.put(queue, wrong, [])
        }
        #expect(try !verify().isClean)
    }

    /// Nobody reads these; but nobody wrote them.
    @Test func whatNobodyStoredIsFound() throws {
        let queued = try firstKey("queue")
        try driver.tamper("queue") { transaction, queue throws(LMDBError) in
            try transaction.put(queue, queued, [0])
        }
        #expect(try verify().problems.map(\.part) == [.rows])
        try driver.tamper("queue") { transaction, queue throws(LMDBError) in
            try transaction.put(queue, queued, [])
        }
        #expect(try verify().isClean)
        let state = try value("control", LogSchema.stateKey)
        try driver.tamper("control") { transaction, control throws(LMDBError) in
            try transaction.delete(control, LogSchema.stateKey)
            try transaction.put(control, Array("stbte".utf8), state)
        }
        #expect(try verify().problems.map(\.part) == [.rows])
    }

    // MARK: Going on, and heads that were kept

    private func verify(
        against: ChainHead, from earlier: VerifyProgress? = nil
    ) throws -> VerifyReport {
        try LogVerifier(driver.log, from: earlier ?? VerifyProgress(against: against)).run()
    }

    @Test func aKeptHeadIsFoundWhereItWasOnly() throws {
        let commits = try driver.events.map(\.position).filter {
            try driver.snapshot().head(at: $0) != nil
        }
        let head = try #require(try driver.snapshot().head(at: commits[4]))
        #expect(try verify(against: ChainHead(position: nil, head: head)).isClean)
        #expect(try verify(against: ChainHead(position: commits[4], head: head)).isClean)
        for position in [commits[3], commits[5], commits[4].next, Position(9_999)] {
            let report = try verify(against: ChainHead(position: position, head: head))
            #expect(report.problems.map(\.part) == [.head])
        }
        let other = ChainHead(position: nil, head: Array(repeating: 1, count: 32))
        #expect(try verify(against: other).problems.map(\.part) == [.head])
    }

    @Test func whatItKnowsComesOverWholeToWhoeverGoesOn() throws {
        let head = try #require(try driver.snapshot().head(at: driver.control.position))
        let against = ChainHead(position: nil, head: head)
        var first = try LogVerifier(
            driver.log, from: VerifyProgress(against: against), stretch: 20)
        let hasMore = first.advance()
        #expect(hasMore)
        let resumable = first.resumable
        let progress = try #require(resumable)
        let copy = progress.encoded.withUnsafeBytes { VerifyProgress(encoded: $0) }
        #expect(copy == progress)
        let report = try verify(against: against, from: copy)
        #expect(report == (try verify(against: against)))
        #expect(report.isClean)
    }

    @Test func nobodyGoesOnFromWhereSomethingWasFound() throws {
        var value = try value("events", key(9))
        value[40] ^= 1
        let spoilt = value
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, key(9), spoilt)
        }
        var verifier = try LogVerifier(driver.log, stretch: 4)
        let hasMore = verifier.advance()
        let before = verifier.resumable
        #expect(hasMore && before != nil)
        while verifier.position < Position(9), verifier.advance() {}
        let (after, whole) = (verifier.resumable, verifier.whole)
        #expect(after == nil)
        #expect(whole < Position(9))
    }

    // MARK: Reading a damaged log

    private func corruptPosition(_ body: () throws -> Void) -> Position? {
        do {
            try body()
        } catch EventLogError.corrupt(_, let position, _) {
            return position
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test func aScanStopsAtAMissingEventEvenAtItsBeginning() throws {
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.delete(events, key(9))
        }
        let snapshot = try driver.snapshot()
        for start in [Position(8), .none] {
            let found = corruptPosition { try snapshot.forEachEvent(after: start) { _ in true } }
            #expect(found == Position(9))
        }
        let backwards = corruptPosition {
            try snapshot.forEachEventBackwards(before: Position(.max)) { _ in true }
        }
        #expect(backwards == Position(9))
        #expect(corruptPosition { _ = try snapshot.event(at: Position(9)) } == Position(9))
        #expect(try snapshot.event(at: Position(10))?.position == Position(10))
    }

    @Test func aDamagedEventIsNamedByItsPosition() throws {
        var value = try value("events", key(9))
        value[value.count - 1] ^= 1
        let spoilt = value
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, key(9), spoilt)
        }
        let found = corruptPosition {
            try driver.snapshot().forEachEvent(after: .none) { _ in true }
        }
        #expect(found == Position(9))
    }

    @Test func aLogThatEndsBeforeItsLastCommitIsNotTakenForAShorterOne() throws {
        let last = driver.events.count
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.delete(events, key(last))
        }
        try driver.tamper("control") { transaction, control throws(LMDBError) in
            try transaction.clear(control)
        }
        #expect(corruptPosition { _ = try driver.snapshot().control() } != nil)
    }

    /// Events that were forged with a right checksum, chain and all.
    @Test func eventsThatContradictTheOthersAreDamageAndNoCrash() throws {
        let requester = Requester(pid: 1, host: "host", user: "user")
        let record = QueuedRecord(ordinal: Ordinal(0), id: RecordID("1"), was: .dropped)
        let forged: [(StreamID, Event)] = [
            (StreamID(7), .passAbandoned(PassAbandoned(number: 1))),
            (.none, .passAbandoned(PassAbandoned(number: 1))),
            (.none, .runStarted(RunStarted(mode: .full))),
            (.none, .runInterrupted(RunInterrupted(invocation: Position(4)))),
            (.none, .requestIntended(RequestIntended(target: .health))),
            (.none, .queueDropped(QueueDropped(records: [record], requester: requester))),
            // More than ever waited there: the counter would go below zero.
            (
                StoreDriver.stream,
                .queueDropped(QueueDropped(records: [record], requester: requester))
            ), (StoreDriver.stream, page(listing: Ordinal(.max))),
            (StoreDriver.stream, page(listing: Ordinal(99))),
            (StreamID(7), .storageMeasured(StorageMeasured(freeBytes: 1, inFlightAllowed: 1))),
            (
                .none,
                .clockAnchored(
                    ClockAnchored(
                        bootID: "b", bootNs: .min, wall: driver.now, isEngineStart: true))
            ), (.none, .streamDeclared(StreamDeclared(stream: StreamID(9), name: "x"))),
        ]
        let last = driver.control.position
        for (stream, event) in forged {
            let logged = LoggedEvent(
                position: last.next, time: driver.now, stream: stream, run: .none, cause: .none,
                startsStep: true, event: event)
            #expect(!driver.control.canFold(logged), "\(event.type) of stream \(stream)")
        }
        let event = LoggedEvent(
            position: last.next, time: driver.now, stream: .none, run: .none, cause: .none,
            startsStep: true, event: .passAbandoned(PassAbandoned(number: 1)))
        var writer = try driver.log.beginWrite(after: last)
        try writer.append([event])
        try writer.commit()
        #expect(
            corruptPosition { _ = try driver.snapshot().control() } == last.next)
        #expect(try verify().problems.first?.position == last.next)
    }

    /// Records that go back as they were move between no counters, wherever they are said to be.
    @Test(arguments: DetailsRequeued.Kind.allCases)
    func recordsThatGoBackAsTheyWereCountNowhere(kind: DetailsRequeued.Kind) {
        let record = QueuedRecord(ordinal: Ordinal(0), id: RecordID("1"), was: .dropped)
        let event = LoggedEvent(
            position: driver.control.position.next, time: driver.now, stream: StoreDriver.stream,
            run: .none, cause: .none, startsStep: true,
            event: .detailsRequeued(
                DetailsRequeued(
                    intent: .none, kind: kind, parts: [[record]], due: .zero, error: nil)))
        let movesNothing = kind == .returned || kind == .postponed
        #expect(driver.control.canFold(event) == movesNothing)
    }

    private func page(listing ordinal: Ordinal) -> Event {
        let entry = PageFetched.Entry(
            ordinal: ordinal, id: RecordID("x"), was: .unknown,
            fingerprint: Fingerprint(high: 1, low: 1), body: [1][...])
        return .pageFetched(
            PageFetched(
                intent: .none, exchange: Exchange(status: 200), pass: 1, generation: 1, next: nil,
                total: nil, rows: 1, taken: 1, partlyTaken: false, firstSeen: 1, digest: 0,
                idOrder: nil, highest: nil, entries: [entry], unchanged: []))
    }

    /// One thing that is wrong is one problem, not what follows from it too.
    @Test func aRowThatIsMissingIsOneProblem() throws {
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.delete(
                records, StoreKeys.record(StoreDriver.stream, Ordinal(4)))
        }
        #expect(try verify().problems.map(\.text) == ["stream os: record number 4 has no row"])
    }

    /// A store that is older than the interval has one.
    @Test func aControlStateThatWasLostIsFound() throws {
        let driver = try StoreDriver()
        driver.saveInterval = 1
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...700))
        #expect(driver.events.count > EventLog.saveInterval)
        #expect(try LogVerifier(driver.log).run().problems == [])
        try driver.tamper("control") { transaction, control throws(LMDBError) in
            try transaction.clear(control)
        }
        let problems = try LogVerifier(driver.log).run().problems
        #expect(problems.count == 1)
        #expect(problems.first?.text.contains("control state was lost") == true)
    }
}
