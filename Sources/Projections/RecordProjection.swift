package import Records
package import SyncCore

/// The projection of a stream's records with its mapped columns: what it is, as a value.
///
/// Its fold is pure and knows no storage.
package struct RecordProjection: Sendable, Equatable {
    /// The stream's name, which is the projection's too, for example `os`.
    package let name: String
    package let mapping: ColumnMapping
    /// The column whose sum `status` shows.
    package static let totalColumn = "expense_total"
    /// So many events of a rebuild are collected before it is noted how far that is.
    var notedEvents = 1 << 16
    /// Grows with each change of the fold or of the row's coding.
    private static let foldVersion = 3

    package init(name: String, mapping: ColumnMapping) {
        self.name = name
        self.mapping = mapping
    }

    /// What a projection's data depends on: another text means that it must be rebuilt.
    package var schema: String { "records \(Self.foldVersion)\n\(mapping.signature)" }

    /// The place of the summed column among the mapped ones, if there is a decimal one of that
    /// name.
    package var totalIndex: Int? {
        mapping.columns.firstIndex { $0.name == Self.totalColumn && $0.type == .decimal }
    }

    /// Folds what an event does to one record.
    ///
    /// - Throws: when the text of the record can't be read; the message names no secret.
    package func fold(
        _ view: RecordView?, _ touch: RowTouch, position: Position, time: LogTime
    ) throws(RecordsError) -> RecordView? {
        var next = view
        let sorted = SortedTouch(
            ordinal: view?.core.ordinal ?? Ordinal(0), position: position, time: time,
            touch: touch, values: try values(of: touch))
        return fold(&next, sorted) ? next : nil
    }

    /// The same where the values of the text are known, in place.
    ///
    /// - Returns: false where there is no row that could change.
    func fold(_ view: inout RecordView?, _ sorted: SortedTouch) -> Bool {
        let core = applyRow(
            view?.core, sorted.touch, position: sorted.position, time: sorted.time)
        guard let core else { return false }
        if view == nil {
            view = RecordView(core: core)
        } else {
            view?.core = core
        }
        switch sorted.touch {
        case .listed: view?.fromHeader = sorted.values
        case .detail(let result):
            if case .changed = result.outcome { view?.fromDetail = sorted.values }
        default: break
        }
        return true
    }

    /// The columns' values in the text that a touch brings, if it brings one.
    func values(of touch: RowTouch) throws(RecordsError) -> [ColumnValue?]? {
        switch touch {
        case .listed(let entry, _): return try values(of: entry.body, .header)
        case .detail(let result):
            guard case .changed(_, let body) = result.outcome else { return nil }
            return try values(of: body, .detail)
        default: return nil
        }
    }

    /// The values that a text gives; none for one that was redacted, which is empty.
    private func values(
        of text: ArraySlice<UInt8>, _ part: ColumnMapping.Part
    ) throws(RecordsError) -> [ColumnValue?]? {
        text.isEmpty ? nil : try mapping.values(of: text, part)
    }

    /// A row with the columns' values of the texts that it has.
    func view(
        of row: RecordRow, header: [UInt8]?, detail: [UInt8]?
    ) throws(RecordsError) -> RecordView {
        var view = RecordView(core: row)
        if let header { view.fromHeader = try values(of: header[...], .header) }
        if let detail { view.fromDetail = try values(of: detail[...], .detail) }
        return view
    }

    /// What the row adds to the total of the summed column.
    package func addend(_ view: RecordView?) -> ExactDecimal? {
        guard let totalIndex, let view else { return nil }
        if case .decimal(let value) = view.columns(mapping)[totalIndex] { return value }
        return nil
    }
}
