import Glibc
import SyncCore
import Synchronization
import TestSupport
import Testing

@testable import LMDB

@Suite struct EnvironmentTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("env") }

    @Test func oneFileIsOneEnvironmentWhateverPathLeadsToIt() throws {
        try Environment.makeWithData(path)
        symlink(path, folder.at("link"))
        let environment = try Environment.open(path, .quick())
        #expect(try Environment.open(path, .quick()) === environment)
        #expect(try Environment.open("\(path)/../env/.", .quick()) === environment)
        #expect(try Environment.open(folder.at("link"), .quick()) === environment)
    }

    @Test func otherOptionsAreRefusedWhileItIsOpen() throws {
        try Environment.makeWithData(path)
        do {
            let environment = try Environment.open(path, .quick())
            var other = EnvironmentOptions.quick()
            other.readOnly = true
            #expect(code { _ = try Environment.open(path, other) } == .conflictingOpen)
            withExtendedLifetime(environment) {}
        }
        var other = EnvironmentOptions.quick()
        other.readOnly = true
        #expect(code { _ = try Environment.open(path, other) } == nil)
    }

    @Test func itKeepsItsLockWhileThreadsOpenAndCloseTheSameFile() throws {
        try Environment.makeWithData(path)
        _ = try Environment.open(path, .quick()).text("key")
        // Closed at the end only: closing any descriptor of the file would drop the locks itself.
        let probe = open("\(path)/lock.mdb", O_RDWR | O_CLOEXEC)
        defer { close(probe) }
        let unlocked = Atomic(0)
        let failures = Atomic(0)
        let path = path
        TemporaryThreads(8) {
            for _ in 0..<3_000 {
                do {
                    let environment = try Environment.open(path, .quick())
                    for _ in 0..<3 where !Self.isLocked(probe) {
                        unlocked.add(1, ordering: .relaxed)
                    }
                    withExtendedLifetime(environment) {}
                } catch {
                    failures.add(1, ordering: .relaxed)
                }
            }
        }.join()
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(unlocked.load(ordering: .relaxed) == 0, "it was open twice")
    }

    /// Whether a process holds a POSIX lock on a file; asked by a lock that would conflict with it.
    private static func isLocked(_ descriptor: Int32) -> Bool {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        let askOpenFileLock: Int32 = 36  // F_OFD_GETLK
        let status = fcntl(descriptor, askOpenFileLock, &lock)
        return status == 0 && lock.l_type != Int16(F_UNLCK)
    }

    @Test func thereMustBeAnEnvironment() {
        #expect(code { _ = try Environment.open(path) } == .notFound)
        mkdir(path, 0o700)
        #expect(code { _ = try Environment.open(path) } == .notFound)
    }

    @Test func aTruncatedFileIsRefusedAtEveryPage() throws {
        try Environment.makeWithData(path) { transaction, data throws(LMDBError) in
            for number in 0..<64 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: number, count: 3_000))
            }
        }
        let whole = Bytes.read("\(path)/data.mdb")
        #expect(whole.count > 40 * 4_096)
        for length in stride(from: 1, to: whole.count, by: 4_096 + 512) {
            let cut = Array(whole[..<length])
            Bytes.write(cut, "\(path)/data.mdb")
            let code = code { _ = try Environment.open(path, .quick()) }
            #expect(
                code == .truncated || (code == .notAnEnvironment && length < 8_192), "\(length)")
            let isSame = Bytes.read("\(path)/data.mdb") == cut
            #expect(isSame, "it must stay as it was")
        }
        Bytes.write(whole, "\(path)/data.mdb")
        #expect(code { _ = try Environment.open(path, .quick()) } == nil)
    }

    @Test(arguments: [0, 1, 100, 4_096, 8_192, 100_000])
    func aFileOfSomethingElseIsRefusedAndStaysAsItWas(length: Int) throws {
        var generator = SeededGenerator(seed: UInt64(length))
        let garbage = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        mkdir(path, 0o700)
        Bytes.write(garbage, "\(path)/data.mdb")
        let code = code { _ = try Environment.open(path, .quick()) }
        #expect(code == (length == 0 ? .truncated : .notAnEnvironment))
        let isSame = Bytes.read("\(path)/data.mdb") == garbage
        #expect(isSame, "it must stay as it was")
    }

    /// A transaction that takes pages and frees them again never writes them, so LMDB's own count
    /// of pages may lie beyond the end of a file that is whole.
    @Test func aHealthyFileThatEndsBeforeItsFreePagesIsOpened() throws {
        try Environment.makeWithData(path, .quick())
        do {
            let environment = try Environment.open(path, .quick())
            let data = try environment.data
            let big = [UInt8](repeating: 1, count: 100_000)
            for round in UInt8(0)..<4 {
                let transaction = try environment.beginWrite()
                try transaction.put(data, [round], [1])
                try transaction.put(data, [0xFF], big)
                try transaction.delete(data, [0xFF])
                try transaction.commit()
            }
            let size = UInt64(Bytes.read("\(path)/data.mdb").count)
            let used = try environment.info().usedBytes
            try #require(size < used)
        }
        let environment = try Environment.open(path, .quick())
        let data = try environment.data
        let count = try environment.beginRead().count(data)
        #expect(count == 4)
    }

    @Test func aCreationThatFailsLeavesNothing() throws {
        struct Stop: Error {}
        let code = code {
            try Environment.create(path, .quick()) { transaction throws(LMDBError) in
                let data = try transaction.createDatabase("data")
                try transaction.put(data, [1], [1])
                throw LMDBError(.io, operation: "fill", path: "")
            }
        }
        #expect(code == .io)
        #expect(TemporaryFolder.names(folder.path) == [])
    }

    @Test func aCreationNeverReplacesAnEnvironment() throws {
        try Environment.makeWithData(path)
        try Environment.open(path, .quick()).put("key", "kept")
        #expect(code { try Environment.makeWithData(path) } != nil)
        #expect(TemporaryFolder.names(folder.path) == ["env"])
        #expect(try Environment.open(path, .quick()).text("key") == "kept")
    }

    @Test func aKilledCreationLeavesNoEnvironment() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            try Environment.create(path) { transaction throws(LMDBError) in
                _ = try transaction.createDatabase("data")
                kill(getpid(), SIGKILL)
            }
        }
        #expect(code { _ = try Environment.open(path) } == .notFound)
        try Environment.makeWithData(path)
        #expect(try Environment.open(path, .quick()).text("key") == nil)
        #expect(TemporaryFolder.names(folder.path) == ["env"], "nothing of the killed one stays")
    }

    @Test func onlyTheOwnerMayReadTheFiles() throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path, .quick())
        #expect(Bytes.mode(path) == 0o700)
        #expect(Bytes.mode("\(path)/data.mdb") == 0o600)
        #expect(Bytes.mode("\(path)/lock.mdb") == 0o600)
        withExtendedLifetime(environment) {}
    }

    @Test func aReadOnlyEnvironmentRefusesToWrite() throws {
        try Environment.makeWithData(path) { transaction, data throws(LMDBError) in
            try transaction.put(data, Array("key".utf8), Array("value".utf8))
        }
        var options = EnvironmentOptions.quick()
        options.readOnly = true
        let environment = try Environment.open(path, options)
        #expect(code { _ = try environment.beginWrite() } == .permission)
        #expect(try environment.text("key") == "value")
    }

    @Test func aCopyHoldsOneSnapshot() throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path, .quick())
        for number in 0..<50 { try environment.put("\(number)", "value \(number)") }
        try copy(environment, to: folder.at("copy"))
        try environment.put("later", "value")
        let copy = try Environment.open(folder.at("copy"), .quick())
        #expect(try copy.text("49") == "value 49")
        #expect(try copy.text("later") == nil)
        #expect(try copy.info().usedBytes <= environment.info().usedBytes)
    }

    private func copy(_ environment: Environment, to path: String) throws {
        mkdir(path, 0o700)
        let descriptor = Glibc.open("\(path)/data.mdb", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        try environment.copy(to: descriptor)
    }

    @Test func aCopyThatCantBeWrittenFails() throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path, .quick())
        let descriptor = Glibc.open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        #expect(code { try environment.copy(to: descriptor) } == .diskFull)
    }

    @Test func itKnowsWhetherItsFileIsStillThere() throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path, .quick())
        try environment.put("key", "removed")
        #expect(environment.isInPlace)
        Environment.removeEnvironment(path)
        #expect(!environment.isInPlace)
        try Environment.makeWithData(path)
        #expect(!environment.isInPlace)
        let other = try Environment.open(path, .quick())
        #expect(other !== environment)
        #expect(other.isInPlace)
        #expect(try other.text("key") == nil)
        #expect(try environment.text("key") == "removed")
    }

    @Test func networkFileSystemsAreKnownByTheirMagic() {
        #expect(FileSystem.networkName(folder.path) == nil)
        #expect(FileSystem.networkName(magic: 0x6969) == "NFS")
        #expect(FileSystem.networkName(magic: Int(Int32(bitPattern: 0xFF53_4D42))) == "CIFS")
        for (magic, name) in [
            (0x5346_414F, "AFS"), (0x00C3_6400, "Ceph"), (0x0BD0_0BD0, "Lustre"),
            (0x0116_1970, "GFS2"), (0x7461_636F, "OCFS2"), (0x786F_4256, "vboxsf"),
        ] {
            #expect(FileSystem.networkName(magic: magic) == name)
        }
        #expect(FileSystem.networkName(magic: 0xEF53) == nil)
    }

    @Test func errorsNameTheOperationThePlaceAndWhatToDo() {
        let error = LMDBError(.diskFull, operation: "commit", path: "/store/log", detail: "full")
        #expect(
            error.description
                == "/store/log: commit failed: full; free some space on this file system")
    }

    // MARK: The lock file

    private func blocks(_ path: String) -> (size: Int, allocated: Int) {
        var info = stat()
        guard stat(path, &info) == 0 else { return (0, 0) }
        return (Int(info.st_size), Int(info.st_blocks) * 512)
    }

    /// LMDB writes it through a map: a block that isn't there on a full disk is a SIGBUS.
    @Test(arguments: [1, 126, 1_000] as [UInt32])
    func theLockFileHasAllOfItsBlocks(readers: UInt32) throws {
        let path = folder.at("env")
        var options = EnvironmentOptions.quick()
        options.maxReaders = readers
        try Environment.makeWithData(path, options)
        let lock = blocks("\(path)/lock.mdb")
        #expect(lock.size > 0)
        #expect(lock.allocated >= lock.size)

        // As an earlier opening by LMDB alone left it.
        unlink("\(path)/lock.mdb")
        let descriptor = open("\(path)/lock.mdb", O_RDWR | O_CREAT, 0o600)
        #expect(ftruncate(descriptor, 8_192) == 0)
        close(descriptor)
        let environment = try Environment.open(path, options)
        let mended = blocks("\(path)/lock.mdb")
        #expect(mended.size >= 8_192)
        #expect(mended.allocated >= mended.size)
        withExtendedLifetime(environment) {}
    }

    @Test func aDiskThatHasNoRoomForTheLockFileIsFull() async throws {
        let path = folder.at("env")
        try Environment.makeWithData(path)
        unlink("\(path)/lock.mdb")
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4_096, rlim_max: 4_096)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            exit(code { _ = try Environment.open(path, .quick()) } == .diskFull ? 0 : 1)
        }
    }
}
