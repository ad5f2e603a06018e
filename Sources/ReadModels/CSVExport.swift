package import Projections
package import Records
internal import SyncCore

/// Writes records as CSV: a header line, then a line a record.
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
        return CSVText.line(names)
    }

    /// The line of one record.
    package func line(_ view: RecordView) -> [UInt8] {
        let core = view.core
        var cells = [CSVText.cell(core.id.text)]
        cells += view.columns(mapping).map(Self.cell)
        cells.append(core.detailsSynced ? "true" : "false")
        cells.append(core.attemptedAt?.rfc3339() ?? "")
        cells.append(CSVText.cell(core.error?.text ?? ""))
        cells.append(String(core.generation))
        cells.append(String(core.headerPosition.rawValue))
        cells.append(core.detailPosition == .none ? "" : String(core.detailPosition.rawValue))
        return CSVText.line(cells)
    }

    private static func cell(_ value: ColumnValue) -> String {
        switch value {
        case .null, .mismatch: ""
        case .text(let value): CSVText.cell(value)
        case .integer(let literal): literal
        case .decimal(let value): value.description
        case .boolean(let value): value ? "true" : "false"
        case .json(let value): CSVText.cell(String(decoding: value, as: UTF8.self))
        }
    }
}
