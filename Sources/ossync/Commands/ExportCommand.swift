import ArgumentParser
import EventLog
import Glibc
import LMDB
import Projections
import ReadModels
import Records
import SyncCore

/// `ossync export`
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all records to a file or to standard output.",
        discussion: """
            With --at, as the records were then.

            Example: ossync export csv --output os.csv
            Example: ossync export csv --at 2026-11-24 > os-then.csv
            """,
        subcommands: [CSV.self, NDJSON.self])

    struct CSV: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "csv", abstract: "The mapped columns, a record a line.",
            discussion: "Example: ossync export csv > os.csv")

        @Option(
            name: .shortAndLong, help: "The file; - is standard output.", completion: .file())
        var output = "-"

        @OptionGroup var moment: MomentOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            try Exporter(global: global, target: output, point: try moment.point).run {
                _, mapping in
                let csv = CSVExport(mapping)
                return Exporter.Format(header: csv.header) { csv.line($0) }
            }
        }
    }

    struct NDJSON: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ndjson",
            abstract: "Each record as one line of JSON, with the API's header and detail verbatim.",
            discussion: "Example: ossync export ndjson --output os.ndjson")

        @Option(
            name: .shortAndLong, help: "The file; - is standard output.", completion: .file())
        var output = "-"

        @OptionGroup var moment: MomentOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            try Exporter(global: global, target: output, point: try moment.point).run {
                log, mapping in
                let texts = RecordTexts(log: log)
                return Exporter.Format(header: []) { view in
                    let columns = zip(mapping.columns, view.columns(mapping)).map {
                        ($0.name, $1.json)
                    }
                    let report = RecordReport(
                        row: view.core, columns: columns, header: try texts.header(view.core),
                        detail: try texts.detail(view.core))
                    return Array((report.json.line + "\n").utf8)
                }
            }
        }
    }
}

/// The texts of records that are asked for one after the other: the event that held the last one is
/// kept, because neighbours mostly came in the same page.
final class RecordTexts {
    private let log: EventLog
    private var lastHeader: LoggedEvent?
    private var lastDetail: LoggedEvent?

    init(log: EventLog) { self.log = log }

    func header(_ row: RecordRow) throws -> [UInt8]? {
        let event = try event(row.headerPosition, kept: lastHeader)
        lastHeader = event
        return event?.event.text(of: row.ordinal)?.unlessRedacted
    }

    func detail(_ row: RecordRow) throws -> [UInt8]? {
        guard row.detailPosition != .none else { return nil }
        let event = try event(row.detailPosition, kept: lastDetail)
        lastDetail = event
        return event?.event.text(of: row.ordinal)?.unlessRedacted
    }

    private func event(_ position: Position, kept: LoggedEvent?) throws -> LoggedEvent? {
        if let kept, kept.position == position { return kept }
        // A snapshot of its own each time: whoever reads the export may be slow.
        return try log.snapshot().event(at: position)
    }
}

extension Event {
    /// The verbatim text of one record in this event.
    fileprivate func text(of ordinal: Ordinal) -> [UInt8]? {
        switch self {
        case .pageFetched(let page):
            return page.entries.last { $0.ordinal == ordinal }.map { Array($0.body) }
        case .detailsFetched(let details):
            for result in details.results where result.ordinal == ordinal {
                if case .changed(_, let body) = result.outcome { return Array(body) }
            }
            return nil
        default: return nil
        }
    }
}

/// Where an export goes: standard output, or a file that takes its name when it is whole.
final class ExportSink {
    private let target: String
    private let temporary: String?
    private let descriptor: Int32
    private let mode: mode_t
    private var buffer: [UInt8] = []

    /// - Parameter mode: who may read and write the file.
    init(_ target: String, mode: mode_t = 0o600) throws {
        self.mode = mode
        guard target != "-" else {
            self.target = target
            temporary = nil
            descriptor = STDOUT_FILENO
            return
        }
        // A link keeps its place: the file it names is written.
        let target = Self.resolved(target)
        self.target = target
        if Self.isSpecial(target) {
            temporary = nil
            descriptor = open(target, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.failure("write", target) }
            return
        }
        let temporary = "\(target).part"
        self.temporary = temporary
        descriptor = try Self.openAlone(temporary, target)
    }

    /// Opens the unfinished file empty, and for this process alone: of two exports to one file each
    /// would write into the other's, and one would give both its name.
    private static func openAlone(_ path: String, _ target: String) throws -> Int32 {
        while true {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw failure("write", path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
                close(descriptor)
                throw CommandFailure(
                    ExitCode.locked, "\(target): another export is writing this file",
                    hint: "wait for it, or choose another file")
            }
            // The other one may have given it its name since it was opened here.
            var (opened, there) = (stat(), stat())
            if fstat(descriptor, &opened) == 0, stat(path, &there) == 0,
                opened.st_ino == there.st_ino
            {
                guard ftruncate(descriptor, 0) == 0 else { throw failure("write", path) }
                return descriptor
            }
            close(descriptor)
        }
    }

    /// - Parameter hops: how many links may follow each other, as Linux has it.
    private static func resolved(_ path: String, hops: Int = 40) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        // It leads to what isn't there yet.
        var name = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &name, name.count)
        guard count > 0, count < name.count, hops > 0 else { return path }
        let next = String(decoding: name[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return resolved(
            next.hasPrefix("/") ? next : "\(FileSystem.parent(of: path))/\(next)", hops: hops - 1)
    }

    /// Whether there is a device, a pipe or a socket, which no file may take the place of.
    private static func isSpecial(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT != S_IFREG
            && info.st_mode & S_IFMT != S_IFDIR
    }

    func write(_ bytes: [UInt8]) throws {
        buffer += bytes
        if buffer.count >= 1 << 16 { try flush() }
    }

    private func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE, temporary == nil { exit(0) }
                throw Self.failure("write", target)
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Gives the file its name, once all of it is on the disk.
    func finish() throws {
        try flush()
        guard let temporary else { return }
        // The lock goes with the descriptor, so it is closed last.
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0,
            rename(temporary, target) == 0, close(descriptor) == 0
        else {
            throw Self.failure("write", target)
        }
    }

    /// Removes what was written of a file that can't be finished.
    func abandon() {
        guard let temporary else { return }
        unlink(temporary)
        close(descriptor)
    }

    private static func failure(_ operation: String, _ path: String) -> CommandFailure {
        CommandFailure(
            ExitCode.failure, "\(path): \(operation) failed: \(String(cString: strerror(errno)))")
    }
}

/// What every export does around its format.
private struct Exporter {
    struct Format {
        let header: [UInt8]
        let line: (RecordView) throws -> [UInt8]
    }

    let global: GlobalOptions
    let target: String
    /// Nil for now.
    let point: Point?

    func run(_ format: (EventLog, ColumnMapping) -> Format) throws {
        let session = try Session(global)
        let log = try session.openLog()
        let past = try point.map { try session.control(at: $0, log) }
        let stream = try session.stream(in: past ?? log.snapshot().control())
        let projector = try session.recordProjector(stream.name, log)
        let sink = try ExportSink(target)
        var (records, position) = (UInt64(0), Position.none)
        do {
            let format = format(log, projector.projection.mapping)
            try sink.write(format.header)
            func write(_ reader: borrowing ProjectionReader) throws {
                position = reader.position
                try reader.forEachRow { view in
                    try sink.write(try format.line(view))
                    records += 1
                    return true
                }
            }
            if let past {
                position = past.position
                try session.readPast(at: past, log) { try write($0) }
            } else {
                try projector.read { try write($0) }
            }
            try sink.finish()
        } catch {
            sink.abandon()
            throw error
        }
        let summary = JSONText.object([
            ("v", .number(1)), ("type", "summary"), ("stream", .string(stream.name)),
            ("exitCode", .number(0)), ("records", .number(records)),
            ("position", .number(position.rawValue)),
        ])
        if session.output.isJSON {
            // With the data on stdout, a summary there would be a record.
            target == "-" ? session.output.note(summary.line) : session.output.line(summary.line)
        } else {
            session.output.note("\(records.grouped) records")
        }
    }
}
