internal import Glibc

/// Where what is made once and thrown away is written: large, and on a disk.
package enum TemporaryStorage {
    private static let mark = "ossync-temporary-"

    /// `TMPDIR`, else `/var/tmp`: what doesn't fit into memory must not lie in `/tmp`, which often
    /// is memory.
    private static var base: String {
        if let chosen = getenv("TMPDIR"), chosen.pointee != 0 { return String(cString: chosen) }
        return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp"
    }

    /// Makes a folder for this process; what killed ones left is removed.
    package static func makeFolder() throws(LMDBError) -> String {
        let base = base
        removeLeftovers(base)
        var template = Array("\(base)/\(mark)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw LMDBError(status: errno, operation: "create a folder in", path: base)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func removeLeftovers(_ base: String) {
        for name in FileSystem.names(in: base) ?? [] where name.hasPrefix(mark) {
            let maker = pid_t(name.dropFirst(mark.count).prefix { $0 != "-" })
            guard let maker, kill(maker, 0) != 0, errno == ESRCH else { continue }
            FileSystem.remove("\(base)/\(name)")
        }
    }
}
