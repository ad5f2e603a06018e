import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// LMDB notices no bit that turned: whoever reads a row or an index must, before a request or a
/// fact is made of it.
@Suite struct RowDamageTests {
    private let driver: StoreDriver

    /// Twelve records, of which none has its details yet.
    init() throws {
        driver = try StoreDriver()
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: FakeAPI(1...12))
    }

    /// Gives a key of a database another name, or another value.
    private func replace(
        _ name: String, _ key: [UInt8], by other: [UInt8], _ value: [UInt8]
    ) throws {
        try driver.tamper(name) { transaction, database throws(LMDBError) in
            try transaction.delete(database, key)
            try transaction.put(database, other, value)
        }
    }

    private func isCorrupt(_ body: () throws -> Void) -> Bool {
        do {
            try body()
        } catch EventLogError.corrupt {
            return true
        } catch {
            Issue.record("\(error)")
        }
        return false
    }

    private func queueKeys() throws -> [[UInt8]] {
        try driver.log.environment.beginRead().keys("queue")
    }

    // MARK: The queue

    @Test func aTurnedBitOfAQueueKeyNeverLeadsToARequest() throws {
        let whole = try #require(try queueKeys().last)
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.waiting = 100
        needs.idOrder = .numeric
        needs.retries = 100
        for bit in 0..<(whole.count * 8) {
            var turned = whole
            turned[bit / 8] ^= 1 << UInt8(bit % 8)
            try replace("queue", whole, by: turned, [])
            // In another class or stream it may be out of sight; what is seen must be in place.
            var seen: [RecordRow] = []
            let isNoticed = isCorrupt {
                let rows = try driver.log.beginWrite(after: driver.control.position).rows(needs)
                seen = rows.waiting + rows.retries
            }
            #expect(isNoticed || seen.count == 11, "bit \(bit)")
            #expect(bit < 24 || isNoticed, "bit \(bit)")
            try replace("queue", turned, by: whole, [])
        }
        #expect(try LogVerifier(driver.log).run().isClean)
    }

    @Test func anAnswerWhoseEntryIsNotInTheQueueIsDamage() throws {
        let key = try #require(try queueKeys().first)
        let row = try #require(
            driver.rows.values.first {
                $0.queueKey(order: .numeric).map { StoreKeys.queue(StoreDriver.stream, $0) } == key
            })
        try driver.tamper("queue") { transaction, queue throws(LMDBError) in
            try transaction.delete(queue, key)
        }
        let dropped = Event.queueDropped(
            QueueDropped(
                records: [QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state)],
                requester: Requester(pid: 1, host: "host", user: "user")))
        #expect(isCorrupt { try driver.feed(dropped, stream: StoreDriver.stream) })
    }

    // MARK: The index of identities

    @Test func anIdentityThatLeadsToAnotherRecordIsDamage() throws {
        let key = StoreKeys.id(StoreDriver.stream, RecordID("7"))
        try replace("ids", key, by: key, [0, 0, 0, 7])
        #expect(
            isCorrupt { _ = try driver.snapshot().row(StoreDriver.stream, RecordID("7")) })
        #expect(try driver.snapshot().row(StoreDriver.stream, RecordID("8"))?.id.text == "8")
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.ids = [RecordID("7")]
        #expect(
            isCorrupt {
                _ = try driver.log.beginWrite(after: driver.control.position).rows(needs)
            })
    }

    @Test func anIdentityThatIsThereThoughItsRecordIsNewIsDamage() throws {
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.delete(records, StoreKeys.record(StoreDriver.stream, Ordinal(11)))
        }
        let row = try #require(driver.rows[Ordinal(11)])
        let page = PageFetched(
            intent: .none, exchange: Exchange(status: 200), pass: 9, generation: 1, next: nil,
            total: nil, rows: 1, taken: 1, partlyTaken: false, firstSeen: 1, digest: 0,
            idOrder: nil, highest: nil,
            entries: [
                PageFetched.Entry(
                    ordinal: row.ordinal, id: row.id, was: .unknown,
                    fingerprint: row.headerFingerprint, body: [1][...])
            ], unchanged: [])
        let event = LoggedEvent(
            position: driver.control.position.next, time: driver.now, stream: StoreDriver.stream,
            run: .none, cause: .none, startsStep: true, event: .pageFetched(page))
        #expect(
            isCorrupt {
                try driver.log.beginWrite(after: driver.control.position)
                    .fold([event], idOrder: .numeric)
            })
    }
}

/// What a pass has seen, and rows of one stream among those of another.
@Suite struct SeenAndStreamDamageTests {
    private let driver: StoreDriver

    /// A pass that stands after the first of three pages.
    init() throws {
        driver = try StoreDriver()
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: FakeAPI(1...25), steps: 1)
    }

    private func isCorrupt(_ body: () throws -> Void) -> Bool {
        do {
            try body()
        } catch EventLogError.corrupt {
            return true
        } catch {
            Issue.record("\(error)")
        }
        return false
    }

    private func read() throws {
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.ids = [RecordID("1")]
        needs.seenIn = try #require(driver.control[StoreDriver.stream].pass).number
        _ = try driver.log.beginWrite(after: driver.control.position).rows(needs)
    }

    @Test func aTurnedBitOfWhatAPassHasSeenIsDamage() throws {
        let key = try #require(driver.log.environment.beginRead().keys("seen").first)
        let whole = try #require(
            try driver.log.environment.beginRead().value(driver.log.schema.seen, key))
        let put = { (value: [UInt8]) in
            try driver.tamper("seen") { transaction, seen throws(LMDBError) in
                try transaction.put(seen, key, value)
            }
        }
        for index in [0, 7, 8, 9, 10, 500, whole.count - 1] {
            var turned = whole
            turned[index] ^= 1
            try put(turned)
            #expect(isCorrupt { try read() }, "byte \(index)")
            #expect(try !LogVerifier(driver.log).run().isClean, "byte \(index)")
        }
        for value in [[], Array(whole.dropLast()), Array(whole[..<12]), whole + [0]] {
            try put(value)
            #expect(isCorrupt { try read() })
        }
        try put(whole)
        try read()
        #expect(try LogVerifier(driver.log).run().problems == [])
        // The next page would mark what it brings.
        try put(Array(whole[..<12]))
        #expect(isCorrupt { try driver.finish(with: FakeAPI(1...25), steps: 1) })
    }

    @Test func whatAPassHasSeenIsCountedByTheVerifier() throws {
        let reader = try driver.log.environment.beginRead()
        let own = try #require(reader.keys("seen").first)
        let whole = try #require(try reader.value(driver.log.schema.seen, own))
        var bits = SeenChunk.empty
        SeenChunk.set(3, in: &bits)
        let other = StoreKeys.seen(StoreDriver.stream, pass: 99, chunk: 0)
        for (name, key) in [("is not what its pages had", own), ("is over", other)] {
            try driver.tamper("seen") { transaction, seen throws(LMDBError) in
                try transaction.put(seen, own, whole)
                try transaction.put(seen, key, SeenChunk.encode(bits, key: key))
            }
            #expect(try LogVerifier(driver.log).run().problems.count == 1)
            #expect(try LogVerifier(driver.log).run().problems.first?.text.contains(name) == true)
        }
        try driver.tamper("seen") { transaction, seen throws(LMDBError) in
            try transaction.clear(seen)
        }
        #expect(try !LogVerifier(driver.log).run().isClean)
    }

    @Test func aPieceOfAnotherPassIsDamage() throws {
        let pass = try #require(driver.control[StoreDriver.stream].pass).number
        let key = StoreKeys.seen(StoreDriver.stream, pass: pass, chunk: 0)
        let other = StoreKeys.seen(StoreDriver.stream, pass: pass + 1, chunk: 0)
        try driver.tamper("seen") { transaction, seen throws(LMDBError) in
            try transaction.put(seen, key, SeenChunk.encode(SeenChunk.empty, key: other))
        }
        #expect(isCorrupt { try read() })
    }

    @Test func aRowOfAnotherStreamIsDamage() throws {
        let row = try #require(driver.rows[Ordinal(0)])
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.put(
                records, StoreKeys.record(StoreDriver.stream, row.ordinal),
                RecordRowCoder.encode(row, of: StreamID(2)))
        }
        #expect(isCorrupt { try read() })
    }

    @Test func aRowThatClaimsAnImpossibleSizeIsDamage() throws {
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.put(
                records, StoreKeys.record(StoreDriver.stream, Ordinal(0)),
                [UInt8](repeating: 1, count: CodingLimits.rowBytes + 1))
        }
        #expect(isCorrupt { try read() })
    }

    @Test func aCommitWhoseLinkIsCutIsDamage() throws {
        let last = StoreKeys.position(driver.control.position)
        try driver.tamper("commits") { transaction, commits throws(LMDBError) in
            try transaction.put(commits, last, [1, 2, 3])
        }
        #expect(isCorrupt { _ = try driver.snapshot().tail() })
        #expect(isCorrupt { _ = try driver.log.beginWrite(after: driver.control.position) })
    }
}

extension ReadTransaction {
    /// The keys of a database, in their order.
    func keys(_ name: String) throws -> [[UInt8]] {
        var cursor = try cursor(database(name))
        var keys: [[UInt8]] = []
        var isThere = try cursor.first()
        while isThere {
            keys.append(cursor.key)
            isThere = try cursor.next()
        }
        return keys
    }
}
