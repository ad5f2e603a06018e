import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// An archive of many segments takes no more than one of few.
@Suite struct ManySegmentsTests {
    private let store: ArchivedLog

    init() throws {
        store = try ArchivedLog(records: 40)
        for end in store.ends.dropLast() { try store.move(through: end) }
    }

    /// The files of segments that this process has open.
    private func openFiles() throws -> Int {
        let links = try #require(FileSystem.names(in: "/proc/self/fd"))
        return links.count { name in
            var bytes = [CChar](repeating: 0, count: 4_096)
            let count = readlink("/proc/self/fd/\(name)", &bytes, bytes.count)
            guard count > 0 else { return false }
            let path = String(
                decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return path.contains(store.archive.path)
        }
    }

    @Test func onlyThoseInUseAndFewMoreAreOpen() throws {
        let names = try store.archive.names()
        #expect(names.count > 20)
        try store.expectAll()
        // A data file and a lock file each.
        #expect(try openFiles() <= 2 * 4)
        #expect(try openFiles() > 0)
        for workers in [0, 8] {
            let snapshot = try store.driver.snapshot()
            let checker = EventChecker(workers: workers, store.log.dictionaries)
            var feed = try EventFeed(
                snapshot.events(), from: Position(1), upTo: Position(.max), checker)
            var most = 0
            var next = Position(1)
            while let event = try feed.next() {
                #expect(event.key == next)
                // What it lends is there, though it reads ahead.
                #expect((try? event.result.get())?.position == next)
                #expect(event.value.count > EventHeader.identityRange.upperBound)
                next = next.next
                most = max(most, try openFiles())
            }
            #expect(next == store.driver.control.position.next)
            #expect(most <= 2 * (4 + 5), "\(workers) workers")
        }
        store.archive.close()
        #expect(try openFiles() == 0)
    }

    /// They are there as long as somebody reads them, and once.
    @Test func oneInUseStaysOpen() throws {
        let names = try store.archive.names()
        let first = try SegmentCursor(store.archive.segment(names[0]))
        for name in names { _ = try store.archive.segment(name) }
        #expect(try first.seek(names[0].first))
        #expect(first.position == names[0].first)
        let again = try store.archive.segment(names[0])
        #expect(again === first.segment)
    }

    @Test func aSegmentsMapIsAsLargeAsItsFile() throws {
        for name in try store.archive.names() {
            let segment = try store.archive.segment(name)
            let size = FileSystem.size("\(store.archive.folder(name))/data.mdb")
            #expect(try segment.environment.info().mapSize == size)
        }
    }

    @Test func whatCannotBeReadIsNotMissing() throws {
        let archive = LogArchive(path: "\(store.log.path)/data.mdb")
        let found = failure { _ = try archive.names() }
        guard case .storage(let error) = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(error.operation == "read folder")
        #expect(failure { _ = try archive.gaps(through: Position(5)) } != nil)
        #expect(try LogArchive(path: "\(store.archive.path)-none").names() == [])
    }

    @Test func aFileInThePlaceOfASegmentIsNamedWithTheReason() throws {
        let name = try store.archive.names()[1]
        try store.rename(name, to: "away")
        Bytes.write([1], store.archive.folder(name))
        let snapshot = try store.driver.snapshot()
        let reason = failure { _ = try snapshot.event(at: name.first) }?.damage?.reason
        #expect(reason?.contains("no data.mdb") == true)
    }
}
