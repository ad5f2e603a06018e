import Glibc
import Locks
import TestSupport
import Testing

@testable import ossync

@Suite struct LogFileTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("combined.log") }

    private func lines(_ name: String) -> [String] {
        guard let file = fopen(folder.at(name), "r") else { return [] }
        defer { fclose(file) }
        var text: [UInt8] = []
        var byte = fgetc(file)
        while byte != EOF {
            text.append(UInt8(truncatingIfNeeded: byte))
            byte = fgetc(file)
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func aFullFileIsKeptUnderTheNextNumber() throws {
        let log = try #require(LogFile(path, .init(maxBytes: 20, keep: 2)))
        for number in 10..<17 { log.append("line \(number)") }
        #expect(lines("combined.log") == ["line 16"])
        #expect(lines("combined.log.1") == ["line 14", "line 15"])
        #expect(lines("combined.log.2") == ["line 12", "line 13"])
        #expect(TemporaryFolder.names(folder.path).count == 3)
    }

    @Test func fewerAreKeptThanBefore() throws {
        for number in 1...6 {
            fclose(fopen(folder.at("combined.log.\(number)"), "w"))
        }
        let log = try #require(LogFile(path, .init(maxBytes: 10, keep: 3)))
        for _ in 0..<2 { log.append("123456") }
        #expect(
            TemporaryFolder.names(folder.path) == [
                "combined.log", "combined.log.1", "combined.log.2", "combined.log.3",
            ])
    }

    @Test func aLineThatIsLongerThanAFileIsWrittenWhole() throws {
        let log = try #require(LogFile(path, .init(maxBytes: 10, keep: 3)))
        let long = String(repeating: "x", count: 100)
        log.append(long)
        #expect(lines("combined.log") == [long])
        #expect(TemporaryFolder.names(folder.path) == ["combined.log"])
    }

    /// As processes do it: each with a descriptor of its own.
    @Test func manyThatWriteAndRotateLoseNoLine() throws {
        let (writers, each) = (4, 400)
        let numbers = Mutex(0)
        let path = path
        let threads = TemporaryThreads(writers) {
            let own = numbers.withLock { number in
                number += 1
                return number
            }
            guard let log = LogFile(path, .init(maxBytes: 500, keep: 1_000)) else { return }
            for number in 0..<each { log.append("writer \(own) line \(number)") }
        }
        threads.join()
        let names = TemporaryFolder.names(folder.path)
        let all = names.flatMap(lines)
        let expected = (1...writers).flatMap { writer in
            (0..<each).map { "writer \(writer) line \($0)" }
        }
        #expect(all.sorted() == expected.sorted())
        #expect(names.count > 4)
    }

    @Test func whatSomebodyElseRotatedIsLeft() throws {
        let log = try #require(LogFile(path))
        log.append("one")
        #expect(rename(path, folder.at("mine")) == 0)
        log.append("two")
        #expect(lines("mine") == ["one"])
        #expect(lines("combined.log") == ["two"])
        unlink(path)
        log.append("three")
        #expect(lines("combined.log") == ["three"])
    }

    /// A name that can't be given to it is no reason to say nothing.
    @Test func aFileThatCanNotBeRotatedIsGoneOnWith() throws {
        let log = try #require(LogFile(path, .init(maxBytes: 20, keep: 1)))
        #expect(mkdir(folder.at("combined.log.1"), 0o700) == 0)
        for number in 10..<20 { log.append("line \(number)") }
        #expect(lines("combined.log").count == 10)
        // Somebody else is rotating, for as long as it takes.
        rmdir(folder.at("combined.log.1"))
        let lock = open(folder.path, O_RDONLY | O_DIRECTORY)
        #expect(flock(lock, LOCK_EX) == 0)
        for number in 20..<30 { log.append("line \(number)") }
        #expect(lines("combined.log").count == 20)
        close(lock)
        log.append("line 30")
        #expect(lines("combined.log.1").count == 20)
        #expect(lines("combined.log") == ["line 30"])
    }

    @Test func aFolderThatIsGoneStopsNothing() throws {
        #expect(LogFile(folder.at("nowhere/combined.log")) == nil)
        #expect(mkdir(folder.at("logs"), 0o700) == 0)
        let log = try #require(LogFile(folder.at("logs/a"), .init(maxBytes: 10, keep: 1)))
        log.append("one")
        #expect(rename(folder.at("logs"), folder.at("old")) == 0)
        for _ in 0..<3 { log.append("longer than it") }
        #expect(lines("old/a").count == 4)
    }
}
