import ArgumentParser
import EventLog
import Projections
import Records
import SyncCore

/// `ossync history`
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show each version of one record, and what changed in it field by field.",
        discussion: """
            A version is a header or a detail that the API gave and that differs from the one \
            before.

            Example: ossync history 4711
            """)

    @Argument(help: "The record's id.")
    var id: String

    @OptionGroup var moment: MomentOptions

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        let log = try session.openLog()
        let point = try moment.point
        let output = session.output
        var last: [RecordVersion.Part: [UInt8]] = [:]
        var number = 0
        // Printed once nothing is read any more: a pager may be slow.
        var lines: [String] = []
        try session.readHistory(log) { history in
            let record = try PastRecord(id, at: point, session, history)
            try history.forEachVersion(
                of: record.row.ordinal, in: record.stream.id, through: record.position
            ) { version in
                number += 1
                let report = VersionReport(
                    id: id, number: number, version: version, before: last[version.part])
                lines += try output.isJSON ? [report.json.line] : report.words
                last[version.part] = version.text
            }
        }
        for line in lines { output.line(line) }
    }
}

private struct VersionReport {
    let id: String
    let number: Int
    let version: RecordVersion
    /// The text of the version before; nil for the first one.
    let before: [UInt8]?

    private var change: String {
        if version.text == nil { return "redacted" }
        return before == nil ? "first" : "changed"
    }

    private var fields: [JSONDifference] {
        get throws {
            guard let text = version.text, let before else { return [] }
            return try JSONDifference.between(before[...], text[...])
        }
    }

    var json: JSONText {
        get throws {
            .object([
                ("v", .number(1)), ("type", "version"), ("id", .string(id)),
                ("number", .number(number)), ("position", .number(version.position.rawValue)),
                ("time", .string(version.time.rfc3339())),
                ("run", .optional(version.run.runText)), ("part", .string(version.part.name)),
                ("change", .string(change)),
                (
                    "fields",
                    .array(
                        try fields.map { field in
                            .object([
                                ("pointer", .string(field.pointer)),
                                ("before", field.before.map(Self.literal) ?? .null),
                                ("after", field.after.map(Self.literal) ?? .null),
                                ("kind", .string(field.kind)),
                            ])
                        })
                ), ("text", version.text.map(Self.literal) ?? .null),
            ])
        }
    }

    private static func literal(_ text: [UInt8]) -> JSONText { .literal(JSONLine.compact(text)) }

    var words: [String] {
        get throws {
            let run = version.run.runText ?? "-"
            let head =
                "\(number). \(version.part.name) \(change)  @\(version.position.rawValue)  "
                + "\(version.time.toTheSecond)  \(run)"
            let fields = try fields.map { field -> String in
                let place = field.pointer.isEmpty ? "(all of it)" : field.pointer
                switch (field.before, field.after) {
                case (let before?, let after?):
                    return "   ~ \(place)  \(Self.words(before)) -> \(Self.words(after))"
                case (nil, let after?): return "   + \(place)  \(Self.words(after))"
                case (let before, nil): return "   - \(place)  \(Self.words(before ?? []))"
                }
            }
            if let text = version.text, before == nil {
                return [head, "   \(Self.words(text))"]
            }
            return [head] + fields.map(\.withoutControls)
        }
    }

    private static func words(_ text: [UInt8]) -> String {
        JSONLine.compact(text).withoutControls
    }
}

extension JSONDifference {
    fileprivate var kind: String {
        before == nil ? "added" : after == nil ? "removed" : "changed"
    }
}
