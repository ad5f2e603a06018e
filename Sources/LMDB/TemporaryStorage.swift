internal import Glibc

/// A folder for what is made once and thrown away: large, and on a disk. It is gone with its
/// holder.
///
/// It is locked (flock) as long as its process lives, so that what killed ones left is known by
/// that, and removed by the next one.
package final class TemporaryStorage {
    package let path: String
    private let descriptor: Int32

    private static let mark = "ossync-temporary-"
    /// Another process may take a folder that isn't locked yet for what a killed one left.
    private static let mostTries = 16

    /// `TMPDIR`, else `/var/tmp`: what doesn't fit into memory must not lie in `/tmp`, which often
    /// is memory.
    private static var base: String {
        if let chosen = getenv("TMPDIR"), chosen.pointee != 0 { return String(cString: chosen) }
        return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp"
    }

    package init() throws(LMDBError) {
        let base = Self.base
        Self.removeLeftovers(base)
        for _ in 0..<Self.mostTries {
            var template = Array("\(base)/\(Self.mark)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { break }
            let path = String(
                decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let descriptor = Self.lock(path) else { continue }
            // Once it is locked and still there, nobody takes it away.
            if access(path, F_OK) == 0 {
                (self.path, self.descriptor) = (path, descriptor)
                return
            }
            close(descriptor)
        }
        throw LMDBError(status: errno, operation: "create a folder in", path: base)
    }

    deinit {
        FileSystem.remove(path)
        close(descriptor)
    }

    private static func lock(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    /// Removes what processes of this user left that were killed. Others may put there what they
    /// like under such a name: it is no business of ours.
    private static func removeLeftovers(_ base: String) {
        for name in FileSystem.names(in: base) ?? [] where name.hasPrefix(mark) {
            let path = "\(base)/\(name)"
            guard let descriptor = lock(path) else { continue }
            var info = stat()
            if fstat(descriptor, &info) == 0, info.st_uid == geteuid(), info.st_mode & 0o077 == 0 {
                FileSystem.remove(path)
            }
            close(descriptor)
        }
    }
}
