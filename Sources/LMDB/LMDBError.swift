internal import CLMDB
internal import Glibc

/// What went wrong with an environment: operation, place, and what to do about it.
package struct LMDBError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case notFound
        case keyExists
        /// The map is full: `Environment.growMap()` between transactions, then try again.
        case mapFull
        case readersFull
        case corrupted
        /// The file is shorter than its own pages say.
        case truncated
        case notAnEnvironment
        case versionMismatch
        /// A commit failed, so its outcome is unknown: close, reopen, read.
        case needsReopen
        case diskFull
        case io
        case permission
        case networkFileSystem
        /// A key is empty or longer than 511 bytes.
        case badKey
        /// The process forked after the environment was opened.
        case wrongProcess
        /// Not now: transactions are open, or another process keeps writing. Try again.
        case busy
        /// It is open in this process already, with other options.
        case conflictingOpen
        /// Whoever asked for it wants it no more.
        case stopped
        case other(Int32)
    }

    package let code: Code
    package let operation: String
    package let path: String
    package let detail: String

    package init(_ code: Code, operation: String, path: String, detail: String = "") {
        self.code = code
        self.operation = operation
        self.path = path
        self.detail = detail
    }

    /// Translates a return value of LMDB, which is either its own code or an errno.
    package init(status: Int32, operation: String, path: String, detail: String? = nil) {
        self.init(
            Code(status: status, path: path), operation: operation, path: path,
            detail: detail ?? String(cString: mdb_strerror(status)))
    }

    /// Whether it says that an environment can't be replaced by a copy of itself: for want of room,
    /// of rights, or of a file system that lets two folders change places. It is as it was then.
    package var isRefusedReplacement: Bool {
        switch code {
        case .diskFull, .permission: true
        case .other(let status):
            [EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, EBUSY, EXDEV].contains(status)
        default: false
        }
    }

    /// Whether it says that the file isn't as it was written.
    ///
    /// `.keyExists` is among them: whoever insists that a key is new has looked, or knows by what
    /// else is stored that it can't be there.
    package var isDamage: Bool {
        switch code {
        case .corrupted, .truncated, .notAnEnvironment, .keyExists: true
        default: false
        }
    }

    package var description: String {
        let what = detail.isEmpty ? "" : ": \(detail)"
        return "\(path): \(operation) failed\(what)\(hint.map { "; \($0)" } ?? "")"
    }

    /// What to do about it, where that is known.
    package var hint: String? {
        switch code {
        case .diskFull: "free some space on this file system"
        // LMDB takes a write for one that failed when the last bytes had no room.
        case .io: "see whether the file system is full or damaged"
        case .other(EMFILE): "raise the limit of open files (ulimit -n)"
        case .other(ENOMEM): "raise the limit of address space (ulimit -v)"
        case .permission: "check the owner and mode of the folder"
        case .networkFileSystem: "keep the store on a local file system"
        case .needsReopen: "the outcome of the last commit is unknown until the store is reopened"
        case .truncated, .corrupted: "restore a backup"
        case .readersFull: "too many readers: end some of the processes that read the store"
        default: nil
        }
    }
}

extension LMDBError.Code {
    fileprivate init(status: Int32, path: String) {
        switch status {
        case MDB_NOTFOUND: self = .notFound
        case MDB_KEYEXIST: self = .keyExists
        case MDB_MAP_FULL: self = .mapFull
        case MDB_READERS_FULL: self = .readersFull
        // The last three come of a tree that is too deep, a node that doesn't fit its page, or
        // databases of another kind: nothing that this wrapper makes.
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_PAGE_FULL, MDB_INCOMPATIBLE:
            self = .corrupted
        // LMDB passes over a database's root that can't be read, and refuses what the transaction
        // does next. Every other failure is thrown where it comes, and ends the transaction.
        case MDB_BAD_TXN: self = .corrupted
        // A page that is beyond the map was to be written to a copy.
        case EFAULT: self = .corrupted
        case MDB_INVALID: self = .notAnEnvironment
        case MDB_VERSION_MISMATCH: self = .versionMismatch
        case MDB_PANIC: self = .needsReopen
        case MDB_BAD_VALSIZE: self = .badKey
        case ENOENT: self = .notFound
        case ENOSPC, EDQUOT, EFBIG: self = .diskFull
        // A file system that is full shows as a short write, which LMDB reports as EIO.
        case EIO: self = FileSystem.isFull(path) ? .diskFull : .io
        case EACCES, EPERM, EROFS: self = .permission
        default: self = .other(status)
        }
    }
}

/// Throws for any return value but success.
@inline(__always)
func check(_ status: Int32, _ operation: String, _ path: String) throws(LMDBError) {
    if status != MDB_SUCCESS {
        throw LMDBError(status: status, operation: operation, path: path)
    }
}
