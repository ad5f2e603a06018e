import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// What is missing in an archive, or isn't as it was written, is told and never passed over.
@Suite struct ArchiveDamageTests {
    private let store: ArchivedLog
    private let names: [ArchiveName]

    init() throws {
        store = try ArchivedLog()
        try store.move(2, 5, 9)
        names = try store.archive.names()
    }

    private func file(_ name: ArchiveName, of other: ArchivedLog? = nil) -> [UInt8] {
        let archive = (other ?? store).archive
        archive.close()
        return Bytes.read("\(archive.folder(name))/data.mdb")
    }

    @Test(arguments: 0...2)
    func aMissingSegmentIsNamedByItsPositions(index: Int) throws {
        let name = names[index]
        let whole = name.first...name.last
        try store.rename(name, to: "away")
        let snapshot = try store.driver.snapshot()
        #expect(failure { _ = try ArchivedLog.entries(snapshot) }?.missing == whole)
        #expect(
            failure {
                _ = try ArchivedLog.entries(snapshot, from: Position(.max), backwards: true)
            }?.missing == whole)
        #expect(failure { _ = try snapshot.event(at: name.first) }?.missing == whole)
        #expect(failure { _ = try snapshot.event(at: name.last) }?.missing == whole)
        #expect(
            failure { try snapshot.forEachCommit(after: .none) { _ in true } }?.missing == whole)
        // The others are there.
        for other in names where other != name {
            #expect(try snapshot.event(at: other.first)?.position == other.first)
            #expect(try snapshot.event(at: other.last)?.position == other.last)
        }
        let report = try store.verify()
        #expect(report.problems.map(\.part) == [.archive])
        #expect(report.problems.first?.position == name.first)
        #expect(report.problems.first?.text.contains("position \(name.last.rawValue) ") == true)
        #expect(!report.isFolded)
        #expect(try snapshot.control() == store.driver.control, "a sync goes on")
        try FileSystem.move(store.folder("away"), to: store.archive.folder(name))
        try store.expectAll()
        #expect(try store.verify().problems == [])
    }

    @Test func withoutAnyOfItOnlyWhatTheLogHasIsThere() throws {
        try FileSystem.move(store.archive.path, to: "\(store.archive.path)-away")
        let snapshot = try store.driver.snapshot()
        let archived = try snapshot.archivedThrough()
        #expect(
            failure { _ = try ArchivedLog.entries(snapshot) }?.missing == Position(1)...archived)
        let live = try ArchivedLog.entries(snapshot, from: archived.next)
        #expect(
            Array(live.prefix(store.before.count - Int(archived.rawValue)))
                == Array(store.before[Int(archived.rawValue)...]))
        #expect(try store.verify().problems.map(\.part) == [.archive])
        let report = try store.verify(skipsArchive: true)
        #expect(report.problems == [])
        #expect(!report.isFolded)
        #expect(try report.head == snapshot.tail().head)
        #expect(report.events == UInt64(live.count))
    }

    /// The state is stored before what it is folded of leaves the log.
    @Test func aStartNeedsNoArchive() throws {
        let store = try ArchivedLog()
        store.driver.saveInterval = .max
        try store.driver.request(.full)
        try store.driver.finish(with: FakeAPI(1...60))
        try store.move(through: store.driver.control.position)
        try FileSystem.move(store.archive.path, to: "\(store.archive.path)-away")
        #expect(try store.driver.snapshot().control() == store.driver.control)
    }

    @Test func aHeadIsLookedForInWhatIsChecked() throws {
        let snapshot = try store.driver.snapshot()
        let archived = try snapshot.archivedThrough()
        let report = { (position: Position) in
            let head = try snapshot.head(at: position) ?? []
            let text = head.withUnsafeBytes { hexadecimal($0) }
            return try LogVerifier(
                store.log, from: VerifyProgress(against: ChainHead(text)), skipsArchive: true
            ).run()
        }
        #expect(try report(snapshot.tail().position).problems == [])
        // The chain goes on from there.
        #expect(try report(archived).problems == [])
        let within = try report(store.ends[1]).problems
        #expect(within.map(\.part) == [.head])
        #expect(within.first?.text.contains("with the archive") == true)
    }

    @Test func damageBehindASkippedArchiveIsFound() throws {
        let last = Position(UInt64(store.before.count))
        try store.driver.tamper("events") { transaction, events throws(LMDBError) in
            var value = try transaction.value(events, StoreKeys.position(last)) ?? []
            value[40] ^= 1
            try transaction.put(events, StoreKeys.position(last), value)
        }
        #expect(try store.verify(skipsArchive: true).problems.first?.position == last)
    }

    @Test func eachByteThatTellsWhatIsArchivedMatters() throws {
        let key = LogSchema.archivedKey
        let good = try #require(
            try store.log.environment.beginRead().value(store.log.schema.meta, key))
        #expect(good.count == 16)
        for bytes in Bytes.damaged(good) {
            try store.driver.tamper("meta") { transaction, meta throws(LMDBError) in
                try transaction.put(meta, key, bytes)
            }
            let snapshot = try store.driver.snapshot()
            #expect(failure { _ = try snapshot.archivedThrough() }?.damage != nil, "\(bytes)")
            #expect(failure { _ = try snapshot.event(at: Position(3)) }?.damage != nil)
            #expect(failure { try snapshot.forEachEvent(after: .none) { _ in true } } != nil)
            #expect(try !store.verify().isClean)
            #expect(try !store.verify(skipsArchive: true).isClean)
        }
        // One that is sound, but of another moment, or was lost.
        for last in [store.ends[2], store.ends[5], store.ends[10], nil] {
            try store.driver.tamper("meta") { transaction, meta throws(LMDBError) in
                guard let last else {
                    try transaction.delete(meta, key)
                    return
                }
                try store.log.schema.putArchived(transaction, through: last)
            }
            #expect(try !store.verify().isClean, "\(last?.rawValue ?? 0)")
        }
    }

    @Test func anyEventOfASegmentThatIsChangedIsFound() throws {
        for name in names {
            for number in name.first.rawValue...name.last.rawValue {
                let position = Position(number)
                try store.spoil(name, position, at: Int(number) * 7)
                let report = try store.verify()
                let found = report.problems.contains { $0.position == position }
                #expect(found, "event \(number): \(report.problems)")
                #expect(report.whole < position)
                try store.spoil(name, position, at: Int(number) * 7)
            }
        }
        #expect(try store.verify().problems == [])
    }

    @Test func anEventThatASegmentHasLostIsMissed() throws {
        for (name, position) in [
            (names[0], names[0].first), (names[1], names[1].first.next), (names[2], names[2].last),
        ] {
            let good = file(name)
            try store.tamper(name) { transaction, events throws(LMDBError) in
                try transaction.delete(events, StoreKeys.position(position))
            }
            let snapshot = try store.driver.snapshot()
            #expect(failure { _ = try ArchivedLog.entries(snapshot) }?.damage?.position == position)
            let backwards = failure {
                _ = try ArchivedLog.entries(snapshot, from: Position(.max), backwards: true)
            }
            // Backwards, nothing is expected before the first one that is there.
            #expect(backwards?.damage?.position == position || position == Position(1))
            #expect(failure { _ = try snapshot.event(at: position) }?.damage?.position == position)
            #expect(try !store.verify().isClean)
            store.put(good, as: name)
        }
        try store.expectAll()
    }

    /// All that is behind the place is gone, and the name says that it is there.
    @Test func aSegmentThatEndsTooEarlyIsNoShorterLog() throws {
        let name = names[2]
        try store.tamper(name) { transaction, events throws(LMDBError) in
            for number in name.first.next.rawValue...name.last.rawValue {
                try transaction.delete(events, StoreKeys.position(Position(number)))
            }
        }
        let snapshot = try store.driver.snapshot()
        for position in [name.first.next, name.last] {
            let before = Position(position.rawValue - 1)
            let found = failure { try snapshot.forEachEvent(after: before) { _ in true } }
            #expect(found?.damage?.position == position)
            #expect(failure { _ = try snapshot.event(at: position) } != nil)
        }
    }

    @Test func aSegmentOfAnotherLogIsRefused() throws {
        let other = try ArchivedLog(records: 31)
        let name = try #require(
            try zip(store.ends, other.ends).enumerated().first { index, ends in
                try ends.0 == ends.1 && index > 2
                    && store.driver.snapshot().head(at: ends.0)
                        != other.driver.snapshot().head(at: ends.1)
            })
        let last = name.element.0
        let fresh = try ArchivedLog()
        try fresh.move(through: last)
        try other.move(through: last)
        let segment = ArchiveName(first: Position(1), last: last)
        let own = file(segment, of: fresh)
        fresh.put(file(segment, of: other), as: segment)
        let snapshot = try fresh.driver.snapshot()
        let found = failure { _ = try snapshot.event(at: Position(3)) }?.damage?.reason
        #expect(found?.contains("of another log") == true)
        #expect(try fresh.verify().problems.first?.text.contains("of another log") == true)
        fresh.put(own, as: segment)
        try fresh.expectAll()
    }

    /// Neither the log nor the segment has a commit that ends where the name says.
    @Test func aSegmentUnderAWrongNameIsRefused() throws {
        let longer = ArchiveName(first: names[0].first, last: names[0].last.next)
        #expect(try store.driver.snapshot().head(at: longer.last) == nil)
        try store.rename(names[0], to: longer.text)
        let snapshot = try store.driver.snapshot()
        let found = failure { _ = try snapshot.event(at: Position(2)) }?.damage?.reason
        #expect(found?.contains("of another log") == true)
        #expect(try !store.verify().isClean)
    }

    @Test func whatIsNoSegmentUnderItsNameIsRefused() throws {
        for rubbish in [[], [UInt8](repeating: 7, count: 20_000), Array(file(names[1])[..<5_000])] {
            store.put(rubbish, as: names[1])
            let snapshot = try store.driver.snapshot()
            #expect(failure { _ = try snapshot.event(at: names[1].first) }?.damage != nil)
            #expect(try snapshot.event(at: names[0].first) != nil)
            #expect(try !store.verify().isClean)
        }
    }

    /// Whatever else lies there: the right one is read.
    @Test func ofOverlappingSegmentsTheRightOneIsRead() throws {
        let wide = try ArchivedLog()
        try wide.move(5)
        let name = try wide.archive.names()[0]
        store.put(file(name, of: wide), as: name)
        #expect(try store.archive.names().count == 4)
        try store.expectAll("a copy that is as good")
        #expect(try store.verify().problems == [])
        // Rubbish, and one of another log, that overlap all of them.
        let other = try ArchivedLog(records: 31)
        try other.move(12)
        let foreign = try other.archive.names()[0]
        store.put(file(foreign, of: other), as: foreign)
        store.put([1, 2, 3], as: ArchiveName(first: Position(2), last: names[2].last))
        try store.expectAll()
        #expect(try store.verify().problems == [])
        #expect(try store.archive.gaps(through: names[2].last) == [])
    }

    @Test func aReaderNoticesASegmentThatIsReplaced() throws {
        try store.expectAll()
        let good = file(names[1])
        // Another file under the same name, while the old one may be open.
        mkdir(store.folder("new"), 0o700)
        Bytes.write(good, "\(store.folder("new"))/data.mdb")
        let snapshot = try store.driver.snapshot()
        _ = try snapshot.event(at: names[1].first)
        try FileSystem.move(store.archive.folder(names[1]), to: store.folder("old"))
        #expect(failure { _ = try snapshot.event(at: names[1].first) }?.missing != nil)
        try FileSystem.move(store.folder("new"), to: store.archive.folder(names[1]))
        _ = try snapshot.event(at: names[1].first)
        try store.expectAll()
    }
}

extension ArchivedLog {
    func folder(_ name: String) -> String { "\(archive.path)/\(name)" }
}
