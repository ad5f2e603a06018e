package import EventLog
package import LMDB
internal import Records
package import SyncCore

extension RecordProjection: Projection {
    package typealias Tables = RecordTables

    /// A transaction folds so many events, or so many bytes of records and one event more, at most:
    /// what it changes is held in memory, and LMDB keeps that memory for the next one.
    private static let batchEvents = 1_000
    private static let batchBytes = 1 << 20

    package func isDue(behind events: UInt64) -> Bool { events > 0 }

    package static func makeTables(
        _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        for name in ["rows", "totals"] { _ = try transaction.createDatabase(name) }
    }

    package static func openTables(
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> RecordTables {
        RecordTables(
            rows: try transaction.database("rows"), totals: try transaction.database("totals"))
    }

    package func compare(
        _ old: ProjectionEnvironment<RecordTables>, with new: ProjectionEnvironment<RecordTables>
    ) throws -> RowComparison? {
        try RowComparison.between(old, new)
    }

    package func foldBatch(
        after checkpoint: Checkpoint, through last: Position, of snapshot: borrowing LogSnapshot,
        into environment: ProjectionEnvironment<RecordTables>,
        _ transaction: borrowing WriteTransaction
    ) throws -> Checkpoint {
        let stream = try snapshot.control().stream(named: name)?.id ?? .none
        var fold = ProjectionFold(projection: self, stream: stream, checkpoint: checkpoint)
        let columns = mapping.columns.count
        var events = 0
        var bytes = 0
        var failure: ProjectionError?
        try snapshot.forEachEvent(after: checkpoint.position) { event in
            guard event.position <= last else { return false }
            do throws(ProjectionError) {
                try fold.take(event) { ordinal throws(ProjectionError) in
                    try environment.row(ordinal, columns: columns, transaction)
                } store: { view throws(ProjectionError) in
                    try environment.put(view, transaction)
                }
            } catch {
                failure = error
                return false
            }
            events += 1
            bytes += event.event.bodyBytes
            return events < Self.batchEvents && bytes < Self.batchBytes
        }
        if let failure { throw failure }
        for (position, total) in fold.totals {
            try environment.put(total, after: position, transaction)
        }
        return fold.checkpoint
    }
}

extension Event {
    /// The size of the records in it.
    fileprivate var bodyBytes: Int {
        switch self {
        case .pageFetched(let page): page.entries.reduce(0) { $0 + $1.body.count }
        case .detailsFetched(let details):
            details.results.reduce(0) { sum, result in
                if case .changed(_, let body) = result.outcome { sum + body.count } else { sum }
            }
        default: 0
        }
    }
}
