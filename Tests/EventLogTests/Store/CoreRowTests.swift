import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

/// The rows and indexes beside the events, against a dictionary that is folded alike.
@Suite struct CoreRowTests {
    private let driver: StoreDriver

    init() throws { driver = try StoreDriver() }

    private func storedRows() throws -> [RecordRow] {
        var rows: [RecordRow] = []
        try driver.snapshot().forEachRow(StoreDriver.stream) { row in
            rows.append(row)
            return true
        }
        return rows
    }

    private func queue() throws -> [RecordRow] {
        var rows: [RecordRow] = []
        let order = driver.control[StoreDriver.stream].idOrder ?? .none
        try driver.snapshot().forEachQueued(StoreDriver.stream, order: order) { row, _ in
            rows.append(row)
            return true
        }
        return rows
    }

    /// The queue as the rows themselves give it.
    private func expectedQueue() -> [RecordRow] {
        let order = driver.control[StoreDriver.stream].idOrder ?? .none
        return driver.rows.values.compactMap { row in row.queueKey(order: order).map { ($0, row) } }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    }

    private func expectRowsAreTheFold() throws {
        let expected = driver.rows.values.sorted { $0.ordinal < $1.ordinal }
        #expect(try storedRows() == expected)
        #expect(try queue() == expectedQueue())
        let snapshot = try driver.snapshot()
        for row in expected {
            #expect(try snapshot.row(StoreDriver.stream, row.id) == row)
            #expect(try snapshot.row(StoreDriver.stream, row.ordinal) == row)
        }
        #expect(LogReport(try LogVerifier(driver.log).run()).problems == [])
    }

    private struct LogReport {
        let problems: [VerifyReport.Problem]
        init(_ report: VerifyReport) { problems = report.problems }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func rowsAndQueueAreTheFoldOfTheEvents(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var api = FakeAPI(1...37)
        api.poison = [5, 12]
        for round in 0..<4 {
            let mode = [RunMode.full, .incremental, .resume, .detailsOnly].randomElement(
                using: &generator)
            try driver.request(round == 0 ? .full : mode ?? .full)
            try driver.finish(with: api, steps: Int.random(in: 1...60, using: &generator))
            try expectRowsAreTheFold()
            if driver.control.invocation != nil {
                try driver.feed(.cancelRequested(CancelRequested(signal: .sigint)))
                try driver.finish(with: api)
                try expectRowsAreTheFold()
            }
            api.headers[Int.random(in: 1...37, using: &generator)] = round + 2
            api.details[Int.random(in: 1...37, using: &generator)] = round + 2
            api.add(40 + round)
        }
    }

    @Test func theQueueGivesNewBeforeChangedNewestFirst() throws {
        var api = FakeAPI(1...12)
        try driver.request(.full)
        try driver.finish(with: api)
        api.headers[3] = 2
        api.headers[11] = 2
        for id in 20...22 { api.add(id) }
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        #expect(try queue().map(\.id.text) == ["22", "21", "20", "11", "3"])

        var needs = ReadSet(stream: StoreDriver.stream)
        needs.waiting = 4
        needs.idOrder = .numeric
        let writer = try driver.log.beginWrite(after: driver.control.position)
        let rows = try writer.rows(needs)
        #expect(rows.waiting.map(\.id.text) == ["22", "21", "20", "11"])
        #expect(rows.retries == [])
        #expect(rows.nextDue == nil)
    }

    @Test func dueRetriesAreCutAtTheirBoundAndTheNextDueTimeIsTold() throws {
        var api = FakeAPI(1...10)
        api.poison = Set(1...10)
        try driver.request(.full)
        // Both batches fail once: each is due again as a whole.
        while driver.control[StoreDriver.stream].counts.retrying < 10 {
            try driver.finish(with: api, steps: 1)
        }
        let dues = Set(driver.rows.values.compactMap(\.queue?.due)).sorted()
        #expect(dues.count == 2)
        let first = try #require(dues.first)
        let second = try #require(dues.last)
        let writer = try driver.log.beginWrite(after: driver.control.position)
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.waiting = 1
        needs.idOrder = .numeric
        needs.retries = 100
        needs.dueBy = LogTime(nanoseconds: first.rawValue - 1)
        let before = try writer.rows(needs)
        #expect(before.retries == [])
        #expect(before.nextDue == first)

        needs.dueBy = first
        let atFirst = try writer.rows(needs)
        #expect(atFirst.retries.count == 5)
        #expect(atFirst.nextDue == second)
        #expect(!atFirst.retriesAreCut)

        needs.dueBy = second
        needs.retries = 7
        let cut = try writer.rows(needs)
        #expect(cut.retries.count == 7)
        #expect(cut.retriesAreCut)
        #expect(cut.nextDue == nil)
        needs.retries = 10
        #expect(try !writer.rows(needs).retriesAreCut)

        // What is due later than any wait lasts is due now.
        needs.dueBy = LogTime(nanoseconds: first.rawValue - 1)
        needs.dueBeyond = first
        let setBack = try writer.rows(needs)
        #expect(setBack.retries.count == 5)
        #expect(setBack.retries.allSatisfy { $0.queue?.due == second })
        #expect(setBack.nextDue == first)
    }

    @Test func rowsByIdentityTellWhatThePassHasSeen() throws {
        let api = FakeAPI(1...25)
        try driver.request(.full, RunOptions(noDetails: true))
        // The second of three pages is taken: its intent and the answer.
        try driver.finish(with: api, steps: 2)
        let pass = try #require(driver.control[StoreDriver.stream].pass)
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.ids = ["1", "20", "21", "unknown", "", String(repeating: "x", count: 600)].map {
            RecordID($0)
        }
        needs.seenIn = pass.number
        do {
            let writer = try driver.log.beginWrite(after: driver.control.position)
            let rows = try writer.rows(needs)
            #expect(Set(rows.byID.keys.map(\.text)) == ["1", "20"])
            #expect(rows.seen == [Ordinal(0), Ordinal(19)])
            needs.seenIn = pass.number + 1
            #expect(try writer.rows(needs).seen == [])
        }
        try driver.finish(with: api)
        needs.seenIn = pass.number
        let writer = try driver.log.beginWrite(after: driver.control.position)
        #expect(try writer.rows(needs).seen == [], "a pass that is over is forgotten")
    }

    @Test func recordsThatDidNotChangeAreSeenToo() throws {
        var api = FakeAPI(1...25)
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        // A changed one in the middle cuts the unchanged ones into two runs.
        api.headers[5] = 2
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api, steps: 1)
        var needs = ReadSet(stream: StoreDriver.stream)
        needs.ids = (1...25).map { RecordID("\($0)") }
        needs.seenIn = try #require(driver.control[StoreDriver.stream].pass).number
        let writer = try driver.log.beginWrite(after: driver.control.position)
        #expect(try writer.rows(needs).seen == Set((0..<10).map { Ordinal($0) }))
    }

    /// The seen-set of a pass need not begin with the first records of the stream.
    @Test func theSeenSetOfAPassIsForgottenWhereverItLies() throws {
        var api = FakeAPI(1...8_200, pageSize: 8_300)
        var policy = Policy.small
        policy.pageSize = 8_300
        try driver.request(.full, RunOptions(noDetails: true), policy: policy)
        try driver.finish(with: api)
        for id in 9_000...9_009 { api.add(id) }
        try driver.request(.incremental, RunOptions(noDetails: true), policy: policy)
        try driver.finish(with: api)
        #expect(driver.control[StoreDriver.stream].counts.total == 8_210)
        #expect(driver.control[StoreDriver.stream].pass == nil)
        let reader = try driver.log.environment.beginRead()
        #expect(try reader.count(reader.database("seen")) == 0)
    }

    @Test func aPassThatIsAbandonedIsForgotten() throws {
        let api = FakeAPI(1...25)
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api, steps: 1)
        try driver.feed(.cancelRequested(CancelRequested(signal: .sigint)))
        try driver.finish(with: api)
        #expect(driver.control[StoreDriver.stream].pass != nil)
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        let reader = try driver.log.environment.beginRead()
        #expect(try reader.count(reader.database("seen")) == 0)
    }
}
