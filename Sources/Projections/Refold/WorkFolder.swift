internal import Glibc
internal import LMDB

/// What a long work over the log keeps beside its result, so that another process can go on with
/// it: `projections/<name>-<generation>.work` while a generation is made, `STORE/verify` while the
/// log is checked.
///
/// Nothing of it is on the disk, nor is the generation: both are in the hands of the kernel, and
/// after a reboot they are worth nothing.
struct WorkFolder {
    let path: String

    /// What is worked at: another process goes on with it only for the same.
    struct Purpose: Equatable {
        /// `/proc/sys/kernel/random/boot_id`; empty where it isn't known.
        let boot: String
        let schema: String

        fileprivate var text: [UInt8] { Array("\(boot)\n\(schema)".utf8) }
    }

    var sortFile: String { "\(path)/sort" }
    var totalsFile: String { "\(path)/totals" }
    private var progressFile: String { "\(path)/progress" }
    private var purposeFile: String { "\(path)/purpose" }

    /// Makes it anew.
    func make(for purpose: Purpose) throws(ProjectionError) {
        empty()
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw failure("create folder", path)
        }
        try write(purpose.text, purposeFile)
    }

    /// Whether that is being worked at, in this boot of the machine.
    func isFor(_ purpose: Purpose) -> Bool {
        !purpose.boot.isEmpty && Self.read(purposeFile) == purpose.text
    }

    var exists: Bool { access(path, F_OK) == 0 }

    /// Removes it with all that is in it.
    func remove() {
        empty()
        rmdir(path)
    }

    private func empty() {
        for name in FileSystem.names(in: path) ?? [] { unlink("\(path)/\(name)") }
    }

    /// What an earlier process noted of where it stood.
    func progress() -> [UInt8]? { Self.read(progressFile) }

    func save(progress: [UInt8]) throws(ProjectionError) { try write(progress, progressFile) }

    private func write(_ bytes: [UInt8], _ file: String) throws(ProjectionError) {
        let temporary = "\(file).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        guard isWritten, rename(temporary, file) == 0 else { throw failure("write", file) }
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
