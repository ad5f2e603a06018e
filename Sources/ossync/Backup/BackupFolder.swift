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
    var archive: LogArchive { LogArchive(of: path) }

    /// The file of a segment of the archive.
    func segment(_ name: ArchiveName) -> String { "\(archive.folder(name))/data.mdb" }

    func makeSegment(_ name: ArchiveName) throws {
        try FileSystem.makeFolder(archive.path)
        try FileSystem.makeFolder(archive.folder(name))
    }

    /// Makes the folder, and that of the log in it, where they aren't there: a check that dies with
    /// a killed restore may still keep one from being removed.
    func make() throws {
        try FileSystem.makeFolder(path)
        try makeLog()
    }

    func makeLog() throws { try FileSystem.makeFolder(log) }

    /// Takes away what reading the log left beside it, and makes the names of the rest durable.
    func settle() throws {
        unlink(lock)
        try FileSystem.sync(folder: log)
        let segments = try archive.names().map { archive.folder($0) }
        for folder in segments {
            unlink("\(folder)/lock.mdb")
            try FileSystem.sync(folder: folder)
        }
        if !segments.isEmpty { try FileSystem.sync(folder: archive.path) }
        try FileSystem.sync(folder: path)
    }

    /// Removes it: files that a backup in the making has, and nothing else.
    func remove() {
        // Of a check that was killed.
        FileSystem.remove(StoreFolder(path).verification)
        for file in [data, lock, StoreFolder(path).manifest] { unlink(file) }
        for name in (try? archive.names()) ?? [] { archive.remove(name) }
        rmdir(archive.path)
        rmdir(log)
        rmdir(path)
    }

    /// Removes what a killed restore left of a store; the holder of the engine's lock alone may.
    static func removeRestoring(of store: StoreFolder) {
        if store.hasHalfRestoredArchive {
            let archive = LogArchive(of: store.path)
            for name in (try? archive.names()) ?? [] { archive.remove(name) }
            rmdir(archive.path)
        }
        BackupFolder(store.restoring).remove()
    }
}

extension StoreFolder {
    /// Whether there is an archive that a restore has put in its place, which was killed before it
    /// could do so with the log.
    var hasHalfRestoredArchive: Bool {
        guard !exists, FileSystem.names(in: BackupFolder(restoring).archive.path) == nil,
            let log = try? EventLog.open(store: restoring, .read)
        else { return false }
        return (try? log.owns(LogArchive(of: path))) ?? false
    }
}
