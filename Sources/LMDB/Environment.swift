internal import CLMDB
internal import Glibc
internal import Locks

/// How an environment is opened.
package struct EnvironmentOptions: Sendable, Equatable {
    package enum Durability: Sendable, Equatable {
        /// Each commit is on the disk when it returns.
        case full
        /// Nothing is, until `Environment.sync()`: only for an environment that is thrown away
        /// when its making is cut short.
        case none
    }

    /// The size of the map in bytes; sparse, so it may be large.
    package var mapSize: Int
    package var maxDatabases: UInt32
    package var maxReaders: UInt32
    package var readOnly: Bool
    package var durability: Durability

    package init(
        mapSize: Int = 64 << 30, maxDatabases: UInt32 = 32, maxReaders: UInt32 = 126,
        readOnly: Bool = false, durability: Durability = .full
    ) {
        self.mapSize = mapSize
        self.maxDatabases = maxDatabases
        self.maxReaders = maxReaders
        self.readOnly = readOnly
        self.durability = durability
    }
}

/// An LMDB environment: a folder with one data file and one lock file.
///
/// Opened at most once in a process, whatever path leads to it: POSIX locks break otherwise. Write
/// transactions must begin and end on one thread; readers are bound to no thread (MDB_NOTLS).
package final class Environment: Sendable {
    package let path: String
    package let options: EnvironmentOptions
    let key: EnvironmentRegistry.Key
    let gate = TransactionGate()
    private let processID: pid_t
    private let poisoned = Mutex(false)
    /// Which opening of the file the registry takes this for; 0 when it knows nothing of it.
    private let serial = Mutex<UInt64>(0)
    nonisolated(unsafe) let handle: OpaquePointer

    private init(
        path: String, options: EnvironmentOptions, handle: OpaquePointer,
        key: EnvironmentRegistry.Key
    ) {
        self.path = path
        self.options = options
        self.handle = handle
        self.key = key
        processID = getpid()
    }

    /// Closes the environment with its last holder.
    deinit {
        // After a fork the child must leave the parent's environment alone.
        guard processID == getpid() else { return }
        let serial = serial.withLock { $0 }
        if serial == 0 {
            mdb_env_close(handle)
        } else {
            EnvironmentRegistry.shared.close(key, serial: serial)
        }
    }

    func register(_ serial: UInt64) { self.serial.withLock { $0 = serial } }

    /// Opens the environment in a folder that holds one.
    ///
    /// - Throws: `.notFound` where there is none, `.truncated`, `.notAnEnvironment`,
    ///   `.networkFileSystem`, `.conflictingOpen`.
    package static func open(
        _ path: String, _ options: EnvironmentOptions = EnvironmentOptions()
    ) throws(LMDBError) -> Environment {
        var attempts = 1
        while true {
            do throws(LMDBError) {
                return try EnvironmentRegistry.shared.open(path, options)
            } catch {
                // Another one takes its place just now.
                guard error.code == .busy, attempts < mostAttempts else { throw error }
                attempts += 1
            }
        }
    }

    /// How often it is opened where it is replaced meanwhile, which takes one step.
    private static let mostAttempts = 10

    /// Makes an environment: in a temporary folder beside `path`, filled by `fill`, then renamed.
    ///
    /// So a crash leaves either a whole environment or none, and what it left of the temporary
    /// folder is removed by the next creation.
    package static func create(
        _ path: String, _ options: EnvironmentOptions = EnvironmentOptions(),
        fill: (borrowing WriteTransaction) throws(LMDBError) -> Void
    ) throws(LMDBError) {
        removeUnfinished(path)
        let temporary = unfinished(path)
        removeEnvironment(temporary)
        guard mkdir(temporary, 0o700) == 0 else {
            throw LMDBError(status: errno, operation: "create folder", path: temporary)
        }
        do throws(LMDBError) {
            let environment = try openNew(temporary, options)
            let transaction = try environment.beginWrite()
            try fill(transaction)
            try transaction.commit()
            // The names of the files in it must be on the disk before its own is.
            try FileSystem.sync(folder: temporary)
        } catch {
            removeEnvironment(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let status = errno
            removeEnvironment(temporary)
            throw LMDBError(status: status, operation: "create", path: path)
        }
        try FileSystem.sync(folder: FileSystem.parent(of: path))
    }

    /// What stands between the name of an environment and the process that is making it.
    private static let unfinishedMark = ".new-"

    /// Whether a file's name is that of an environment called `name` whose making hasn't ended.
    package static func isUnfinished(_ file: String, of name: String) -> Bool {
        file.hasPrefix(name + unfinishedMark)
    }

    /// What an environment is called while this process makes it.
    static func unfinished(_ path: String) -> String { path + unfinishedMark + String(getpid()) }

    /// The folders that hold what was being made of an environment, or was replaced by it.
    package static func unfinishedFolders(of path: String) -> [String] {
        let folder = FileSystem.parent(of: path)
        let name = self.name(of: path)
        return (FileSystem.names(in: folder) ?? []).filter { isUnfinished($0, of: name) }
            .map { "\(folder)/\($0)" }
    }

    private static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// Removes what processes left that ended while they made this environment, or replaced it.
    ///
    /// - Parameter evenOfLiving: also where a process has the number of the one that made it, which
    ///   may be another by now: for the one that may write to the environment.
    package static func removeUnfinished(_ path: String, evenOfLiving: Bool = false) {
        let nameBytes = name(of: path).count + unfinishedMark.count
        for folder in unfinishedFolders(of: path) {
            let maker = pid_t(name(of: folder).dropFirst(nameBytes))
            let isRunning = maker.map { kill($0, 0) == 0 || errno != ESRCH } ?? true
            if evenOfLiving || !isRunning { removeEnvironment(folder) }
        }
    }

    /// Removes the files of an environment that nobody has open.
    package static func removeEnvironment(_ path: String) {
        unlink("\(path)/data.mdb")
        unlink("\(path)/lock.mdb")
        rmdir(path)
    }

    static func openExisting(
        _ path: String, _ options: EnvironmentOptions, key: EnvironmentRegistry.Key
    ) throws(LMDBError) -> Environment {
        if let name = FileSystem.networkName(path) {
            throw LMDBError(
                .networkFileSystem, operation: "open", path: path, detail: "it is on \(name)")
        }
        // LMDB takes an empty file for one to begin with, and crashes on one that is cut off.
        try DataFile.check(path)
        let environment = try make(path, options, key: key)
        var dead: Int32 = 0
        try check(mdb_reader_check(environment.handle, &dead), "reader check", path)
        return environment
    }

    /// Opens one that is being made, and that nobody else knows of.
    private static func openNew(
        _ path: String, _ options: EnvironmentOptions
    ) throws(LMDBError) -> Environment {
        if let name = FileSystem.networkName(path) {
            throw LMDBError(
                .networkFileSystem, operation: "create", path: path, detail: "it is on \(name)")
        }
        return try make(path, options, key: EnvironmentRegistry.Key(device: 0, inode: 0))
    }

    private static func make(
        _ path: String, _ options: EnvironmentOptions, key: EnvironmentRegistry.Key
    ) throws(LMDBError) -> Environment {
        var handle: OpaquePointer?
        try check(mdb_env_create(&handle), "create", path)
        guard let handle else { throw LMDBError(.other(0), operation: "create", path: path) }
        let environment = Environment(path: path, options: options, handle: handle, key: key)
        try check(mdb_env_set_mapsize(handle, options.mapSize), "set map size", path)
        try check(mdb_env_set_maxdbs(handle, options.maxDatabases), "set databases", path)
        try check(mdb_env_set_maxreaders(handle, options.maxReaders), "set readers", path)
        var flags = UInt32(MDB_NOTLS)
        if options.readOnly { flags |= UInt32(MDB_RDONLY) }
        if options.durability == .none { flags |= UInt32(MDB_NOSYNC) }
        try LockFile.allocate(path, readers: options.maxReaders)
        try check(mdb_env_open(handle, path, flags, 0o600), "open", path)
        try closeOnExec(handle, path)
        return environment
    }

    /// Keeps the data file from the programs that this process starts: of its descriptors LMDB
    /// leaves that one alone open for them.
    private static func closeOnExec(
        _ handle: OpaquePointer, _ path: String
    ) throws(LMDBError) {
        var descriptor: Int32 = -1
        try check(mdb_env_get_fd(handle, &descriptor), "open", path)
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw LMDBError(status: errno, operation: "open", path: path)
        }
    }
}

extension Environment {
    /// Checks that a transaction may begin here and now.
    func checkUsable(_ operation: String) throws(LMDBError) {
        if processID != getpid() {
            throw LMDBError(.wrongProcess, operation: operation, path: path)
        }
        if poisoned.withLock({ $0 }) {
            throw LMDBError(.needsReopen, operation: operation, path: path)
        }
    }

    /// Whether its path still leads to the file that is open here: false once that was removed, or
    /// another one put in its place.
    package var isInPlace: Bool {
        guard let file = FileSystem.identity("\(path)/data.mdb") else { return false }
        return key == EnvironmentRegistry.Key(device: file.device, inode: file.inode)
    }

    func poison() { poisoned.withLock { $0 = true } }

    /// How long moving the map waits for the readers of other threads: they keep it short.
    private static let moveWaitMs = 10_000

    /// Doubles the map; waits for the transactions that are open in this process to end.
    ///
    /// - Parameter waitMs: how long; whoever calls this must not hold one.
    /// - Throws: `.busy` when one stayed open.
    package func growMap(waitMs: Int = Environment.moveWaitMs) throws(LMDBError) {
        var info = MDB_envinfo()
        try check(mdb_env_info(handle, &info), "info", path)
        try moveMap(to: info.me_mapsize * 2, waitMs: waitMs)
    }

    /// Takes over the size that another process has grown the map to.
    func adoptMapSize() throws(LMDBError) { try moveMap(to: 0, waitMs: Self.moveWaitMs) }

    private func moveMap(to size: Int, waitMs: Int) throws(LMDBError) {
        let status = gate.whileIdle(waitMs: waitMs) { mdb_env_set_mapsize(handle, size) }
        guard let status else {
            throw LMDBError(
                .busy, operation: "grow map", path: path,
                detail: "transactions of this process stay open")
        }
        try check(status, "grow map", path)
    }

    /// Puts everything on the disk, for an environment without durability.
    package func sync() throws(LMDBError) {
        try check(mdb_env_sync(handle, 1), "sync", path)
    }

    /// Frees the slots of readers whose process is gone; they keep old pages from being reused.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package func checkReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try check(mdb_reader_check(handle, &dead), "reader check", path)
        return Int(dead)
    }

    /// A snapshot that some process holds.
    package struct Reader: Sendable, Equatable {
        package let processID: Int32
        /// The last transaction that it sees.
        package let transaction: UInt64
    }

    /// The snapshots that are held, in this process and others.
    package func readers() throws(LMDBError) -> [Reader] {
        var lines: [String] = []
        let status = withUnsafeMutablePointer(to: &lines) { lines in
            mdb_reader_list(
                handle,
                { text, lines in
                    guard let text, let lines else { return 0 }
                    lines.assumingMemoryBound(to: [String].self).pointee
                        .append(String(cString: text))
                    return 0
                }, lines)
        }
        guard status >= 0 else {
            throw LMDBError(status: status, operation: "list readers", path: path)
        }
        // `pid thread transaction` a line, below a title; `-` for a slot that holds none.
        return lines.compactMap { line in
            let words = line.split { $0.isWhitespace }
            guard words.count == 3, let processID = Int32(words[0]),
                let transaction = UInt64(words[2])
            else { return nil }
            return Reader(processID: processID, transaction: transaction)
        }
    }

    /// How far the environment has grown.
    package struct Info: Sendable, Equatable {
        package let mapSize: UInt64
        package let pageSize: UInt64
        package let lastPage: UInt64
        package let lastTransaction: UInt64
        package let readers: UInt32

        /// Bytes of the data file that are in use or free for reuse.
        package var usedBytes: UInt64 { (lastPage + 1) * pageSize }
    }

    package func info() throws(LMDBError) -> Info {
        var info = MDB_envinfo()
        try check(mdb_env_info(handle, &info), "info", path)
        var stat = MDB_stat()
        try check(mdb_env_stat(handle, &stat), "stat", path)
        return Info(
            mapSize: UInt64(info.me_mapsize), pageSize: UInt64(stat.ms_psize),
            lastPage: UInt64(info.me_last_pgno), lastTransaction: UInt64(info.me_last_txnid),
            readers: info.me_numreaders)
    }

    /// Writes the environment, as one snapshot and without free pages, to an open file or pipe.
    ///
    /// The snapshot is held until all is written: what is replaced meanwhile makes the file grow.
    package func copy(to descriptor: Int32) throws(LMDBError) {
        try check(mdb_env_copyfd2(handle, descriptor, UInt32(MDB_CP_COMPACT)), "copy", path)
    }
}
