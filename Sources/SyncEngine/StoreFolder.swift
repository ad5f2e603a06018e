internal import Glibc
internal import LMDB

/// The folder of a store, and where things are in it.
package struct StoreFolder: Sendable, Equatable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var lock: String { "\(path)/lock" }
    package var projections: String { "\(path)/projections" }
    /// What other processes ask of the one that holds the store.
    package var inbox: String { "\(path)/inbox" }
    package var logs: String { "\(path)/logs" }
    package var combinedLog: String { "\(path)/logs/combined.log" }
    /// The backups that were made of it, a line each.
    package var backups: String { "\(path)/backups" }
    /// What only a backup has: nothing may write to its log.
    package var manifest: String { "\(path)/backup.json" }
    /// Where a restore puts together what is to become the log; only the holder of the lock may.
    package var restoring: String { "\(path)/restoring" }

    /// Makes the folder, and those above it, where they don't exist (mode 0700).
    package func make() throws(EngineError) {
        try Self.makeFolder(path)
        try Self.makeFolder(logs)
    }

    package static func makeFolder(_ path: String) throws(EngineError) {
        var status = mkdir(path, 0o700) == 0 ? 0 : errno
        let parent = FileSystem.parent(of: path)
        if status == ENOENT, parent != path {
            try makeFolder(parent)
            status = mkdir(path, 0o700) == 0 ? 0 : errno
        }
        guard status == 0 || status == EEXIST else {
            throw .system(
                operation: "create folder", path: path, reason: String(cString: strerror(status)))
        }
        do throws(LMDBError) {
            // With its name everything in it would be lost, whoever made it and when.
            try FileSystem.sync(folder: parent)
        } catch {
            throw .system(operation: "create folder", path: path, reason: error.detail)
        }
    }

    /// Whether there is anything that could be a store.
    package var exists: Bool { access("\(path)/log/data.mdb", F_OK) == 0 }

    /// Whether it is a backup.
    package var isBackup: Bool { access(manifest, F_OK) == 0 }

    /// Free bytes of the file system, for whoever isn't root; nil when it can't be told.
    package var freeBytes: UInt64? {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return nil }
        return UInt64(info.f_bavail) * UInt64(info.f_frsize)
    }
}
