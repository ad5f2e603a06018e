import ArgumentParser
import EventLog
import Projections
import Records
import SyncCore

/// `ossync show`
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one record: its columns, its state, and the API's JSON.",
        discussion: """
            Header and detail are what the API sent, byte for byte. An id that the store \
            doesn't know is exit 1.

            Example: ossync show 4711 --json
            Example: ossync show 4711 --at now-7d
            """)

    @Argument(help: "The record's id.")
    var id: String

    @OptionGroup var moment: MomentOptions

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        let log = try session.openLog()
        if let point = try moment.point {
            // Whoever reads the output may be slow: nothing is held meanwhile.
            let record = try session.readHistory(log) { history in
                let past = try PastRecord(id, at: point, session, history)
                return try report(past.row, past.stream, session) { ordinal, position in
                    try history.text(of: ordinal, at: position)
                }
            }
            return print(record, session)
        }
        let snapshot = try log.snapshot()
        let control = try snapshot.control()
        let stream = try session.stream(in: control)
        guard stream.id != .none, let row = try snapshot.row(stream.id, RecordID(id)) else {
            throw CommandFailure(
                ExitCode.failure, "there is no record \(id) in stream \(stream.name)")
        }
        print(
            try report(row, stream, session) { ordinal, position in
                try snapshot.body(of: ordinal, at: position)
            }, session)
    }

    private func print(_ record: RecordReport, _ session: Session) {
        session.output.line(session.output.isJSON ? record.json.line : record.words)
    }

    private func report(
        _ row: RecordRow, _ stream: StreamState, _ session: Session,
        text: (Ordinal, Position) throws -> [UInt8]?
    ) throws -> RecordReport {
        let header = try text(row.ordinal, row.headerPosition)?.unlessRedacted
        let detail = try text(row.ordinal, row.detailPosition)?.unlessRedacted
        var columns: [(String, JSONText)] = []
        if let configured = session.configuration.streams.first(where: { $0.name == stream.name }) {
            let mapping = try session.configuration.mapping(configured)
            let values = try mapping.evaluate(header: header?[...], detail: detail?[...])
            columns = zip(mapping.columns, values).map { ($0.name, $1.json) }
        }
        return RecordReport(row: row, columns: columns, header: header, detail: detail)
    }
}

extension [UInt8] {
    /// The text of a record; nil when it was redacted, which leaves an empty one.
    var unlessRedacted: [UInt8]? { isEmpty ? nil : self }
}

/// One record as `show` prints it.
struct RecordReport {
    let row: RecordRow
    let columns: [(String, JSONText)]
    let header: [UInt8]?
    let detail: [UInt8]?

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "record"), ("id", .string(row.id.text)),
            ("columns", .object(columns)), ("header", verbatim(header)),
            ("detail", verbatim(detail)),
            ("details_synced", .literal(row.detailsSynced ? "true" : "false")),
            ("sync_attempted_at", .optional(row.attemptedAt?.rfc3339())),
            ("sync_error", .optional(row.error?.text.withoutControls)), ("deleted_at", .null),
            ("state", .string(row.state.name)), ("attempts", .number(row.attempts)),
            ("generation", .number(row.generation)),
            ("headerPosition", .number(row.headerPosition.rawValue)),
            (
                "detailPosition",
                row.detailPosition == .none ? .null : .number(row.detailPosition.rawValue)
            ),
        ])
    }

    private func verbatim(_ text: [UInt8]?) -> JSONText {
        text.map { .literal(JSONLine.compact($0)) } ?? .null
    }

    var words: String {
        let failed = row.attempts > 0 ? ", \(row.attempts) failed attempts" : ""
        var rows = [("id", row.id.text.withoutControls), ("state", row.state.name + failed)]
        if let time = row.attemptedAt { rows.append(("tried", time.toTheSecond)) }
        if let error = row.error { rows.append(("error", error.text.withoutControls)) }
        rows += columns.map { ($0.0, $0.1.line.withoutControls) }
        rows += [("header", text(header)), ("detail", text(detail))]
        // A name that is cut could be another column's.
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "\($0.0.padded(to: max(width, 9))) \($0.1)" }.joined(separator: "\n")
    }

    private func text(_ text: [UInt8]?) -> String {
        text.map { JSONLine.compact($0).withoutControls } ?? "none"
    }
}

extension ColumnValue {
    /// The value as JSON: decimals are strings in plain notation, numbers keep their literal.
    var json: JSONText {
        switch self {
        case .null, .mismatch: .null
        case .text(let text): .string(text)
        case .integer(let literal): .literal(literal)
        case .decimal(let value): .string(value.description)
        case .boolean(let value): .literal(value ? "true" : "false")
        case .json(let text): .literal(JSONLine.compact(text))
        }
    }
}

/// Verbatim JSON on one line.
enum JSONLine {
    /// The text without the white space between tokens; tokens stay as they are.
    static func compact(_ text: [UInt8]) -> String {
        var writer = JSONWriter()
        writer.verbatim(text)
        return writer.text
    }
}
