import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine

/// The backups of a store that are known to it, in `STORE/backups`: a JSON object a line.
///
/// No event, because a backup is made while an engine holds the log. Nothing is ever taken out: a
/// backup on a disk that isn't mounted still holds what the log held.
struct BackupLedger {
    let store: StoreFolder

    init(_ store: StoreFolder) { self.store = store }

    /// What is known of one backup.
    struct Entry: Equatable {
        /// Where it was made, as an absolute path.
        let path: String
        let position: Position
        let head: String
        let createdAt: String

        init(path: String, _ manifest: BackupManifest) {
            self.path = path
            position = manifest.position
            head = manifest.head
            createdAt = manifest.createdAt
        }

        fileprivate init?(_ line: some StringProtocol) {
            guard let fields = JSONFields(line), let path = fields.text("path"),
                let position = fields.number("position"), let head = fields.text("head"),
                let createdAt = fields.text("createdAt")
            else { return nil }
            self.path = path
            self.position = Position(position)
            self.head = head
            self.createdAt = createdAt
        }

        var members: [(String, JSONText)] {
            [
                ("path", .string(path)), ("position", .number(position.rawValue)),
                ("head", .string(head)), ("createdAt", .string(createdAt)),
            ]
        }

        /// Whether that backup is still where it was made.
        var isThere: Bool {
            guard let manifest = try? BackupManifest.read(from: path) else { return false }
            return Entry(path: path, manifest) == self
        }
    }

    /// The backups, oldest first; a line that a crash has cut is passed over.
    func entries() throws -> [Entry] {
        let descriptor = open(store.backups, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw failure("open", errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw failure("read", errno) }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap(Entry.init)
    }

    /// Adds a backup, durably.
    func add(_ entry: Entry) throws {
        let descriptor = open(store.backups, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open", errno) }
        defer { close(descriptor) }
        // A crash may have cut the line before.
        var last = UInt8(ascii: "\n")
        let end = lseek(descriptor, 0, SEEK_END)
        if end > 0 { _ = pread(descriptor, &last, 1, end - 1) }
        let cut = last == UInt8(ascii: "\n") ? "" : "\n"
        let bytes = Array("\(cut)\(JSONText.object(entry.members).line)\n".utf8)
        let count = write(descriptor, bytes, bytes.count)
        guard count == bytes.count else { throw failure("write", count < 0 ? errno : ENOSPC) }
        guard fsync(descriptor) == 0 else { throw failure("sync", errno) }
        try FileSystem.sync(folder: store.path)
    }

    private func failure(_ operation: String, _ status: Int32) -> EventLogError {
        .storage(LMDBError(status: status, operation: operation, path: store.backups))
    }
}
