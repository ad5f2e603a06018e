internal import CLMDB
internal import Glibc

extension Environment {
    /// Puts a copy of itself that has nothing of what was deleted, neither in free pages nor
    /// between data, in its place: in one step, while others read. Nobody may write meanwhile.
    ///
    /// Whoever has the environment open, this object included, goes on with the old file: open it
    /// anew. A kill leaves one of the two in its place, and perhaps the other beside it, where
    /// `removeUnfinished` finds it.
    ///
    /// - Throws: `.other` with `EINVAL` where the file system can't exchange two names; nothing is
    ///   changed then.
    package func replaceByCompacted() throws(LMDBError) {
        Self.removeUnfinished(path)
        let temporary = Self.unfinished(path)
        Self.removeEnvironment(temporary)
        guard mkdir(temporary, 0o700) == 0 else {
            throw LMDBError(status: errno, operation: "create folder", path: temporary)
        }
        do throws(LMDBError) {
            try copy(toNew: "\(temporary)/data.mdb")
            try FileSystem.sync(folder: temporary)
            try Self.exchange(temporary, with: path)
        } catch {
            Self.removeEnvironment(temporary)
            throw error
        }
        Self.removeEnvironment(temporary)
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
        let descriptor = Glibc.open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LMDBError(status: errno, operation: "create", path: file)
        }
        defer { close(descriptor) }
        try copy(to: descriptor)
        var stat = MDB_stat()
        try check(mdb_env_stat(handle, &stat), "stat", path)
        try PageSlack.clear(descriptor, file, pageSize: Int(stat.ms_psize))
        guard fsync(descriptor) == 0 else {
            throw LMDBError(status: errno, operation: "sync", path: file)
        }
    }
}
