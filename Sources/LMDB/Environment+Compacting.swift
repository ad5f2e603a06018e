internal import CLMDB
internal import Glibc

extension Environment {
    /// Puts a copy of itself that has nothing of what was deleted, neither in free pages nor
    /// between data, in its place: in one step, while others read. Nobody may write meanwhile.
    ///
    /// Whoever has the environment open, this object included, goes on with the old file: open it
    /// anew. A kill leaves one of the two in its place, and perhaps the other beside it, where
    /// `removeUnfinished` finds it. Where its path is a link, all of that is where this leads to.
    ///
    /// - Parameters:
    ///   - isAlone: nobody else has it open, and it is thrown away if this is cut short: where the
    ///     file system can't exchange two names, one is removed first.
    ///   - isStopped: asked now and then while it copies; ends it with `.stopped`.
    /// - Throws: `isRefusedReplacement` where it can't be replaced; nothing is changed then.
    package func replaceByCompacted(
        isAlone: Bool = false, isStopped: () -> Bool = { false }
    ) throws(LMDBError) {
        let target = try FileSystem.resolved(path)
        Self.removeUnfinished(path, evenOfLiving: true)
        let temporary = try Self.makeUnfinished(target)
        do throws(LMDBError) {
            guard !FileSystem.isLink("\(target)/data.mdb") else {
                throw LMDBError(
                    status: EINVAL, operation: "replace", path: "\(target)/data.mdb",
                    detail: "it is a link")
            }
            try copy(toNew: "\(temporary)/data.mdb", isStopped)
            try Self.keepOwner(of: target, for: temporary)
            try FileSystem.sync(folder: temporary)
            do throws(LMDBError) {
                try Self.exchange(temporary, with: target)
            } catch {
                guard isAlone, error.operation != Self.afterExchange else { throw error }
                Self.removeEnvironment(target)
                try FileSystem.move(temporary, to: target)
            }
        } catch {
            // Where the exchange may not last, both are kept.
            if error.operation != Self.afterExchange { Self.removeEnvironment(temporary) }
            throw error
        }
        Self.removeEnvironment(temporary)
    }

    private static let afterExchange = "sync the exchange"

    /// Tries whether an environment could be replaced by a copy of itself: it changes places with a
    /// folder that has the same files, so that a kill does no harm. Only who may write to it may do
    /// so.
    ///
    /// - Throws: why it can't be. Where the same file can't have two names, nobody knows.
    package static func checkReplaceable(_ path: String) throws(LMDBError) {
        guard access("\(path)/data.mdb", W_OK) == 0 else {
            throw LMDBError(status: errno, operation: "write", path: path)
        }
        let temporary = try makeUnfinished(path)
        defer { removeEnvironment(temporary) }
        for file in ["data.mdb", "lock.mdb"] {
            guard link("\(path)/\(file)", "\(temporary)/\(file)") != 0 else { continue }
            switch errno {
            case ENOENT where file == "lock.mdb": continue
            case EPERM, EOPNOTSUPP, ENOSYS, EMLINK: return
            default: throw LMDBError(status: errno, operation: "link", path: path)
            }
        }
        try exchange(temporary, with: path)
    }

    /// Makes the folder of what is to take the place of an environment; the one that may write to
    /// it removes what others have left of that.
    private static func makeUnfinished(_ path: String) throws(LMDBError) -> String {
        removeUnfinished(path, evenOfLiving: true)
        let temporary = unfinished(path)
        guard mkdir(temporary, 0o700) == 0 else {
            throw LMDBError(status: errno, operation: "create folder", path: temporary)
        }
        return temporary
    }

    /// Lets two folders beside each other change places in one step, on the disk when it returns.
    ///
    /// - Parameter path: a link is followed: the folder that it leads to is exchanged.
    /// - Throws: `isRefusedReplacement` where the file system can't do that; nothing is changed
    ///   then.
    package static func exchange(_ other: String, with path: String) throws(LMDBError) {
        let path = try FileSystem.resolved(path)
        let status = renameat2(AT_FDCWD, other, AT_FDCWD, path, UInt32(RENAME_EXCHANGE))
        guard status == 0 else {
            throw LMDBError(status: errno, operation: "exchange", path: path)
        }
        do throws(LMDBError) {
            try FileSystem.sync(folder: FileSystem.parent(of: path))
        } catch {
            throw LMDBError(
                .io, operation: afterExchange, path: path,
                detail: "\(error.detail); what was there is in \(other)")
        }
    }

    /// Gives the folder and the files of an environment owner, group and mode of those of another.
    ///
    /// - Throws: `.permission` where this process may not; only root may give files away.
    package static func keepOwner(of other: String, for path: String) throws(LMDBError) {
        let lock = LockFile.path(in: path)
        // Whoever opens it first would make it their own.
        let descriptor = Glibc.open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
        for (file, original) in [
            ("\(path)/data.mdb", "\(other)/data.mdb"), (lock, "\(other)/data.mdb"), (path, other),
        ] { try FileSystem.keepOwner(of: original, for: file) }
    }

    /// How many pages of the file are free to be used again.
    package func freePages() throws(LMDBError) -> UInt64 {
        let transaction = try beginRead()
        // What LMDB keeps free is its first table: a transaction, then how many pages, then each.
        var cursor = try transaction.cursor(Database(handle: 0, name: "free list"))
        var pages: UInt64 = 0
        var isThere = try cursor.first()
        while isThere {
            pages += cursor.read { _, value in
                value.count < 8 ? 0 : value.loadUnaligned(as: UInt64.self)
            }
            isThere = try cursor.next()
        }
        return pages
    }

    private func copy(toNew file: String, _ isStopped: () -> Bool) throws(LMDBError) {
        let descriptor = Glibc.open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LMDBError(status: errno, operation: "create", path: file)
        }
        defer { close(descriptor) }
        try CopyPipe(self).drain(into: descriptor, file, isStopped)
        var stat = MDB_stat()
        try check(mdb_env_stat(handle, &stat), "stat", path)
        try PageSlack.clear(descriptor, file, pageSize: Int(stat.ms_psize))
        guard fsync(descriptor) == 0 else {
            throw LMDBError(status: errno, operation: "sync", path: file)
        }
    }
}

/// A copy of an environment that a thread of its own writes to a pipe: LMDB itself ends no copy
/// before its end.
private final class CopyPipe: @unchecked Sendable {
    private let environment: Environment
    private let output: Int32
    private let input: Int32
    private var thread = pthread_t()
    /// The thread's; to be read once it has ended.
    private var failure: LMDBError?

    init(_ environment: Environment) throws(LMDBError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw LMDBError(status: errno, operation: "copy", path: environment.path)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.environment = environment
        (input, output) = (ends[0], ends[1])
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CopyPipe>.fromOpaque(context).takeRetainedValue().write()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            close(input)
            close(output)
            throw LMDBError(status: status, operation: "copy", path: environment.path)
        }
    }

    private func write() {
        do throws(LMDBError) {
            try environment.copy(to: output)
        } catch {
            failure = error
        }
        close(output)
    }

    func drain(
        into descriptor: Int32, _ path: String, _ isStopped: () -> Bool
    ) throws(LMDBError) {
        var block = [UInt8](repeating: 0, count: 1 << 16)
        var problem: LMDBError?
        while problem == nil {
            let count = read(input, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            problem =
                isStopped()
                ? LMDBError(.stopped, operation: "copy", path: path)
                : FileSystem.write(block[..<count], to: descriptor, path)
        }
        // Ends the thread, if it isn't at its end.
        close(input)
        pthread_join(thread, nil)
        if let problem = problem ?? failure { throw problem }
    }
}
