import Glibc

/// A small text file, read whole, with its permission bits.
struct ConfigurationFile: Sendable {
    let path: String
    let text: String
    /// The permission bits, as in `chmod`.
    let mode: UInt32

    /// The largest configuration file that is read.
    static let maxConfigurationBytes = 1024 * 1024

    /// Why a file can't be read.
    struct Failure: Error, Equatable {
        let reason: String
        let isMissing: Bool
    }

    init(path: String, text: String, mode: UInt32) {
        self.path = path
        self.text = text
        self.mode = mode
    }

    init(path: String, maxBytes: Int = maxConfigurationBytes) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw Self.systemFailure(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.systemFailure(errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw Failure(reason: "it is a folder", isMissing: false)
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = chunk.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.systemFailure(errno)
            }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= maxBytes else {
                throw Failure(reason: "it is larger than \(maxBytes) bytes", isMissing: false)
            }
        }
        // Some editors begin a file with a byte order mark, which is no part of its text.
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if bytes.starts(with: mark) { bytes.removeFirst(mark.count) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(reason: "it is not UTF-8 text", isMissing: false)
        }
        self.init(path: path, text: text, mode: UInt32(status.st_mode) & 0o7777)
    }

    /// Writes a file that doesn't exist, so that only its owner can read it.
    ///
    /// - Returns: 0, or the `errno` that says why it couldn't: `EEXIST` where there is one.
    static func create(_ path: String, _ text: String) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        let bytes = Array(text.utf8)
        let count = write(descriptor, bytes, bytes.count)
        // What fits in part is no error of the call.
        var status = count == bytes.count ? 0 : count < 0 ? errno : ENOSPC
        if close(descriptor) != 0, status == 0 { status = errno }
        // A part of one would be taken for one.
        if status != 0 { unlink(path) }
        return status
    }

    /// Whether only the owner can read or write it.
    var isPrivate: Bool { mode & 0o077 == 0 }

    /// The folder that relative paths in the file start from.
    var directory: String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func systemFailure(_ code: Int32) -> Failure {
        Failure(reason: String(cString: strerror(code)), isMissing: code == ENOENT)
    }
}

/// Joins paths as text, without asking the file system.
enum PathText {
    /// `path` as seen from `directory`, without `.` and doubled separators; `..` is kept.
    static func resolve(_ path: String, from directory: String) -> String {
        let joined = path.hasPrefix("/") || directory.isEmpty ? path : directory + "/" + path
        let parts = joined.split(separator: "/").filter { $0 != "." }
        let text = parts.joined(separator: "/")
        if joined.hasPrefix("/") { return "/" + text }
        return text.isEmpty ? "." : text
    }
}
