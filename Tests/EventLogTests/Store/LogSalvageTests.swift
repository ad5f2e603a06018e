import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// What is whole of a damaged log comes over into a new one, and nothing else.
@Suite struct LogSalvageTests {
    private let driver: StoreDriver
    private let folder = TemporaryFolder()

    init() throws {
        driver = try StoreDriver()
        var api = FakeAPI(1...40)
        api.poison = [3]
        try driver.request(.full)
        try driver.finish(with: api)
    }

    private struct Salvaged {
        let log: EventLog
        let position: Position
        let end: Position
        let reason: String?
        let lost: LostEvents
    }

    /// Copies a log into the folder of another store.
    private func copy(_ log: EventLog, to store: String) throws {
        #expect(mkdir(EventLog.folder(of: store), 0o700) == 0)
        let file = open("\(EventLog.folder(of: store))/data.mdb", O_WRONLY | O_CREAT, 0o600)
        defer { close(file) }
        try log.copy(to: file)
    }

    /// Copies the store as it is now, and salvages the copy.
    private func salvage(stretch: UInt64 = 16_384, workers: Int = 0) throws -> Salvaged {
        let number = TemporaryFolder.names(folder.path).count
        let (source, target) = (folder.at("source-\(number)"), folder.at("target-\(number)"))
        for path in [source, target] { #expect(mkdir(path, 0o700) == 0) }
        try copy(driver.log, to: source)
        try EventLog.create(store: target, durability: .none)
        let log = try EventLog.open(store: target, .write, durability: .none)
        var salvage = try LogSalvage(
            from: source, into: log, stretch: stretch, workers: workers)
        while try salvage.advance() {}
        try LogSalvage.complete(log)
        var lost = LostEvents()
        try LostEvents.count(in: source, after: salvage.position) { lost = $0 }
        return Salvaged(
            log: log, position: salvage.position, end: salvage.end, reason: salvage.reason,
            lost: lost)
    }

    private func key(_ position: Position) -> [UInt8] { StoreKeys.position(position) }

    private func spoil(_ name: String, _ key: [UInt8], _ index: Int) throws {
        try driver.tamper(name) { transaction, database throws(LMDBError) in
            var value = try transaction.value(database, key) ?? []
            value[index] ^= 4
            try transaction.put(database, key, value)
        }
    }

    /// The ends of the commits.
    private func commits() throws -> [Position] {
        let snapshot = try driver.snapshot()
        return try driver.events.map(\.position).filter { try snapshot.head(at: $0) != nil }
    }

    /// What is in the new log is the beginning of the old one, byte by byte, and stands the check.
    private func expectPrefix(_ salvaged: Salvaged, of whole: EventLog) throws {
        let report = try LogVerifier(salvaged.log).run()
        #expect(report.problems == [])
        #expect(report.position == salvaged.position)
        let head = try whole.snapshot().head(at: salvaged.position)
        #expect(head == report.head)
        let old = try whole.snapshot()
        let new = try salvaged.log.snapshot()
        for table in ["events", "commits"] {
            var left = try old.transaction.cursor(old.transaction.database(table))
            var right = try new.transaction.cursor(new.transaction.database(table))
            _ = try left.first()
            var isThere = try right.first()
            while isThere {
                let isEqual = left.read { leftKey, leftValue in
                    right.read { rightKey, rightValue in
                        leftKey.elementsEqual(rightKey) && leftValue.elementsEqual(rightValue)
                    }
                }
                #expect(isEqual)
                _ = try left.next()
                isThere = try right.next()
            }
        }
    }

    @Test(arguments: [(16_384, 0), (7, 0), (7, 2)] as [(UInt64, Int)])
    func aWholeLogComesOverWhole(stretch: UInt64, workers: Int) throws {
        let salvaged = try salvage(stretch: stretch, workers: workers)
        #expect(salvaged.reason == nil)
        #expect(salvaged.position == driver.control.position)
        #expect(salvaged.end == driver.control.position)
        #expect(salvaged.lost == LostEvents())
        try expectPrefix(salvaged, of: driver.log)
        #expect(try salvaged.log.snapshot().storedControl() == driver.control)
        for (ordinal, row) in driver.rows {
            #expect(try salvaged.log.snapshot().row(StoreDriver.stream, ordinal) == row)
        }
    }

    @Test func aDamagedEventEndsItBeforeItsCommit() throws {
        let commits = try commits()
        for index in stride(from: 1, to: commits.count, by: 5) {
            let damaged = commits[index]
            let whole = try driver.log.environment.beginRead().value(
                driver.log.schema.events, key(damaged))
            try spoil("events", key(damaged), 40)
            let salvaged = try salvage()
            #expect(salvaged.position == commits[index - 1])
            #expect(salvaged.reason?.hasPrefix("position \(damaged.rawValue): ") == true)
            let left = driver.control.position.rawValue - salvaged.position.rawValue
            #expect(salvaged.lost.events == left)
            #expect(salvaged.lost.sound == left - 1)
            #expect(salvaged.lost.types.values.reduce(0, +) == left - 1)
            let bytes = try #require(whole)
            try driver.tamper("events") { transaction, events throws(LMDBError) in
                try transaction.put(events, key(damaged), bytes)
            }
            try expectPrefix(salvaged, of: driver.log)
        }
    }

    @Test func eachKindOfDamageEndsItWhereItIs() throws {
        let commits = try commits()
        let (before, at) = (commits[10], commits[11])
        let value = { (name: String, position: Position) in
            try #require(
                try driver.log.environment.beginRead().value(
                    driver.log.environment.beginRead().database(name), key(position)))
        }
        let (event, link) = (try value("events", at), try value("commits", at))
        let other = try value("events", commits[3])
        let cases: [(String, (borrowing WriteTransaction) throws(LMDBError) -> Void)] = [
            (
                "is missing",
                { transaction throws(LMDBError) in
                    try transaction.delete(driver.log.schema.events, key(at))
                }
            ),
            (
                "checksum",
                { transaction throws(LMDBError) in
                    try transaction.put(driver.log.schema.events, key(at), other)
                }
            ),
            (
                "no link",
                { transaction throws(LMDBError) in
                    try transaction.put(driver.log.schema.commits, key(at), [1, 2])
                }
            ),
            (
                "chain is broken",
                { transaction throws(LMDBError) in
                    try transaction.put(
                        driver.log.schema.commits, key(at), [link[0] ^ 1] + link.dropFirst())
                }
            ),
            (
                "no link",
                { transaction throws(LMDBError) in
                    try transaction.delete(driver.log.schema.commits, key(at))
                }
            ),
        ]
        for (text, damage) in cases {
            try driver.tamper("events") { transaction, _ throws(LMDBError) in
                try damage(transaction)
            }
            let salvaged = try salvage()
            #expect(salvaged.position == before, "\(text)")
            #expect(salvaged.reason?.contains(text) == true, "\(salvaged.reason ?? "none")")
            try driver.tamper("events") { transaction, events throws(LMDBError) in
                try transaction.put(events, key(at), event)
                try transaction.put(driver.log.schema.commits, key(at), link)
            }
            try expectPrefix(salvaged, of: driver.log)
        }
    }

    @Test(arguments: ["control", "records", "ids", "queue", "seen", "meta"])
    func whatIsFoldedFromTheEventsIsNotAskedFor(name: String) throws {
        try driver.tamper(name) { transaction, database throws(LMDBError) in
            try transaction.clear(database)
        }
        let salvaged = try salvage()
        #expect(salvaged.position == driver.control.position)
        #expect(salvaged.reason == nil)
        try expectPrefix(salvaged, of: driver.log)
    }

    @Test func aLogWithoutAWholeCommitGivesNothing() throws {
        try spoil("events", key(Position(1)), 20)
        let salvaged = try salvage()
        #expect(salvaged.position == .none)
        #expect(salvaged.reason != nil)
    }

    @Test func eventsOfNoCommitAreNotTaken() throws {
        let last = driver.control.position
        let copy = try #require(
            try driver.log.environment.beginRead().value(driver.log.schema.events, key(last)))
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            try transaction.put(events, key(last.next), copy)
        }
        let salvaged = try salvage()
        #expect(salvaged.position == last)
        #expect(salvaged.reason?.contains("belongs to no commit") == true)
        #expect(salvaged.lost.events == 1)
        #expect(salvaged.lost.sound == 0)
    }

    /// Forged with a right checksum, hash and chain.
    @Test func eventsThatContradictTheOthersEndIt() throws {
        let last = driver.control.position
        let event = LoggedEvent(
            position: last.next, time: driver.now, stream: .none, run: .none, cause: .none,
            startsStep: true, event: .passAbandoned(PassAbandoned(number: 1)))
        var writer = try driver.log.beginWrite(after: last)
        try writer.append([event])
        try writer.commit()
        let salvaged = try salvage()
        #expect(salvaged.position == last)
        #expect(salvaged.reason?.contains("contradicts") == true)
    }

    @Test func theRunGoesOnInTheNewStore() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...40), steps: 6)
        let source = folder.at("cut")
        #expect(mkdir(source, 0o700) == 0)
        let whole = driver.control
        try copy(driver.log, to: source)
        let target = folder.at("new")
        #expect(mkdir(target, 0o700) == 0)
        try EventLog.create(store: target, durability: .none)
        let log = try EventLog.open(store: target, .write, durability: .none)
        var salvage = try LogSalvage(from: source, into: log)
        while try salvage.advance() {}
        try LogSalvage.complete(log)
        #expect(try log.snapshot().control() == whole)
        #expect(try log.snapshot().storedControl() == whole)
    }
}
