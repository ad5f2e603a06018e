import EventLog
import Glibc
import LMDB
import SyncEngine

/// A backup in the making: a folder beside its place, which gets its name when it is whole.
///
/// It is locked (flock) as long as its process lives, so that what a killed one left is known by
/// that, and removed by the next one, whatever machine or container it is on.
final class BackupStaging {
    let folder: BackupFolder
    private let destination: String
    private let descriptor: Int32

    /// What stands between the name of a backup and the process that is making it.
    private static let mark = ".unfinished-"
    /// Another process may take a folder that isn't locked yet for what a killed one left.
    private static let mostTries = 16

    /// - Parameter destination: an absolute path; the folder that it is in must exist.
    init(for destination: String) throws {
        self.destination = destination
        Self.removeUnfinished(in: FileSystem.parent(of: destination))
        folder = BackupFolder(destination + Self.mark + String(getpid()))
        descriptor = try Self.makeLocked(folder.path)
        do {
            try folder.makeLog()
        } catch {
            folder.remove()
            throw error
        }
    }

    deinit { close(descriptor) }

    private static func makeLocked(_ path: String) throws -> Int32 {
        for _ in 0..<mostTries {
            guard mkdir(path, 0o700) == 0 else {
                throw EventLogError.storage(
                    LMDBError(status: errno, operation: "create folder", path: path))
            }
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor >= 0 {
                // Once it is locked and still there, nobody takes it away.
                if flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(path, F_OK) == 0 {
                    return descriptor
                }
                close(descriptor)
            }
            rmdir(path)
        }
        throw EventLogError.storage(LMDBError(status: EBUSY, operation: "lock", path: path))
    }

    /// Removes what killed backups left, of whatever store and name.
    private static func removeUnfinished(in parent: String) {
        for name in FileSystem.names(in: parent) ?? [] {
            guard let range = name.firstRange(of: mark), pid_t(name[range.upperBound...]) != nil
            else { continue }
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { BackupFolder(path).remove() }
            close(descriptor)
        }
    }

    /// Gives it its name, durably.
    ///
    /// - Throws: where something has taken the place.
    func publish() throws {
        guard rename(folder.path, destination) == 0 else {
            throw EventLogError.storage(
                LMDBError(status: errno, operation: "rename", path: destination))
        }
        try FileSystem.sync(folder: FileSystem.parent(of: destination))
    }
}
