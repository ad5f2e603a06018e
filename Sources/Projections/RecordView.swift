package import Records
package import SyncCore

/// One row of a record projection: the core row as the projection has folded it, and the values
/// that its two texts gave for the mapped columns.
package struct RecordView: Sendable, Equatable {
    package var core: RecordRow
    package var fromHeader: [ColumnValue?]?
    package var fromDetail: [ColumnValue?]?

    package init(
        core: RecordRow, fromHeader: [ColumnValue?]? = nil, fromDetail: [ColumnValue?]? = nil
    ) {
        self.core = core
        self.fromHeader = fromHeader
        self.fromDetail = fromDetail
    }

    /// The values of the mapped columns, in their order.
    package func columns(_ mapping: ColumnMapping) -> [ColumnValue] {
        mapping.combine(header: fromHeader, detail: fromDetail)
    }
}
