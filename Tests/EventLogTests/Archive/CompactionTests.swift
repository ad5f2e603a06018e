import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// A compaction that was ended at any moment loses nothing, and can be gone on with.
@Suite struct CompactionTests {
    private let store: ArchivedLog
    private let last: Position

    init() throws {
        store = try ArchivedLog()
        last = store.ends[store.ends.count / 2]
    }

    /// How far one came.
    enum Step: CaseIterable {
        case begun, copied, checked, published, noted, partlyRemoved, removed
    }

    private struct Ended: Error {}

    private func compact(upTo step: Step) throws {
        let name: ArchiveName
        do {
            var compaction = try LogCompaction(store.log, through: last)
            name = compaction.name
            if step == .begun { return }
            while try compaction.copy() {}
            if step == .copied { return }
            try compaction.check(workers: 2) { _ in }
            if step == .checked { return }
            try compaction.publish()
        }
        if step == .published { return }
        try store.note(name)
        if step == .noted { return }
        do {
            try store.log.removeArchived(through: last, batch: 4) { position in
                if step == .partlyRemoved, position.rawValue > 8 { throw Ended() }
            }
        } catch is Ended {}
    }

    @Test(arguments: Step.allCases)
    func oneThatWasEndedIsGoneOnWith(step: Step) throws {
        try compact(upTo: step)
        let expectWhole = {
            try store.expectAll("\(step)")
            #expect(try store.verify().problems == [])
            #expect(try store.verify(skipsArchive: true).problems == [])
        }
        try expectWhole()
        let isCopied = [.published, .noted, .partlyRemoved].contains(step)
        let found = try store.log.unfinishedSegment(through: last)
        #expect(found?.name.last == (isCopied ? last : nil))
        #expect(found?.isSaid ?? (step != .published) == (step != .published))
        try store.goOn(through: last)
        try expectWhole()
        #expect(try store.driver.snapshot().archivedThrough() == last)
        #expect(TemporaryFolder.names(store.archive.path) == ["1-\(last.rawValue)"])
    }

    /// It is gone on with, wherever the next one was told to end.
    @Test(arguments: Step.allCases)
    func theNextOneMayHaveAnotherEnd(step: Step) throws {
        try compact(upTo: step)
        for end in [store.ends[1], store.ends[store.ends.count - 3]] {
            try store.goOn(through: end)
            try store.expectAll("\(step)")
            #expect(try store.verify().problems == [])
            #expect(try store.driver.snapshot().archivedThrough() >= end)
        }
        let names = TemporaryFolder.names(store.archive.path)
        #expect(names.compactMap(ArchiveName.init).count == names.count, "\(names)")
        let reached = try store.driver.snapshot().archivedThrough()
        #expect(try store.archive.gaps(through: reached) == [])
    }

    /// Half a commit in the log has no head before it: nothing could be moved any more.
    @Test(arguments: [1, 2, 3, 5, 1_000] as [UInt64])
    func eventsLeaveTheLogInWholeCommits(batch: UInt64) throws {
        #expect(store.ends.contains { !store.ends.contains($0.next) }, "all have one event")
        let name = try store.copy(through: last)
        try store.note(name)
        var told: [Position] = []
        while told.last != last {
            do {
                try store.log.removeArchived(through: last, batch: batch) { position in
                    told.append(position)
                    throw Ended()
                }
            } catch is Ended {}
            let archived = try store.driver.snapshot().archivedThrough()
            #expect(told.last == archived)
            #expect(store.ends.contains(archived))
            let found = try store.log.unfinishedSegment(through: .none)
            #expect(found?.name == (archived == last ? nil : name))
            #expect(try store.verify().problems == [])
        }
        #expect(told == told.sorted())
        #expect(told.count <= store.ends.count)
        try store.expectAll()
    }

    @Test func whatEarlierOnesLeftInTheMakingIsRemoved() throws {
        mkdir(store.archive.path, 0o700)
        for name in ["1-7.filling", "1-9.filling.new-999999999", "1-7.new-999999999"] {
            mkdir("\(store.archive.path)/\(name)", 0o700)
            Bytes.write([1], "\(store.archive.path)/\(name)/data.mdb")
        }
        mkdir("\(store.archive.path)/mine", 0o700)
        try store.move(through: last)
        #expect(TemporaryFolder.names(store.archive.path) == ["1-\(last.rawValue)", "mine"])
    }

    /// The old file of a log that was replaced has all that left it since.
    @Test func whatWasReplacedIsRemovedThoughNothingIsToBeMoved() throws {
        // Number 1 lives, but is another process by now.
        for number in [999_999_999, 1] {
            let left = "\(store.log.path).new-\(number)"
            mkdir(left, 0o700)
            Bytes.write([1], "\(left)/data.mdb")
        }
        store.log.removeUnfinished()
        #expect(TemporaryFolder.names(store.driver.folder.path) == ["log"])
        try store.expectAll()
    }

    @Test func aCopyThatIsNotWhatWasWrittenIsNotTakenForOne() throws {
        for position in [Position(1), Position(9), last] {
            var compaction = try LogCompaction(store.log, through: last)
            while try compaction.copy() {}
            let path = "\(store.archive.folder(compaction.name)).filling"
            try tamper(path, position)
            #expect(throws: EventLogError.self) { try compaction.check(workers: 0) { _ in } }
            compaction.discard()
        }
        #expect(TemporaryFolder.names(store.archive.path) == [])
        try store.expectAll()
    }

    private func tamper(_ path: String, _ position: Position) throws {
        var options = EnvironmentOptions(durability: .none)
        options.mapSize = max(options.mapSize, 4 * Int(try store.log.usedBytes()))
        let environment = try Environment.open(path, options)
        let transaction = try environment.beginWrite()
        let events = try transaction.database("events")
        var value = try transaction.value(events, StoreKeys.position(position)) ?? []
        value[value.count - 1] ^= 1
        try transaction.put(events, StoreKeys.position(position), value)
        try transaction.commit()
    }

    /// The log still has what the segment lost: it must not go.
    @Test func aSegmentThatWasSpoiltSinceIsCheckedBeforeEventsGo() throws {
        let name = try store.copy(through: last)
        try store.spoil(name, Position(5))
        let found = failure { try store.log.check(name, workers: 0) { _ in } }?.damage
        #expect(found?.position == Position(5))
        #expect(try store.driver.snapshot().archivedThrough() == .none)
        try store.goOn(through: last)
        try store.expectAll("what the log has is put there again")
        #expect(try store.verify().problems == [])
    }

    /// A copy of another moment that lies there is no order to move more than was asked for.
    @Test func aWiderSegmentIsTakenOnlyWhereThatIsSaidOrWanted() throws {
        let wide = try store.copy(through: last)
        let less = store.ends[3]
        #expect(try store.log.unfinishedSegment(through: less) == nil)
        try store.goOn(through: less)
        #expect(try store.driver.snapshot().archivedThrough() == less)
        #expect(try store.driver.snapshot().lastCompacted() == less)
        try store.expectAll()
        let found = try store.log.unfinishedSegment(through: last)
        #expect(found?.name == wide)
        #expect(found?.isSaid == false)
        try store.note(wide)
        #expect(try store.log.unfinishedSegment(through: less)?.isSaid == true)
        try store.goOn(through: less)
        #expect(try store.driver.snapshot().archivedThrough() == last)
        try store.expectAll()
        #expect(try store.verify().problems == [])
    }

    /// Where what was spoilt is not among the events that are out already, the log has it still.
    @Test func aSegmentThatWasSpoiltBetweenTwoRemovalsIsMendedFromTheLog() throws {
        let name = try store.copy(through: last)
        try store.note(name)
        #expect(throws: Ended.self) {
            try store.log.removeArchived(through: last, batch: 4) { _ in throw Ended() }
        }
        let archived = try store.driver.snapshot().archivedThrough()
        #expect(archived > .none && archived < last)
        try store.spoil(name, last)
        try store.goOn(through: last)
        try store.expectAll()
        #expect(try store.verify().problems == [])
    }

    @Test func aCopyIsNotSpoiltByWhatIsDamagedInTheLog() throws {
        let name = try store.copy(through: last)
        store.archive.close()
        let file = Bytes.read("\(store.archive.folder(name))/data.mdb")
        try store.driver.tamper("events") { transaction, events throws(LMDBError) in
            let key = StoreKeys.position(Position(9))
            var value = try transaction.value(events, key) ?? []
            value[value.count - 1] ^= 1
            try transaction.put(events, key, value)
        }
        #expect(failure { try store.goOn(through: last) }?.damage?.position == Position(9))
        #expect(Bytes.read("\(store.archive.folder(name))/data.mdb") == file)
    }

    @Test func whatLiesUnderTheNameAndIsNoCopyIsNotOverwritten() throws {
        let name = ArchiveName(first: Position(1), last: last)
        store.put([1, 2, 3], as: name)
        #expect(try store.log.unfinishedSegment(through: last) == nil)
        #expect(
            failure { _ = try store.copy(through: last) }?.description
                .contains("move it away") == true)
        #expect(Bytes.read("\(store.archive.folder(name))/data.mdb") == [1, 2, 3])
        try store.expectAll()
    }

    @Test func aDamagedEventStaysWhereItIs() throws {
        try store.driver.tamper("events") { transaction, events throws(LMDBError) in
            var value = try transaction.value(events, StoreKeys.position(Position(7))) ?? []
            value[value.count - 1] ^= 1
            try transaction.put(events, StoreKeys.position(Position(7)), value)
        }
        #expect(failure { _ = try store.copy(through: last) }?.damage?.position == Position(7))
        #expect(try store.archive.names() == [])
    }

    @Test func aCommitIsNeverCut() throws {
        let snapshot = try store.driver.snapshot()
        #expect(try snapshot.endOfCommit(before: Position(1)) == .none)
        for number in 2...UInt64(store.before.count) {
            let end = try snapshot.endOfCommit(before: Position(number))
            #expect(end == store.ends.last { $0.rawValue < number } ?? .none)
        }
        #expect(try snapshot.endOfCommit(before: Position(.max)) == store.driver.control.position)
    }

    @Test func theLogAndItsFileAreReplacedAndGoOn() throws {
        try store.move(through: last)
        let used = try store.log.usedBytes()
        try store.log.replaceByCompacted()
        #expect(!store.log.isInPlace)
        let log = try EventLog.open(
            store: store.driver.folder.path, .write, durability: .none)
        #expect(log.isInPlace)
        #expect(try log.usedBytes() <= used)
        #expect(
            try ArchivedLog.entries(log.snapshot()) == ArchivedLog.entries(store.log.snapshot()))
        #expect(try LogVerifier(log).run().problems == [])
        #expect(try log.snapshot().control() == store.driver.control)
        #expect(try !log.isMostlyFree())
    }

    @Test func aLogWhoseFileWasNotReplacedSaysSo() throws {
        #expect(try !store.log.isMostlyFree())
        let store = try ArchivedLog(records: 400)
        try store.move(through: store.ends[store.ends.count - 2])
        #expect(try store.log.isMostlyFree())
    }
}
