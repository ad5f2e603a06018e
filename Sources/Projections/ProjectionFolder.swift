internal import Glibc
internal import LMDB

/// The folder `STORE/projections`: which generation of a projection is in use, and the lock of the
/// one process that writes.
struct ProjectionFolder {
    let path: String

    /// Makes the folder where it doesn't exist.
    func make() throws(ProjectionError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw failure("create folder", path)
        }
    }

    /// The environment of one generation.
    func environment(_ name: String, _ generation: Int) -> String {
        "\(path)/\(name)-\(generation)"
    }

    /// The generation in use; nil when there is none.
    func current(_ name: String) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let descriptor = open("\(path)/\(name).current", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return Self.generation(String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// Makes another generation the one in use, by a rename.
    func setCurrent(_ name: String, _ generation: Int) throws(ProjectionError) {
        let target = "\(path)/\(name).current"
        let temporary = "\(target).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        let bytes = Array(String(generation).utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count
        let isSynced = fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, isSynced, rename(temporary, target) == 0 else {
            throw failure("write", target)
        }
    }

    /// The generations that are there, in use or not, ascending.
    func generations(_ name: String) -> [Int] {
        let files = FileSystem.names(in: path) ?? []
        let prefix = "\(name)-"
        return files.filter { $0.hasPrefix(prefix) }
            .compactMap { Self.generation(String($0.dropFirst(prefix.count))) }
            .sorted()
    }

    /// The number in a name or a note, where there is room for the next one: either may hold any
    /// digits.
    private static func generation(_ text: String) -> Int? { Int32(text).map(Int.init) }

    func failure(_ operation: String, _ path: String) -> ProjectionError {
        .system(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}

/// A right that one process has at a time, by `flock`, until it is dropped.
final class ProjectionLock {
    private let descriptor: Int32

    /// The right to write projections that are in use: `projections/lock`.
    ///
    /// - Returns: nil when another process has it.
    static func take(_ folder: ProjectionFolder) throws(ProjectionError) -> ProjectionLock? {
        try take("\(folder.path)/lock", folder)
    }

    /// The right to make a generation of a projection: `projections/<name>.building`.
    static func takeBuilding(
        _ name: String, _ folder: ProjectionFolder
    ) throws(ProjectionError) -> ProjectionLock? {
        try take("\(folder.path)/\(name).building", folder)
    }

    private static func take(
        _ path: String, _ folder: ProjectionFolder
    ) throws(ProjectionError) -> ProjectionLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw folder.failure("open the lock", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return ProjectionLock(descriptor: descriptor)
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
