import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// A log that was synced, and the steps by which its events go to its archive.
struct ArchivedLog {
    let driver: StoreDriver
    /// The ends of the commits of before anything was moved.
    let ends: [Position]
    /// What was in the log then, each event with its key.
    let before: [[UInt8]]

    var log: EventLog { driver.log }
    var archive: LogArchive { driver.log.archive }

    init(records: Int = 30) throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...records))
        let snapshot = try driver.snapshot()
        ends = try driver.events.map(\.position).filter { try snapshot.head(at: $0) != nil }
        before = try Self.entries(snapshot)
        self.driver = driver
    }

    /// Moves stretches that end at these commits, counted from 0.
    func move(_ commits: Int...) throws {
        for commit in commits { try move(through: ends[commit]) }
    }

    @discardableResult
    func move(through last: Position, batch: UInt64 = 16_384) throws -> ArchiveName {
        let name = try copy(through: last)
        try note(name)
        try log.removeArchived(through: last, batch: batch) { _ in }
        return name
    }

    func copy(through last: Position) throws -> ArchiveName {
        var compaction = try LogCompaction(log, through: last)
        while try compaction.copy() {}
        try compaction.check(workers: 0) { _ in }
        let name = compaction.name
        try compaction.publish()
        return name
    }

    func note(_ name: ArchiveName) throws {
        try driver.feed(
            .logCompacted(
                LogCompacted(
                    last: name.last, head: try driver.snapshot().head(at: name.last) ?? [],
                    archive: name.text,
                    requester: Requester(pid: 1, host: "host", user: "user"))))
    }

    /// Goes on with whatever an earlier one left, as the command does.
    func goOn(through last: Position) throws {
        while let (found, isSaid) = try log.unfinishedSegment(through: last) {
            try log.refresh(found)
            try log.check(found, workers: 0) { _ in }
            if !isSaid { try note(found) }
            try log.removeArchived(through: found.last) { _ in }
        }
        if try driver.snapshot().archivedThrough() < last { try move(through: last) }
    }

    func verify(skipsArchive: Bool = false, workers: Int = 0) throws -> VerifyReport {
        try LogVerifier(log, skipsArchive: skipsArchive, workers: workers).run()
    }

    /// All that was there before is there, in both directions.
    func expectAll(_ comment: Comment? = nil) throws {
        let snapshot = try driver.snapshot()
        let now = try Self.entries(snapshot)
        #expect(Array(now.prefix(before.count)) == before, comment)
        let backwards = try Self.entries(snapshot, from: Position(.max), backwards: true)
        #expect(backwards == now.reversed(), comment)
    }

    static func entries(
        _ snapshot: borrowing LogSnapshot, from position: Position = .none, backwards: Bool = false
    ) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        try snapshot.scan(from: position, backwards: backwards) { at, value in
            found.append(StoreKeys.position(at) + [UInt8](value))
            return true
        }
        return found
    }

    /// Changes a segment behind the archive's back.
    func tamper(
        _ name: ArchiveName, _ table: String = "events",
        _ body: (borrowing WriteTransaction, Database) throws(LMDBError) -> Void
    ) throws {
        archive.close()
        let environment = try Environment.open(
            archive.folder(name), EnvironmentOptions(durability: .none))
        let transaction = try environment.beginWrite()
        try body(transaction, try transaction.database(table))
        try transaction.commit()
    }

    /// Turns a bit of an event in a segment; twice, and it is as it was.
    func spoil(_ name: ArchiveName, _ position: Position, at index: Int = 40) throws {
        try tamper(name) { transaction, events throws(LMDBError) in
            let key = StoreKeys.position(position)
            var value = try transaction.value(events, key) ?? []
            value[index % value.count] ^= 4
            try transaction.put(events, key, value)
        }
    }

    func rename(_ name: ArchiveName, to text: String) throws {
        archive.close()
        try FileSystem.move(archive.folder(name), to: "\(archive.path)/\(text)")
    }

    /// Puts a segment's file under a name, as a person may.
    func put(_ file: [UInt8], as name: ArchiveName) {
        archive.close()
        mkdir(archive.path, 0o700)
        mkdir(archive.folder(name), 0o700)
        unlink("\(archive.folder(name))/data.mdb")
        Bytes.write(file, "\(archive.folder(name))/data.mdb")
    }
}

/// What is thrown, if it is an error of the log.
func failure(_ body: () throws -> Void) -> EventLogError? {
    do {
        try body()
        return nil
    } catch {
        return error as? EventLogError
    }
}

extension EventLogError {
    /// The stretch that is missing in the archive.
    var missing: ClosedRange<Position>? {
        guard case .archiveMissing(_, let first, let last) = self else { return nil }
        return first...last
    }

    var damage: (position: Position?, reason: String)? {
        guard case .corrupt(_, let position, let reason) = self else { return nil }
        return (position, reason)
    }
}
