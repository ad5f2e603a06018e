internal import Glibc
internal import LMDB

/// A folder in memory where there is one, else in the folder for temporary files; gone with its
/// last holder.
package final class ScratchFolder {
    package let path: String

    /// - Throws: when the folder can't be made.
    package init(_ name: String) throws(SimulationError) {
        let base = Self.base
        _ = Self.isTidied
        var template = Array("\(base)/\(Self.mark)\(getpid())-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw SimulationError(
                operation: "create a folder in", place: base,
                hint: String(cString: strerror(errno)))
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { FileSystem.remove(path) }

    private static let mark = "ossync-scratch-"

    private static let base =
        access("/dev/shm", W_OK) == 0
        ? "/dev/shm" : getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

    /// What processes left that were ended in the middle of a simulation is removed, once.
    private static let isTidied: Bool = {
        for name in FileSystem.names(in: base) ?? [] where name.hasPrefix(mark) {
            let owner = name.dropFirst(mark.count).prefix { $0 != "-" }
            guard let owner = pid_t(owner), kill(owner, 0) != 0, errno == ESRCH else { continue }
            FileSystem.remove("\(base)/\(name)")
        }
        return true
    }()

    /// Makes a folder within it.
    package func make(_ name: String) throws(SimulationError) -> String {
        let folder = "\(path)/\(name)"
        guard mkdir(folder, 0o700) == 0 else {
            throw SimulationError(
                operation: "create folder", place: folder, hint: String(cString: strerror(errno)))
        }
        return folder
    }
}
