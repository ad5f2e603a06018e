import EventLog
import Glibc
import Records
import SyncCore
import SyncEngine

/// A bundle as a file: lines of JSON, so that people see what they pass on.
///
/// The first line says what it is, then come the state it begins at, the rows and the commits. Each
/// has its stored bytes as `raw` (hexadecimal; docs/event-format.md), from which it is read;
/// everything beside them is for people.
enum ReplayBundleFile {
    private static let format = 1

    // MARK: Writing

    /// - Parameter write: is given line by line.
    static func write(_ bundle: ReplayBundle, _ write: (String) throws -> Void) throws {
        let events = bundle.commits.flatMap(\.events)
        try write(
            JSONText.object([
                ("type", "ossync-bundle"), ("format", .number(format)),
                ("program", .string(Version.text)), ("deciderVersion", .number(Decider.version)),
                ("first", .number(events.first?.position.rawValue ?? 0)),
                ("last", .number(events.last?.position.rawValue ?? 0)),
                ("rows", .number(bundle.rows.count)), ("commits", .number(bundle.commits.count)),
            ]).line)
        try write(
            JSONText.object([
                ("type", "start"),
                ("wake", bundle.start.wake.map { .number($0.rawValue) } ?? .null),
                ("version", bundle.start.version.map { .number($0) } ?? .null),
                ("raw", hex(ControlStateCoder.encode(bundle.start.control))),
            ]).line)
        for entry in bundle.rows {
            try write(
                JSONText.object([
                    ("type", "row"), ("stream", .number(entry.stream.rawValue)),
                    ("ordinal", .number(entry.row.ordinal.rawValue)),
                    ("id", .string(entry.row.id.text)), ("state", .string(entry.row.state.name)),
                    ("raw", hex(RecordRowCoder.encode(entry.row, of: entry.stream))),
                ]).line)
        }
        let coder = EventCoder()
        for commit in bundle.commits {
            try write(
                JSONText.object([
                    ("type", "commit"), ("bytes", .number(commit.bytes)),
                    ("events", .array(try commit.events.map { try event($0, coder) })),
                ]).line)
        }
    }

    private static func event(_ logged: LoggedEvent, _ coder: EventCoder) throws -> JSONText {
        var value: [UInt8] = []
        try coder.encode(logged, into: &value)
        return .object([
            ("position", .number(logged.position.rawValue)),
            ("time", .string(logged.time.rfc3339())),
            ("event", .string(logged.event.type.name)),
            ("message", .string(EventNarrator.text(logged).withoutControls)), ("raw", hex(value)),
        ])
    }

    private static func hex(_ bytes: [UInt8]) -> JSONText {
        .string(bytes.withUnsafeBytes { hexadecimal($0) })
    }

    // MARK: Reading

    /// - Throws: exit 2 for what is no bundle, or one of a later program.
    static func read(_ path: String) throws -> ReplayBundle {
        let lines = try lines(path)
        var reader = Reader(path: path)
        for line in lines { try reader.take(line) }
        return try reader.bundle()
    }

    private static func lines(_ path: String) throws -> [ArraySlice<UInt8>] {
        guard let file = fopen(path, "re") else {
            throw CommandFailure(
                ExitCode.usage, "\(path): can't be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&block, 1, block.count, file)
            bytes.append(contentsOf: block[..<count])
            if count < block.count { break }
        }
        guard ferror(file) == 0 else {
            throw CommandFailure(ExitCode.usage, "\(path): can't be read")
        }
        return bytes.split(separator: UInt8(ascii: "\n"))
    }

    private struct Reader {
        let path: String
        private var number = 0
        private var start: ReplayBundle.Start?
        private var rows: [ReplayBundle.Row] = []
        private var commits: [LoggedCommit] = []
        private var promised = (rows: -1, commits: -1)
        private let coder = EventCoder()

        init(path: String) { self.path = path }

        mutating func take(_ line: ArraySlice<UInt8>) throws {
            number += 1
            do {
                switch try text("/type", line) {
                case "ossync-bundle" where number == 1:
                    guard try integer("/format", line) == ReplayBundleFile.format else {
                        throw failure("it was written by a later ossync")
                    }
                    promised = (try integer("/rows", line), try integer("/commits", line))
                case "start" where number == 2: start = try start(line)
                case "row" where number > 2: rows.append(try row(line))
                case "commit" where number > 2: commits.append(try commit(line))
                default: throw failure("not a bundle of `ossync replay --export`")
                }
            } catch let error as CommandFailure {
                throw error
            } catch {
                throw failure("\(error)")
            }
        }

        func bundle() throws -> ReplayBundle {
            guard let start, rows.count == promised.rows, commits.count == promised.commits else {
                throw failure(number == 0 ? "it is empty" : "it is cut off")
            }
            let bundle = ReplayBundle(start: start, rows: rows, commits: commits)
            if let problem = bundle.problem { throw failure(problem) }
            return bundle
        }

        private func start(_ line: ArraySlice<UInt8>) throws -> ReplayBundle.Start {
            ReplayBundle.Start(
                control: try ControlStateCoder.decode(raw("/raw", line)),
                wake: try optional("/wake", line).map { LogTime(nanoseconds: Int64($0)) },
                version: try optional("/version", line).map { UInt32(clamping: $0) })
        }

        private func row(_ line: ArraySlice<UInt8>) throws -> ReplayBundle.Row {
            let stream = StreamID(UInt16(clamping: try integer("/stream", line)))
            let ordinal = Ordinal(UInt32(clamping: try integer("/ordinal", line)))
            let bytes = try raw("/raw", line)
            return ReplayBundle.Row(
                stream: stream,
                row: try bytes.withUnsafeBytes { try RecordRowCoder.decode(stream, ordinal, $0) })
        }

        private func commit(_ line: ArraySlice<UInt8>) throws -> LoggedCommit {
            let positions = try values("/events/*/position", line)
            let raws = try values("/events/*/raw", line)
            guard positions.count == raws.count, !raws.isEmpty else {
                throw failure("a commit without events")
            }
            let events = try zip(positions, raws).map { position, raw in
                let bytes = try Self.bytes(raw) ?? { throw failure("raw is not hexadecimal") }()
                let position = Position(UInt64(String(decoding: position, as: UTF8.self)) ?? 0)
                return try bytes.withUnsafeBytes {
                    try coder.decode(position, $0, bodies: .none)
                }
            }
            return LoggedCommit(events: events, bytes: try integer("/bytes", line))
        }

        // MARK: Values

        private func values(
            _ pointer: String, _ line: ArraySlice<UInt8>
        ) throws -> [ArraySlice<UInt8>] {
            try JSONPointer(pointer, wildcards: true).values(in: line)
        }

        private func value(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> String {
            guard let value = try JSONPointer(pointer).value(in: line) else {
                throw failure("\(pointer.dropFirst()) is missing")
            }
            return String(decoding: value, as: UTF8.self)
        }

        private func text(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> String {
            String(try value(pointer, line).dropFirst().dropLast())
        }

        private func integer(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> Int {
            guard let number = Int(try value(pointer, line)), number >= 0 else {
                throw failure("\(pointer.dropFirst()) is no number")
            }
            return number
        }

        private func optional(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> Int? {
            try value(pointer, line) == "null" ? nil : integer(pointer, line)
        }

        private func raw(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> [UInt8] {
            guard let bytes = Self.bytes(ArraySlice(try value(pointer, line).utf8)) else {
                throw failure("raw is not hexadecimal")
            }
            return bytes
        }

        /// - Parameter text: hexadecimal digits in quotes.
        private static func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
            let digits = text.dropFirst().dropLast()
            guard digits.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(digits.count / 2)
            var high: UInt8?
            for digit in digits {
                guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
                if let first = high {
                    bytes.append(first << 4 | UInt8(value))
                    high = nil
                } else {
                    high = UInt8(value)
                }
            }
            return bytes
        }

        private func failure(_ reason: String) -> CommandFailure {
            CommandFailure(ExitCode.usage, "\(path): line \(number): \(reason)".withoutControls)
        }
    }
}
