import Glibc
import Synchronization
import TestSupport
import Testing

@testable import LMDB

/// An environment changes places with a copy of itself that has no free pages, while others read.
@Suite struct CompactingTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("env") }

    /// One with many free pages.
    private func make() throws -> Environment {
        try Environment.makeWithData(path, .quick()) { transaction, data throws(LMDBError) in
            for number in 0..<200 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: number, count: 3_000))
            }
        }
        let environment = try Environment.open(path, .quick())
        let data = try environment.data
        let transaction = try environment.beginWrite()
        for number in 0..<190 as Range<UInt8> { try transaction.delete(data, [number]) }
        try transaction.commit()
        return environment
    }

    @Test func theFileGetsSmallerAndHasTheSame() throws {
        let environment = try make()
        let data = try environment.data
        let before = try environment.beginRead().all(data)
        let size = try environment.info().usedBytes
        #expect(try environment.freePages() >= 190)
        try environment.replaceByCompacted()
        #expect(!environment.isInPlace)
        let new = try Environment.open(path, .quick())
        #expect(new !== environment)
        let newData = try new.data
        #expect(try new.beginRead().all(newData) == before)
        #expect(try new.info().usedBytes < size / 4)
        #expect(try new.freePages() == 0)
        #expect(try new.pageProblem() == nil)
        #expect(Self.longestRun(of: 7, in: Bytes.read("\(path)/data.mdb")) < 1_000)
        #expect(TemporaryFolder.names(folder.path) == ["env"])
        #expect(Bytes.mode("\(path)/data.mdb") == 0o600)
        try new.put("key", "value")
        #expect(try new.text("key") == "value")
    }

    /// What was deleted had 3,000 in a row.
    private static func longestRun(of byte: UInt8, in bytes: [UInt8]) -> Int {
        var (longest, run) = (0, 0)
        for other in bytes {
            run = other == byte ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }

    @Test func whoReadsGoesOnWithTheOldFile() throws {
        let environment = try make()
        let data = try environment.data
        let reader = try environment.beginRead()
        let before = try reader.all(data)
        try environment.replaceByCompacted()
        #expect(try reader.all(data) == before)
        let new = try Environment.open(path, .quick())
        try new.put("key", "value")
        #expect(try reader.all(data) == before)
        try reader.renew()
        #expect(try reader.all(data) == before, "what came later is in the other file")
        let newData = try new.data
        #expect(try new.beginRead().all(newData).count == before.count + 1)
    }

    @Test func whatKilledOnesLeftIsRemoved() throws {
        let environment = try make()
        // Number 1 lives: it is another process by now.
        for name in ["env.new-999999999", "env.new-1", "env.new-x", "other.new-999999999"] {
            mkdir(folder.at(name), 0o700)
            Bytes.write([1], "\(folder.at(name))/data.mdb")
        }
        try environment.replaceByCompacted()
        #expect(TemporaryFolder.names(folder.path) == ["env", "other.new-999999999"])
    }

    /// Whoever only makes one anew may not.
    @Test func whatTheLivingMakeIsLeftToThem() {
        for name in ["env.new-999999999", "env.new-1", "env.new-x"] {
            mkdir(folder.at(name), 0o700)
        }
        Environment.removeUnfinished(path)
        #expect(Set(TemporaryFolder.names(folder.path)) == ["env.new-1", "env.new-x"])
    }

    @Test func tryingWhetherItCanBeReplacedChangesNothing() throws {
        let environment = try make()
        let inode = FileSystem.identity("\(path)/data.mdb")?.inode
        let before = Bytes.read("\(path)/data.mdb")
        try Environment.checkReplaceable(path)
        #expect(environment.isInPlace)
        #expect(FileSystem.identity("\(path)/data.mdb")?.inode == inode)
        #expect(Bytes.read("\(path)/data.mdb") == before)
        #expect(TemporaryFolder.names(folder.path) == ["env"])
        #expect(Set(TemporaryFolder.names(path)) == ["data.mdb", "lock.mdb"])
        try environment.put("key", "value")
        #expect(try environment.text("key") == "value")
    }

    @Test func oneThatCannotBeReplacedIsNamed() throws {
        _ = try make()
        // Its own name is taken by what it can't remove.
        let name = Environment.unfinished(path)
        mkdir(name, 0o700)
        mkdir("\(name)/mine", 0o700)
        #expect(code { try Environment.checkReplaceable(path) } == .other(EEXIST))
        #expect(code { try Environment.checkReplaceable(folder.at("none")) } == .notFound)
    }

    /// One whose making was cut short is thrown away: nothing must be exchanged for it.
    @Test func whoIsAloneNeedsNoExchange() throws {
        let environment = try make()
        let data = try environment.data
        let before = try environment.beginRead().all(data)
        try environment.replaceByCompacted(isAlone: true)
        let new = try Environment.open(path, .quick())
        let newData = try new.data
        #expect(try new.beginRead().all(newData) == before)
        #expect(try new.freePages() == 0)
    }

    @Test func oneThatCannotBeWrittenLeavesAllAsItWas() throws {
        let environment = try make()
        let before = Bytes.read("\(path)/data.mdb")
        // Its own name is taken by what it can't remove.
        let name = Environment.unfinished(path)
        mkdir(name, 0o700)
        mkdir("\(name)/mine", 0o700)
        #expect(code { try environment.replaceByCompacted() } == .other(EEXIST))
        #expect(environment.isInPlace)
        #expect(Bytes.read("\(path)/data.mdb") == before)
    }

    /// Files of two folders must not come together: the pages of one, the locks of the other.
    @Test func itCanBeOpenedWhileItIsReplaced() throws {
        _ = try make()
        let isOver = Atomic(false)
        let failures = Atomic(0)
        let opened = Atomic(0)
        let isFirst = Atomic(true)
        let path = path
        TemporaryThreads(2) {
            if isFirst.exchange(false, ordering: .relaxed) {
                for number in 0..<60 {
                    do {
                        let environment = try Environment.open(path, .quick())
                        try environment.put("number", String(number))
                        try environment.replaceByCompacted()
                    } catch {
                        failures.add(1, ordering: .relaxed)
                    }
                }
                isOver.store(true, ordering: .relaxed)
                return
            }
            while !isOver.load(ordering: .relaxed) {
                do {
                    let environment = try Environment.open(path, .quick())
                    let data = try environment.data
                    let count = try environment.beginRead().count(data)
                    if count < 10 { failures.add(1, ordering: .relaxed) }
                    opened.add(1, ordering: .relaxed)
                } catch {
                    failures.add(1, ordering: .relaxed)
                }
            }
        }.join()
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(opened.load(ordering: .relaxed) > 0)
        let environment = try Environment.open(path, .quick())
        #expect(try environment.text("number") == "59")
    }
}
