import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// What is whole of a log and its archive comes over into one log.
@Suite struct ArchiveSalvageTests {
    private let store: ArchivedLog
    private let names: [ArchiveName]
    private let folder = TemporaryFolder()

    init() throws {
        store = try ArchivedLog()
        try store.move(2, 5, 9)
        names = try store.archive.names()
    }

    private struct Salvaged {
        let position: Position
        let reason: String?
        let lost: LostEvents
    }

    /// Salvages a copy of the store as it is now.
    private func salvage() throws -> Salvaged {
        let number = TemporaryFolder.names(folder.path).count
        let (source, target) = (folder.at("source-\(number)"), folder.at("target-\(number)"))
        try copy(to: source)
        #expect(mkdir(target, 0o700) == 0)
        try EventLog.create(store: target, durability: .none)
        let log = try EventLog.open(store: target, .write, durability: .none)
        var salvage = try LogSalvage(from: source, into: log, stretch: 7)
        while try salvage.advance() {}
        try LogSalvage.complete(log)
        var lost = LostEvents()
        try LostEvents.count(in: source, after: salvage.position) { lost = $0 }
        #expect(try LogVerifier(log).run().problems == [])
        let count = min(store.before.count, Int(salvage.position.rawValue))
        let entries = try ArchivedLog.entries(log.snapshot())
        #expect(Array(entries.prefix(count)) == Array(store.before.prefix(count)))
        return Salvaged(position: salvage.position, reason: salvage.reason, lost: lost)
    }

    private func copy(to store: String) throws {
        for path in [store, EventLog.folder(of: store)] { #expect(mkdir(path, 0o700) == 0) }
        let file = open("\(EventLog.folder(of: store))/data.mdb", O_WRONLY | O_CREAT, 0o600)
        defer { close(file) }
        try self.store.log.copy(to: file)
        let (old, new) = (self.store.archive, LogArchive(of: store))
        old.close()
        mkdir(new.path, 0o700)
        for name in try old.names() {
            mkdir(new.folder(name), 0o700)
            Bytes.write(
                Bytes.read("\(old.folder(name))/data.mdb"), "\(new.folder(name))/data.mdb")
        }
    }

    private var end: Position { store.driver.control.position }

    @Test func aLogComesOverWithItsArchive() throws {
        let salvaged = try salvage()
        #expect(salvaged.position == end)
        #expect(salvaged.reason == nil)
        #expect(salvaged.lost == LostEvents())
    }

    /// What is archived isn't known without it, but where the log itself begins is.
    @Test(arguments: ["control", "records", "ids", "queue", "seen", "meta"])
    func nothingButEventsAndChainIsAskedFor(table: String) throws {
        try store.driver.tamper(table) { transaction, database throws(LMDBError) in
            try transaction.clear(database)
        }
        let salvaged = try salvage()
        #expect(salvaged.position == end)
        #expect(salvaged.reason == nil)
    }

    /// The log has them still, and knows nothing of an archive.
    @Test func aSegmentOfWhichNothingWasTakenOutYetIsNotNeeded() throws {
        let store = try ArchivedLog()
        let name = try store.copy(through: store.ends[5])
        try store.spoil(name, Position(3))
        try store.driver.tamper("meta") { transaction, meta throws(LMDBError) in
            try transaction.clear(meta)
        }
        try store.expectAll()
        let source = try ArchiveSalvageTests(store)
        #expect(try source.salvage().position == store.driver.control.position)
    }

    private init(_ store: ArchivedLog) throws {
        self.store = store
        names = try store.archive.names()
    }

    /// A segment goes on into what the log still has: as a compaction leaves it that was killed.
    @Test func whatIsInBothIsCountedOnce() throws {
        let store = try ArchivedLog()
        let last = store.ends[4]
        let name = try store.copy(through: store.ends[store.ends.count / 2])
        try store.log.removeArchived(through: last) { _ in }
        let source = try ArchiveSalvageTests(store)
        #expect(try source.salvage().position == source.end)
        let copy = folder.at("both")
        try source.copy(to: copy)
        for position in [.none, Position(1), last, last.next, name.last, source.end] {
            var lost = LostEvents()
            try LostEvents.count(in: copy, after: position) { lost = $0 }
            #expect(lost.events == source.end.rawValue - position.rawValue, "after \(position)")
            #expect(lost.sound == lost.events)
        }
    }

    @Test(arguments: 0...2)
    func aMissingSegmentEndsIt(index: Int) throws {
        try store.rename(names[index], to: "away")
        let salvaged = try salvage()
        #expect(salvaged.position.rawValue == names[index].first.rawValue - 1)
        #expect(salvaged.reason?.contains("no segment holds them") == true)
        // What is behind it can be counted.
        let there = end.rawValue - names[index].last.rawValue
        #expect(salvaged.lost.events == there)
        #expect(salvaged.lost.sound == there)
    }

    @Test(arguments: 0...2)
    func aDamagedSegmentEndsItBeforeTheCommit(index: Int) throws {
        let damaged = names[index].last
        try store.spoil(names[index], damaged)
        let salvaged = try salvage()
        #expect(store.ends.last { $0 < damaged } == salvaged.position)
        #expect(salvaged.reason?.hasPrefix("position \(damaged.rawValue): ") == true)
        #expect(salvaged.lost.events == end.rawValue - salvaged.position.rawValue)
        #expect(salvaged.lost.sound == salvaged.lost.events - 1)
    }
}
