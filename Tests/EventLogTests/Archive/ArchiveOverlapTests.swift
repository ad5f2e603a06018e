import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Segments that hold what others hold, or the log still does: one that was being moved out when
/// its compaction was killed, copies of another moment.
@Suite struct ArchiveOverlapTests {
    private let store: ArchivedLog
    private let last: Position
    private let wide: ArchiveName

    /// A log of which the first events are in a segment that goes on into what the log has.
    init() throws {
        store = try ArchivedLog()
        last = store.ends[4]
        wide = try store.copy(through: store.ends[store.ends.count / 2])
        try store.log.removeArchived(through: last) { _ in }
        #expect(try store.driver.snapshot().archivedThrough() == last)
        #expect(wide.last > last.next)
    }

    private func spoilLog(_ position: Position) throws {
        try store.driver.tamper("events") { transaction, events throws(LMDBError) in
            var value = try transaction.value(events, StoreKeys.position(position)) ?? []
            value[value.count - 1] ^= 1
            try transaction.put(events, StoreKeys.position(position), value)
        }
    }

    @Test func whatTheLogHasIsReadThere() throws {
        try store.expectAll()
        #expect(try store.verify().problems == [])
        // The copy is whole, so only who reads the log itself can tell.
        for position in [last.next, wide.last] {
            try spoilLog(position)
            let snapshot = try store.driver.snapshot()
            #expect(failure { _ = try snapshot.event(at: position) }?.damage?.position == position)
            let forwards = failure { try snapshot.forEachEvent(after: .none) { _ in true } }
            #expect(forwards?.damage?.position == position)
            let report = try store.verify()
            #expect(report.problems.contains { $0.position == position })
            try spoilLog(position)
        }
        let snapshot = try store.driver.snapshot()
        try spoilLog(last.next)
        let backwards = failure {
            try snapshot.forEachEventBackwards(before: Position(.max)) { _ in true }
        }
        #expect(backwards == nil, "a snapshot of before")
    }

    /// However a walk comes to the place where the log goes on.
    @Test func aCursorTurnsAroundWhereTheLogGoesOn() throws {
        try store.tamper(wide) { transaction, events throws(LMDBError) in
            for number in last.next.rawValue...wide.last.rawValue {
                try transaction.put(events, StoreKeys.position(Position(number)), [7])
            }
        }
        try store.expectAll()
        let snapshot = try store.driver.snapshot()
        var cursor = try snapshot.events()
        #expect(try cursor.seek(last))
        for _ in 0..<3 {
            #expect(try cursor.next())
            #expect(cursor.read { key, _ in StoreKeys.position(of: key) } == last.next)
            #expect(cursor.read { _, value in value.count } > 1)
            #expect(try cursor.previous())
            #expect(cursor.read { key, _ in StoreKeys.position(of: key) } == last)
        }
    }

    @Test func aDamagedCopyOfWhatTheLogHasIsTold() throws {
        let name = wide
        try store.spoil(name, name.last)
        try store.expectAll("nobody reads that")
        let found = try store.verify().problems
        #expect(found.map(\.position) == [name.last])
        #expect(found.first?.text.contains("segment \(name.text) ") == true)
    }

    @Test func aDamagedCopyOfWhatAnotherSegmentHasIsTold() throws {
        let store = try ArchivedLog()
        try store.move(2, 5, 9)
        let other = try ArchivedLog()
        try other.move(5)
        let name = try other.archive.names()[0]
        other.archive.close()
        store.put(Bytes.read("\(other.archive.folder(name))/data.mdb"), as: name)
        #expect(try store.verify().problems == [])
        for position in [name.first, name.last] {
            try store.spoil(name, position)
            let report = try store.verify()
            #expect(report.problems.contains { $0.position == position && $0.part == .archive })
            #expect(report.problems.contains { $0.text.contains("move it away") })
            try store.spoil(name, position)
        }
        #expect(try store.verify().problems == [])
    }

    @Test func whatIsNoneOfTheLogsIsSaidToBeUnchecked() throws {
        let store = try ArchivedLog()
        try store.move(2, 5)
        let names = try store.archive.names()
        store.put([1, 2, 3], as: ArchiveName(first: Position(2), last: names[1].last))
        let other = try ArchivedLog(records: 31)
        try other.move(12)
        let foreign = try other.archive.names()[0]
        other.archive.close()
        store.put(Bytes.read("\(other.archive.folder(foreign))/data.mdb"), as: foreign)
        let report = try store.verify()
        #expect(report.problems == [])
        #expect(report.unchecked.count == 2)
        #expect(report.unchecked.contains { $0.contains("segment \(foreign.text) ") })
        #expect(report.unchecked.contains { $0.contains("can't be opened") })
        #expect(report.isFolded)
    }

    /// One that is missing makes the others no less worth a check.
    @Test(arguments: 0...2)
    func besideAGapTheOthersAreChecked(missing: Int) throws {
        let store = try ArchivedLog()
        try store.move(2, 5, 9)
        let names = try store.archive.names()
        try store.rename(names[missing], to: "away")
        for (index, name) in names.enumerated() where index != missing {
            #expect(try store.verify().problems.map(\.part) == [.archive])
            try store.spoil(name, name.first.next)
            let report = try store.verify()
            #expect(report.problems.map(\.part).contains(.events))
            #expect(report.problems.contains { $0.position == name.first.next })
            try store.spoil(name, name.first.next)
            let good = Bytes.read("\(store.archive.folder(name))/data.mdb")
            store.put([1, 2, 3], as: name)
            #expect(try store.verify().problems.contains { $0.position == name.first })
            store.put(good, as: name)
        }
    }
}
