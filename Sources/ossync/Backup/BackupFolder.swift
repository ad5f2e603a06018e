import EventLog
import Glibc
import LMDB
import SyncEngine

/// The files of a backup: a log, and a manifest beside it.
struct BackupFolder {
    let path: String

    init(_ path: String) { self.path = path }

    var log: String { EventLog.folder(of: path) }
    var data: String { "\(log)/data.mdb" }
    private var lock: String { "\(log)/lock.mdb" }

    /// Makes the folder, and that of the log in it.
    func make() throws {
        try Self.makeFolder(path)
        try makeLog()
    }

    func makeLog() throws { try Self.makeFolder(log) }

    static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 else {
            throw EventLogError.storage(
                LMDBError(status: errno, operation: "create folder", path: path))
        }
    }

    /// Takes away what reading the log left beside it, and makes the names of the rest durable.
    func settle() throws {
        unlink(lock)
        try FileSystem.sync(folder: log)
        try FileSystem.sync(folder: path)
    }

    /// Removes it: files that a backup in the making has, and nothing else.
    func remove() {
        // Of a check that was killed.
        FileSystem.remove(StoreFolder(path).verification)
        for file in [data, lock, StoreFolder(path).manifest] { unlink(file) }
        rmdir(log)
        rmdir(path)
    }
}
