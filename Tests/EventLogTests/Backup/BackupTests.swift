import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

@Suite struct BackupTests {
    private let folder = TemporaryFolder()

    private func copy(_ log: EventLog, to name: String) throws -> EventLog {
        let store = folder.at(name)
        mkdir(store, 0o700)
        mkdir(EventLog.folder(of: store), 0o700)
        let descriptor = open("\(store)/log/data.mdb", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        try log.copy(to: descriptor)
        return try EventLog.open(store: store, .read)
    }

    @Test func aCopyIsTheLogAsItWasThen() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        let before = driver.control
        let tail = try driver.log.snapshot().tail()
        let copy = try copy(driver.log, to: "copy")
        let request = try #require(driver.wire.first)
        try driver.answer(request, FakeAPI(1...30).answer(request))
        #expect(driver.control.position > before.position)
        #expect(try copy.snapshot().control() == before)
        #expect(try copy.snapshot().tail().head == tail.head)
        let report = try LogVerifier(copy).run()
        #expect(report.isClean)
        #expect(report.position == before.position)
        // What went on still has the same chain there.
        #expect(try driver.log.snapshot().head(at: before.position) == tail.head)
    }

    @Test func theHeadIsKnownWhereACommitEndsAndNowhereElse() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        let end = driver.control.position
        let snapshot = try driver.log.snapshot()
        #expect(try snapshot.head(at: .none) == ChainHasher.genesis)
        #expect(try snapshot.head(at: end) == snapshot.tail().head)
        #expect(try snapshot.head(at: end.next) == nil)
        // The request's step is one commit of several events.
        let inside = try #require(driver.events.last { !$0.startsStep })
        #expect(try snapshot.head(at: Position(inside.position.rawValue - 1)) == nil)
    }

    @Test func aCopyThatHasNoRoomFails() throws {
        let driver = try StoreDriver()
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        #expect(throws: EventLogError.self) { try driver.log.copy(to: descriptor) }
    }
}

@Suite struct FileStreamTests {
    private let folder = TemporaryFolder()

    private func write(_ bytes: [UInt8], to name: String) throws -> FileStream.Passed {
        Bytes.write(bytes, folder.at("source"))
        let descriptor = open(folder.at("source"), O_RDONLY)
        defer { close(descriptor) }
        return try FileStream(descriptor, path: "source").write(to: folder.at(name)) { _ in }
    }

    @Test(arguments: [0, 1, 1 << 20, 9 << 20 | 7]) func everyByteArrives(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        let passed = try write(bytes, to: "target")
        #expect(passed.bytes == UInt64(count))
        #expect(Bytes.read(folder.at("target")) == bytes)
        #expect(try FileStream.read(folder.at("target")) { _ in } == passed)
    }

    @Test func theDigestIsSHA256() throws {
        let passed = try write(Array("abc".utf8), to: "target")
        #expect(
            passed.digest.withUnsafeBytes { hexadecimal($0) }
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func whatIsThereIsNotOverwritten() throws {
        Bytes.write([1], folder.at("target"))
        #expect(throws: EventLogError.self) { _ = try write([2, 3], to: "target") }
        #expect(Bytes.read(folder.at("target")) == [1])
    }

    @Test func progressComesToTheEndAndMayStopIt() throws {
        Bytes.write([UInt8](repeating: 7, count: 3 << 20), folder.at("file"))
        var told: [UInt64] = []
        _ = try FileStream.read(folder.at("file")) { told.append($0) }
        #expect(told == [1 << 20, 2 << 20, 3 << 20])
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            _ = try FileStream.read(folder.at("file")) { _ in throw Stop() }
        }
    }
}
