internal import CLMDB
internal import Glibc

extension Environment {
    /// Puts a copy of itself without free pages, which may hold what was deleted, in its place: in
    /// one step, while others read. Nobody may write meanwhile.
    ///
    /// Whoever has the environment open, this object included, goes on with the old file: open it
    /// anew. A kill leaves one of the two in its place, and perhaps the other beside it, where
    /// `removeUnfinished` finds it.
    ///
    /// - Parameter isAlone: nobody else has it open, and it is thrown away if this is cut short:
    ///   where the file system can't exchange two names, one is removed first.
    /// - Throws: `.other` with `EINVAL` where the file system can't exchange two names; nothing is
    ///   changed then.
    package func replaceByCompacted(isAlone: Bool = false) throws(LMDBError) {
        let temporary = try Self.makeUnfinished(path)
        do throws(LMDBError) {
            try copy(toNew: "\(temporary)/data.mdb")
            try FileSystem.sync(folder: temporary)
            do throws(LMDBError) {
                try Self.exchange(temporary, with: path)
            } catch {
                guard isAlone else { throw error }
                Self.removeEnvironment(path)
                try FileSystem.move(temporary, to: path)
            }
        } catch {
            Self.removeEnvironment(temporary)
            throw error
        }
        Self.removeEnvironment(temporary)
    }

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
    /// - Throws: `.other` with `EINVAL` where the file system can't do that; nothing is changed
    ///   then.
    package static func exchange(_ other: String, with path: String) throws(LMDBError) {
        let status = renameat2(AT_FDCWD, other, AT_FDCWD, path, UInt32(RENAME_EXCHANGE))
        guard status == 0 else {
            throw LMDBError(status: errno, operation: "exchange", path: path)
        }
        try FileSystem.sync(folder: FileSystem.parent(of: path))
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

    private func copy(toNew file: String) throws(LMDBError) {
        let descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LMDBError(status: errno, operation: "create", path: file)
        }
        defer { close(descriptor) }
        try copy(to: descriptor)
        guard fsync(descriptor) == 0 else {
            throw LMDBError(status: errno, operation: "sync", path: file)
        }
    }
}
