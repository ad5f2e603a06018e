internal import Glibc

/// What must be asked of the file system where a file takes another one's place.
extension FileSystem {
    /// The path that a path leads to, whatever links are on it.
    package static func resolved(_ path: String) throws(LMDBError) -> String {
        guard let found = realpath(path, nil) else {
            throw LMDBError(status: errno, operation: "resolve", path: path)
        }
        defer { free(found) }
        return String(cString: found)
    }

    static func isLink(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK
    }

    /// Gives a file or folder owner, group and mode of another.
    ///
    /// - Throws: `.permission` where this process may not; only root may give files away.
    package static func keepOwner(of original: String, for path: String) throws(LMDBError) {
        var (wanted, found) = (stat(), stat())
        guard stat(original, &wanted) == 0 else {
            throw LMDBError(status: errno, operation: "look at", path: original)
        }
        let descriptor = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0, fstat(descriptor, &found) == 0 else {
            throw LMDBError(status: errno, operation: "open", path: path)
        }
        defer { close(descriptor) }
        if found.st_uid != wanted.st_uid || found.st_gid != wanted.st_gid {
            guard fchown(descriptor, wanted.st_uid, wanted.st_gid) == 0 else {
                throw LMDBError(
                    status: errno, operation: "keep the owner", path: original,
                    detail: "it belongs to user \(wanted.st_uid) and group \(wanted.st_gid); run "
                        + "this as that user, or as root")
            }
        }
        // After the owner, which takes bits of it away.
        guard fchmod(descriptor, wanted.st_mode & 0o7777) == 0 else {
            throw LMDBError(status: errno, operation: "keep the mode", path: original)
        }
    }

    /// Makes a folder where there is none, durably, with owner, group and mode of another.
    package static func makeFolder(
        _ path: String, ownedAs original: String
    ) throws(LMDBError) {
        guard size(path) == nil else { return }
        try makeFolder(path)
        do throws(LMDBError) {
            try keepOwner(of: original, for: path)
        } catch {
            rmdir(path)
            throw error
        }
    }

    /// Makes a file of some bytes (mode 0600), durably but for its name.
    package static func make(_ path: String, of bytes: [UInt8]) throws(LMDBError) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LMDBError(status: errno, operation: "create file", path: path)
        }
        defer { close(descriptor) }
        if let failure = write(bytes[...], to: descriptor, path) { throw failure }
        guard fsync(descriptor) == 0 else {
            throw LMDBError(status: errno, operation: "sync", path: path)
        }
    }

    /// Writes all of some bytes.
    ///
    /// - Returns: what went wrong.
    static func write(
        _ bytes: ArraySlice<UInt8>, to descriptor: Int32, _ path: String
    ) -> LMDBError? {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // What writes nothing, and has no error, has no room.
            guard count > 0 else {
                return LMDBError(
                    status: count < 0 ? errno : ENOSPC, operation: "write", path: path)
            }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}
