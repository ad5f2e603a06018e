internal import EventLog
internal import Glibc
internal import LMDB
internal import SyncCore

/// Where a verification works: `STORE/verify`, so that another one can go on with it; or a file
/// that nobody else sees, where the store can't be written to or another process is at it.
final class VerifyFolder {
    /// What is kept to go on with.
    struct Noted: Equatable {
        let at: LogTime
        let progress: VerifyProgress
        let records: [UInt32]
        let file: SpillFile.State
    }

    private let work: WorkFolder
    private let purpose: WorkFolder.Purpose
    /// Held while this process works in it; -1 where it doesn't.
    private var lock: Int32

    /// - Parameters:
    ///   - path: `STORE/verify`, made where it doesn't exist; nil for none.
    ///   - log: folder of the log that is checked.
    init(_ path: String?, log: String, boot: String) {
        work = WorkFolder(path: path ?? "")
        purpose = WorkFolder.Purpose(boot: boot, schema: "verify 1 \(Self.identity(of: log))")
        lock = path.map { Self.take($0) } ?? -1
    }

    deinit { giveUp() }

    private func giveUp() {
        if lock >= 0 { close(lock) }
        lock = -1
    }

    /// Whether another process can go on with what this one does.
    var isKept: Bool { lock >= 0 }

    /// The file to collect rows in, and what earlier work of the same led to.
    ///
    /// - Parameter resumes: whether that may be gone on with.
    func begin(resumes: Bool) throws(ProjectionError) -> (path: String, noted: Noted?) {
        guard isKept else { return (try Self.temporaryFile(), nil) }
        if resumes, work.isFor(purpose), let noted = work.progress().flatMap({ Noted($0) }) {
            return (work.sortFile, noted)
        }
        do throws(ProjectionError) {
            try work.make(for: purpose)
        } catch {
            // A check needs no place to be kept in.
            giveUp()
            return (try Self.temporaryFile(), nil)
        }
        return (work.sortFile, nil)
    }

    /// To be called once the file that `begin` named is open.
    func opened(_ path: String) {
        guard path != work.sortFile else { return }
        unlink(path)
        rmdir(FileSystem.parent(of: path))
    }

    /// - Returns: whether it was written.
    func note(_ noted: Noted) -> Bool {
        guard isKept else { return false }
        return (try? work.save(progress: noted.encoded)) != nil
    }

    /// Removes what was kept: a verification that came to its end begins anew.
    func remove() { if isKept { work.remove() } }

    /// Tells a log's file from another one in its place.
    private static func identity(of log: String) -> String {
        var info = stat()
        guard stat("\(log)/data.mdb", &info) == 0 else { return "" }
        return "\(info.st_dev):\(info.st_ino)"
    }

    private static func take(_ path: String) -> Int32 {
        mkdir(path, 0o700)
        guard access(path, W_OK) == 0 else { return -1 }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return -1 }
        var (mine, named) = (stat(), stat())
        // Whoever had it before removes it at its end: it must still be the one of that name.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &mine) == 0,
            stat(path, &named) == 0, mine.st_ino == named.st_ino
        else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// A file in a folder of its own, in the folder for temporary files.
    private static func temporaryFile() throws(ProjectionError) -> String {
        let candidates = [getenv("TMPDIR").map { String(cString: $0) }, "/var/tmp", "/tmp"]
        let base = candidates.compactMap { $0 }.first { access($0, W_OK) == 0 } ?? "/tmp"
        var template = Array("\(base)/ossync-verify-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .system(
                operation: "create a folder", path: base, reason: String(cString: strerror(errno)))
        }
        let path = template.dropLast().map { UInt8(bitPattern: $0) }
        return String(decoding: path, as: UTF8.self) + "/rows"
    }
}

/// Stored as the time, the progress, and what the file of the rows was: numbers of 8 bytes,
/// big-endian, and texts with their length; a checksum over all of it before.
extension VerifyFolder.Noted {
    private static let key: [UInt8] = Array("verify".utf8)

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt64(bitPattern: at.rawValue))
        ColumnValuesCoder.append(text: progress.encoded, to: &bytes)
        bytes.append(bigEndian: UInt64(records.count))
        for count in records { bytes.append(bigEndian: UInt64(count)) }
        file.append(to: &bytes)
        return SealedValue.seal(bytes, for: Self.key)
    }

    /// - Returns: nil for anything but what `encoded` makes.
    init?(_ bytes: [UInt8]) {
        let parsed = bytes.withUnsafeBytes { raw -> Self? in
            Self.key.withUnsafeBytes { key in
                SealedValue.open(raw, for: key).flatMap { Self(parsing: $0) }
            }
        }
        guard let parsed else { return nil }
        self = parsed
    }

    private init?(parsing bytes: UnsafeRawBufferPointer) {
        var reader = ColumnValuesCoder.Reader(bytes: bytes, offset: 0)
        guard let at = reader.number(), let text = reader.text(),
            let progress = text.withUnsafeBytes({ VerifyProgress(encoded: $0) }),
            let count = reader.number(), count <= UInt64(UInt16.max)
        else { return nil }
        var records: [UInt32] = []
        for _ in 0..<count {
            guard let number = reader.number().flatMap({ UInt32(exactly: $0) }) else { return nil }
            records.append(number)
        }
        guard let file = SpillFile.State(&reader), reader.isAtEnd,
            file.last.count == CoreAudit.Plan(records: records).lists
        else { return nil }
        self.init(
            at: LogTime(nanoseconds: Int64(bitPattern: at)), progress: progress, records: records,
            file: file)
    }
}
