import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine

/// What a backup says about itself: `backup.json` beside its log.
struct BackupManifest: Equatable {
    /// When it was made (RFC 3339).
    let createdAt: String
    /// Where its log ends.
    let position: Position
    /// When the last event was (RFC 3339); nil where there is none.
    let time: String?
    /// The head of the chain there, in hexadecimal digits.
    let head: String
    let events: UInt64
    /// Whose API it is; nil where that wasn't said yet.
    let apiIdentity: String?
    /// The size of `log/data.mdb`.
    let bytes: UInt64
    /// Of the same file, in hexadecimal digits.
    let sha256: String
    /// The segments of the archive that are in it, oldest first.
    var archive: [Segment] = []
    /// Whether events that its log has in the archive were left out.
    var isWithoutArchive = false

    /// `archive/NAME/data.mdb`, as above.
    struct Segment: Equatable {
        let name: ArchiveName
        let bytes: UInt64
        let sha256: String

        fileprivate var json: JSONText {
            .object([
                ("name", .string(name.text)), ("bytes", .number(bytes)),
                ("sha256", .string(sha256)),
            ])
        }
    }

    /// All bytes of its files.
    var allBytes: UInt64 { archive.reduce(bytes) { $0 + $1.bytes } }

    private static let version: UInt64 = 1

    var json: JSONText {
        .object([("v", .number(Self.version)), ("type", "backup")] + members)
    }

    /// All but what says what it is.
    var members: [(String, JSONText)] {
        [
            ("createdAt", .string(createdAt)), ("position", .number(position.rawValue)),
            ("time", .optional(time)), ("head", .string(head)), ("events", .number(events)),
            ("api", .optional(apiIdentity)), ("bytes", .number(bytes)), ("sha256", .string(sha256)),
            ("archive", .array(archive.map(\.json))),
            ("withoutArchive", .literal(String(isWithoutArchive))),
        ]
    }

    /// Writes it into the folder of a backup in the making, durably.
    func write(to folder: BackupFolder) throws {
        let path = StoreFolder(folder.path).manifest
        let bytes = Array((json.rendered() + "\n").utf8)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("create", path, errno) }
        defer { close(descriptor) }
        let count = Glibc.write(descriptor, bytes, bytes.count)
        // What fits in part is no error of the call.
        guard count == bytes.count else {
            throw Self.failure("write", path, count < 0 ? errno : ENOSPC)
        }
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", path, errno) }
    }

    private static func failure(_ operation: String, _ path: String, _ status: Int32)
        -> EventLogError
    {
        .storage(LMDBError(status: status, operation: operation, path: path))
    }

    /// Reads the manifest of a backup.
    ///
    /// - Throws: exit 2 where the folder is no backup, 12 where the manifest is not as it was
    ///   written or of a newer format.
    static func read(from folder: String) throws -> BackupManifest {
        let path = StoreFolder(folder).manifest
        var info = stat()
        guard stat(folder, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure(ExitCode.usage, "\(folder): there is no such folder")
        }
        guard access(path, F_OK) == 0 else {
            throw CommandFailure(
                ExitCode.usage, "\(folder): this is not a backup: it has no backup.json",
                hint: "name a folder that `ossync backup` made")
        }
        guard let text = TextFile.read(path) else {
            throw CommandFailure(
                ExitCode.failure, "\(path): it can't be read: \(String(cString: strerror(errno)))")
        }
        guard let fields = JSONFields(text) else {
            throw CommandFailure(
                ExitCode.corrupt, "\(path): damaged: it is no JSON", hint: "take another backup")
        }
        if let version = fields.number("v"), version > Self.version {
            throw CommandFailure(
                ExitCode.corrupt, "\(path): written by a later ossync (format \(version))",
                hint: "install that version")
        }
        guard fields.number("v") == Self.version, fields.text("type") == "backup",
            let createdAt = fields.text("createdAt"), let position = fields.number("position"),
            let head = fields.text("head"), let events = fields.number("events"),
            let bytes = fields.number("bytes"), let sha256 = fields.text("sha256")
        else {
            throw CommandFailure(
                ExitCode.corrupt, "\(path): damaged: a member is missing",
                hint: "take another backup")
        }
        return BackupManifest(
            createdAt: createdAt, position: Position(position), time: fields.text("time"),
            head: head, events: events, apiIdentity: fields.text("api"), bytes: bytes,
            sha256: sha256, archive: try segments(fields, path),
            isWithoutArchive: fields.isTrue("withoutArchive"))
    }

    /// Backups of before there were any name none.
    private static func segments(_ fields: JSONFields, _ path: String) throws -> [Segment] {
        var segments: [Segment] = []
        while let text = fields.text("archive/\(segments.count)/name") {
            let place = "archive/\(segments.count)"
            guard let name = ArchiveName(text), let bytes = fields.number("\(place)/bytes"),
                let sha256 = fields.text("\(place)/sha256")
            else {
                throw CommandFailure(
                    ExitCode.corrupt, "\(path): damaged: a segment of the archive is not described",
                    hint: "take another backup")
            }
            segments.append(Segment(name: name, bytes: bytes, sha256: sha256))
        }
        return segments
    }
}
