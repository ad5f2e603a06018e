internal import Glibc
internal import LMDB

/// What is beside a generation while it is made: `projections/<name>-<generation>.work`.
struct WorkFolder {
    let path: String

    var sortFile: String { "\(path)/sort" }
    var totalsFile: String { "\(path)/totals" }
    private var progressFile: String { "\(path)/progress" }

    func make() throws(ProjectionError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw failure("create folder", path)
        }
    }

    var exists: Bool { access(path, F_OK) == 0 }

    /// Removes it with all that is in it.
    func remove() {
        for name in FileSystem.names(in: path) ?? [] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Where an earlier process stood, in this boot of the machine.
    func progress() -> FillProgress? {
        guard let bytes = Self.read(progressFile) else { return nil }
        return FillProgress(encoded: bytes).flatMap { $0.boot == Self.bootID ? $0 : nil }
    }

    /// Nothing of it needs to be on the disk: see `FillProgress`.
    func save(_ progress: FillProgress) throws(ProjectionError) {
        let temporary = "\(progressFile).new"
        let bytes = progress.encoded
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        guard isWritten, rename(temporary, progressFile) == 0 else {
            throw failure("write", progressFile)
        }
    }

    static var bootID: String {
        String(decoding: read("/proc/sys/kernel/random/boot_id") ?? [], as: UTF8.self)
    }

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes.append(contentsOf: block[..<count])
        }
    }

    private func failure(_ operation: String, _ path: String) -> ProjectionError {
        .system(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}
