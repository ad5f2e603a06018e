internal import CLMDB
internal import Glibc

/// The lock file of an environment, which LMDB makes as long as it must be and then writes through
/// a map: on a full disk the first such write would end the process with SIGBUS.
///
/// It opens and closes the file itself, which drops this process's locks on it: never to be used
/// while the environment is open here.
enum LockFile {
    /// What one reader takes, and what stands before the first but one: the layout of LMDB 0.9 on
    /// 64-bit systems.
    private static let readerBytes = 64
    private static let headBytes = 192

    static func path(in directory: String) -> String { directory + "/lock.mdb" }

    /// Gives the file all of its blocks, before LMDB maps it.
    ///
    /// - Throws: `.diskFull`. Whatever else is wrong, such as a medium that can't be written, LMDB
    ///   knows how to treat, or to name.
    static func allocate(_ directory: String, readers: UInt32) throws(LMDBError) {
        let path = path(in: directory)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if errno == ENOSPC || errno == EDQUOT { throw full(directory) }
            return
        }
        defer { close(descriptor) }
        let needed = headBytes + readerBytes * (Int(readers) - 1)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let length = max(Int(status.st_size), needed)
        if Int(status.st_size) >= needed, Int(status.st_blocks) * 512 >= length { return }
        while fallocate(descriptor, 0, 0, length) != 0 {
            switch errno {
            case EINTR: continue
            case ENOSPC, EDQUOT, EFBIG: throw full(directory)
            // A file system that can't do it leaves the file as it is.
            default: return
            }
        }
    }

    private static func full(_ directory: String) -> LMDBError {
        LMDBError(status: ENOSPC, operation: "allocate the lock file", path: directory)
    }
}
