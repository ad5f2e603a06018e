internal import EventLog
internal import Projections
internal import Records
internal import SyncCore

extension StoreChecker {
    /// So many records' texts are read as `show` reads them; the others as the log's events bring
    /// them.
    private static let readTexts = 12

    /// The core rows by the server's numbers.
    func rows(_ log: EventLog) throws -> [Int64: RecordRow] {
        var rows: [Int64: RecordRow] = [:]
        try log.snapshot().forEachRow(VirtualMachine.stream) { row in
            if let id = plan.number(of: row.id) { rows[id] = row }
            return true
        }
        return rows
    }

    /// Invariant 1: the records are the server's, byte for byte; invariant 8: those that can't be
    /// had are parked, and no other one waits.
    ///
    /// - Returns: which versions of them the store has.
    mutating func checkRecords(
        _ log: EventLog, _ rows: [Int64: RecordRow], _ erp: SimulatedERP, readsTexts: Bool,
        _ violations: inout Violations
    ) throws -> [Int64: ExpectedRecords.Match] {
        let snapshot = try log.snapshot()
        let ids = erp.ids
        let counts = try snapshot.control().streams.first?.counts
        violations.expect(
            counts?.total == UInt64(ids.count) && rows.count == ids.count, 1,
            "the store has \(counts?.total ?? 0) records, the server \(ids.count)")
        let stride = max(ids.count / Self.readTexts, 1)
        var matches: [Int64: ExpectedRecords.Match] = [:]
        for (index, id) in ids.enumerated() {
            guard let row = rows[id] else {
                violations.note(1, "record \(id) is not in the store")
                continue
            }
            auditor.rows.compare(row, at: "in the store", &violations)
            let header = text(texts.headers[row.ordinal], at: row.headerPosition)
            let detail = text(texts.details[row.ordinal], at: row.detailPosition)
            let match = try expected.match(
                id, versions.versions(of: id, erp), header: header, detail: detail, erp)
            matches[id] = match
            violations.expect(
                match.header != nil || header?.isEmpty == true, 1,
                "the header of record \(id) differs")
            if readsTexts, index % stride == 0 {
                try checkReading(snapshot, row, header: header, detail: detail, &violations)
            }
            if plan.isUnobtainable(id), !(row.detailsSynced && plan.mayComeLate(id)) {
                violations.expect(
                    row.state == .parked || row.state == .dropped && plan.queueChanges > 0, 8,
                    "record \(id) can't be had, but is \(row.state.name)")
                continue
            }
            violations.expect(row.detailsSynced, 1, "record \(id) is \(row.state.name)")
            violations.expect(
                match.detail != nil || detail?.isEmpty == true, 1,
                "the detail of record \(id) differs")
            if let header = match.header, let detail = match.detail {
                violations.expect(
                    header.version <= detail.version, 1, "the detail of record \(id) is too old")
            }
        }
        return matches
    }

    /// The text that a row names.
    private func text(_ text: RecordTexts.Text?, at position: Position) -> ArraySlice<UInt8>? {
        text?.position == position ? text?.body : nil
    }

    /// Reads a record as `show` does: by its identity, and its texts by their positions.
    private func checkReading(
        _ snapshot: borrowing LogSnapshot, _ row: RecordRow, header: ArraySlice<UInt8>?,
        detail: ArraySlice<UInt8>?, _ violations: inout Violations
    ) throws {
        let found = try snapshot.row(VirtualMachine.stream, row.id)
        violations.expect(found == row, 5, "record \(row.id) is not found by its identity")
        let texts = try [
            snapshot.body(of: row.ordinal, at: row.headerPosition),
            snapshot.body(of: row.ordinal, at: row.detailPosition),
        ]
        violations.expect(
            texts == [header, detail].map { $0.map { Array($0) } }, 1,
            "the texts of record \(row.id) read otherwise")
    }

    /// Invariants 1 and 5: the projection that followed the log has the core rows, the columns that
    /// the server's texts give, and their sum.
    mutating func checkProjection(
        _ projector: RecordProjector, _ rows: [Int64: RecordRow],
        _ matches: [Int64: ExpectedRecords.Match], _ violations: inout Violations
    ) throws {
        let followed = try Self.contents(projector)
        var cents: Int64 = 0
        var withExpenses: UInt64 = 0
        for view in followed.rows {
            let id = view.core.id
            guard let number = plan.number(of: id), let match = matches[number] else {
                violations.note(1, "the projection has record \(id), which the server hasn't")
                continue
            }
            violations.expect(
                rows[number] == view.core, 5, "the projection's row of \(id) is not the core row")
            violations.expect(
                view.fromHeader == match.header?.fromHeader, 5,
                "the projection's columns of \(id) are not its header's")
            violations.expect(
                view.fromDetail == match.detail?.fromDetail, 5,
                "the projection's columns of \(id) are not its detail's")
            cents += match.detail?.expenseCents ?? 0
            // A detail without expenses has a sum of nothing.
            if match.detail != nil { withExpenses += 1 }
        }
        violations.expect(
            followed.rows.count == rows.count, 5,
            "the projection has \(followed.rows.count) records, the log \(rows.count)")
        violations.expect(
            followed.count == withExpenses, 5,
            "the sum is of \(followed.count) records, but \(withExpenses) have a detail")
        violations.expect(
            followed.sum == Self.decimal(cents: cents), 1,
            "the expenses are \(followed.sum), but the server's \(Self.decimal(cents: cents))")
    }

    /// Invariant 5: the projection that followed the log is the one that is made from scratch.
    static func compare(
        _ projector: RecordProjector, with rebuilt: RecordProjector, _ violations: inout Violations
    ) throws {
        let followed = try contents(projector)
        let scratch = try contents(rebuilt)
        violations.expect(
            followed.rows == scratch.rows, 5, "the projection is not the one made from scratch")
        violations.expect(
            followed.sum == scratch.sum && followed.count == scratch.count, 5,
            "the sum \(followed.sum) of \(followed.count) is not the rebuilt one, "
                + "\(scratch.sum) of \(scratch.count)")
    }

    /// Rebuilds a projection that can't be read, as its error says to do.
    static func readOrRebuild(_ projector: RecordProjector) throws {
        do {
            _ = try contents(projector)
        } catch ProjectionError.damaged {
            try projector.rebuild()
        }
    }

    private static func contents(
        _ projector: RecordProjector
    ) throws -> (rows: [RecordView], sum: String, count: UInt64) {
        try projector.read { reader in
            var rows: [RecordView] = []
            try reader.forEachRow { row in
                rows.append(row)
                return true
            }
            let total = reader.total
            return (rows, total?.sum ?? "", total?.records ?? 0)
        }
    }

    private static func decimal(cents: Int64) -> String {
        guard cents != 0 else { return "0" }
        let fraction = cents % 100
        return "\(cents / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
