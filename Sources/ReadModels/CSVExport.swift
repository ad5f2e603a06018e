package import Projections
package import Records
internal import SyncCore

/// Writes records as CSV (RFC 4180): a header line, CRLF ends, quotes where they are needed.
///
/// Text that a spreadsheet would take for a formula gets a leading quote mark; numbers never do.
package struct CSVExport: Sendable {
    private let mapping: ColumnMapping

    package init(_ mapping: ColumnMapping) { self.mapping = mapping }

    /// The line of names.
    package var header: [UInt8] {
        let names =
            ["id"] + mapping.columns.map(\.name) + [
                "details_synced", "sync_attempted_at", "sync_error", "generation",
                "header_position", "detail_position",
            ]
        return Array((names.joined(separator: ",") + "\r\n").utf8)
    }

    /// The line of one record.
    package func line(_ view: RecordView) -> [UInt8] {
        let core = view.core
        var cells = [Self.text(core.id.text)]
        cells += view.columns(mapping).map(Self.cell)
        cells.append(core.detailsSynced ? "true" : "false")
        cells.append(core.attemptedAt?.rfc3339() ?? "")
        cells.append(Self.text(core.error?.text ?? ""))
        cells.append(String(core.generation))
        cells.append(String(core.headerPosition.rawValue))
        cells.append(core.detailPosition == .none ? "" : String(core.detailPosition.rawValue))
        return Array((cells.joined(separator: ",") + "\r\n").utf8)
    }

    private static func cell(_ value: ColumnValue) -> String {
        switch value {
        case .null, .mismatch: ""
        case .text(let value): text(value)
        case .integer(let literal): literal
        case .decimal(let value): value.description
        case .boolean(let value): value ? "true" : "false"
        case .json(let value): text(String(decoding: value, as: UTF8.self))
        }
    }

    private static func text(_ value: String) -> String {
        var value = value
        if let first = value.utf8.first, formulaStarts.contains(first) { value = "'" + value }
        guard value.utf8.contains(where: { quoted.contains($0) }) else { return value }
        var result = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" { result += "\"" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    private static let formulaStarts: Set<UInt8> = [
        UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 0x09, 0x0D,
    ]
    private static let quoted: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D]
}
