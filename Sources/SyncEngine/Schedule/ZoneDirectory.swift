internal import Glibc
internal import LMDB

/// The system's time zone database: a folder of TZif files by name (`Europe/Berlin`).
package struct ZoneDirectory: Sendable {
    /// Why there are no rules for a name.
    package enum Problem: Error, Equatable, CustomStringConvertible {
        case badName(String)
        case unknown(String, folder: String)
        /// There is no database.
        case missing(folder: String)
        case unreadable(String, reason: String)

        package var description: String {
            switch self {
            case .badName(let name): "\"\(name)\" is not a time zone's name"
            case .unknown(let name, let folder):
                "there is no time zone \"\(name)\" in \(folder)"
            case .missing(let folder):
                "there are no time zones in \(folder) (apt install tzdata, or set TZDIR)"
            case .unreadable(let path, let reason): "\(path) can't be used: \(reason)"
            }
        }
    }

    private let folder: String

    /// - Parameter folder: by default that of `TZDIR`, else `/usr/share/zoneinfo`.
    package init(folder: String? = nil) {
        let variable = getenv("TZDIR").map { String(cString: $0) }
        let named = variable.flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.folder = folder ?? named ?? "/usr/share/zoneinfo"
    }

    /// The folder where the database should be, when it isn't.
    package var missingFolder: String? {
        FileSystem.names(in: folder) == nil ? folder : nil
    }

    /// The rules of a zone; `UTC` needs no file.
    package func rules(_ name: String) throws(Problem) -> ZoneRules {
        if name == "UTC" { return .utc }
        guard Self.isName(name) else { throw .badName(name) }
        let path = "\(folder)/\(name)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let status = errno
            if let missingFolder { throw .missing(folder: missingFolder) }
            throw status == ENOENT || status == ENOTDIR
                ? .unknown(name, folder: folder)
                : .unreadable(path, reason: String(cString: strerror(status)))
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw .unknown(name, folder: folder)
        }
        // One byte more than may be: the parser refuses it.
        var bytes = [UInt8](repeating: 0, count: ZoneRules.maxFileBytes + 1)
        var count = 0
        while count < bytes.count {
            let space = bytes.count - count
            let part = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + count }, space)
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else {
                throw .unreadable(path, reason: String(cString: strerror(errno)))
            }
            if part == 0 { break }
            count += part
        }
        do throws(ZoneRules.FileProblem) {
            return try ZoneRules(tzif: Array(bytes[..<count]))
        } catch {
            throw .unreadable(path, reason: error.description)
        }
    }

    /// Whether a name stays below the folder, and holds nothing that a unit or a crontab would
    /// take for something else: letters, digits, `+`, `-`, `_` and `/`, no leading `/`, no `..`.
    private static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= 255
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy {
                        switch $0 {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"),
                            UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"),
                            UInt8(ascii: "-"), UInt8(ascii: "_"):
                            true
                        default: false
                        }
                    }
            }
    }
}
