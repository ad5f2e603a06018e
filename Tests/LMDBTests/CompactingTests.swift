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

    /// LMDB takes memory of earlier pages for new ones, and writes all of it.
    @Test func nothingOfWhatWasDeletedIsBetweenWhatIsThere() throws {
        try Environment.makeWithData(path, .quick()) { _, _ throws(LMDBError) in }
        let environment = try Environment.open(path, .quick())
        let data = try environment.data
        let write = { (byte: UInt8, bytes: Int) throws(LMDBError) in
            let transaction = try environment.beginWrite()
            for number in 0..<20 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: byte, count: bytes))
            }
            try transaction.commit()
        }
        try write(7, 3_000)
        try write(8, 60)
        try write(9, 2_100)
        let before = try environment.beginRead().all(data)
        #expect(Self.longestRun(of: 7, in: Bytes.read("\(path)/data.mdb")) >= 800)
        try environment.replaceByCompacted()
        let bytes = Bytes.read("\(path)/data.mdb")
        #expect(Self.longestRun(of: 7, in: bytes) < 8)
        #expect(Self.longestRun(of: 8, in: bytes) < 8)
        let new = try Environment.open(path, .quick())
        let newData = try new.data
        #expect(try new.beginRead().all(newData) == before)
        #expect(try new.pageProblem() == nil)
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

    /// It may lie on another disk, where two folders can't change places with one here.
    @Test func whereALinkLeadsItIsReplaced() throws {
        _ = try make()
        mkdir(folder.at("disk"), 0o700)
        #expect(rename(path, folder.at("disk/here")) == 0)
        #expect(symlink(folder.at("disk/here"), path) == 0)
        let environment = try Environment.open(path, .quick())
        let size = try environment.info().usedBytes
        // The place beside the link is taken, as one on another disk is of no use.
        let name = Environment.unfinished(path)
        mkdir(name, 0o700)
        mkdir("\(name)/mine", 0o700)
        try environment.replaceByCompacted()
        #expect(FileSystem.isLink(path))
        #expect(!environment.isInPlace)
        #expect(try Environment.open(path, .quick()).info().usedBytes < size / 4)
        #expect(TemporaryFolder.names(folder.at("disk")) == ["here"])
        #expect(TemporaryFolder.names(folder.path).prefix(2) == ["disk", "env"])
    }

    @Test func aDataFileThatIsALinkIsNotReplaced() throws {
        _ = try make()
        #expect(rename("\(path)/data.mdb", folder.at("elsewhere")) == 0)
        #expect(symlink(folder.at("elsewhere"), "\(path)/data.mdb") == 0)
        let environment = try Environment.open(path, .quick())
        let found = error { try environment.replaceByCompacted() }
        #expect(found?.isRefusedReplacement == true)
        #expect(found?.detail == "it is a link")
        #expect(environment.isInPlace)
        #expect(TemporaryFolder.names(folder.path) == ["elsewhere", "env"])
    }

    @Test func ownerAndModeAreKept() throws {
        let environment = try make()
        let isRoot = geteuid() == 0
        if isRoot {
            for file in [path, "\(path)/data.mdb"] { #expect(chown(file, 4_711, 4_712) == 0) }
        }
        #expect(chmod(path, 0o750) == 0)
        #expect(chmod("\(path)/data.mdb", 0o640) == 0)
        try environment.replaceByCompacted()
        #expect(!environment.isInPlace)
        #expect(TemporaryFolder.names(path) == ["data.mdb", "lock.mdb"])
        for (file, mode) in [
            (path, 0o750), ("\(path)/data.mdb", 0o640), ("\(path)/lock.mdb", 0o640),
        ] {
            var info = stat()
            #expect(stat(file, &info) == 0)
            #expect(info.st_mode & 0o777 == mode, "\(file)")
            if isRoot { #expect(info.st_uid == 4_711 && info.st_gid == 4_712, "\(file)") }
        }
    }

    /// After so many looks at whether it is wanted still.
    @Test(arguments: [1, 2, 5]) func aCopyThatIsNotWantedAnyMoreEnds(looks: Int) throws {
        try Environment.makeWithData(path, .quick()) {
            transaction, data throws(LMDBError) in
            for number in 0..<200 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: number, count: 30_000))
            }
        }
        let open = try Environment.open(path, .quick())
        var asked = 0
        let found = error {
            try open.replaceByCompacted {
                asked += 1
                return asked == looks
            }
        }
        #expect(found?.code == .stopped)
        #expect(asked == looks)
        #expect(open.isInPlace)
        #expect(TemporaryFolder.names(folder.path) == ["env"])
        try open.replaceByCompacted()
        #expect(!open.isInPlace)
    }

    private func error(_ body: () throws -> Void) -> LMDBError? {
        do {
            try body()
            return nil
        } catch {
            return error as? LMDBError
        }
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
