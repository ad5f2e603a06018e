internal import EventLog
internal import LMDB
internal import Records
package import SyncCore

/// A record projection as it stands at one position of the log.
package struct ProjectionReader: ~Copyable {
    package let projection: RecordProjection
    private let environment: ProjectionEnvironment
    private let transaction: ReadTransaction
    private var fold: ProjectionFold
    /// Rows that the projection on the disk doesn't have yet, by ordinal.
    private var overlay: [Ordinal: RecordView] = [:]

    init(
        projection: RecordProjection, environment: ProjectionEnvironment,
        transaction: consuming ReadTransaction, checkpoint: Checkpoint
    ) {
        self.projection = projection
        self.environment = environment
        self.transaction = transaction
        fold = ProjectionFold(projection: projection, stream: .none, checkpoint: checkpoint)
    }

    /// The position that the rows stand at.
    package var position: Position { fold.checkpoint.position }

    /// The sum of the summed column over all records that have one, in plain notation, and how many
    /// there are; nil when no such column is mapped.
    package var total: (sum: String, records: UInt64)? {
        guard projection.totalIndex != nil else { return nil }
        let total = fold.checkpoint.total
        return (total.description, total.count)
    }

    private var columns: Int { projection.mapping.columns.count }

    /// Folds what the log has beyond the checkpoint in memory.
    mutating func foldTail(of log: EventLog) throws {
        let snapshot = try log.snapshot()
        let stream = try snapshot.control().stream(named: projection.name)?.id ?? .none
        var fold = ProjectionFold(
            projection: projection, stream: stream, checkpoint: fold.checkpoint)
        var overlay: [Ordinal: RecordView] = [:]
        var failure: ProjectionError?
        try snapshot.forEachEvent(after: fold.checkpoint.position) { event in
            do throws(ProjectionError) {
                try fold.take(event) { ordinal throws(ProjectionError) in
                    if let row = overlay[ordinal] { return row }
                    return try environment.row(ordinal, columns: columns, transaction)
                } store: { view in
                    overlay[view.core.ordinal] = view
                }
            } catch {
                failure = error
                return false
            }
            return true
        }
        if let failure { throw failure }
        self.fold = fold
        self.overlay = overlay
    }

    /// One record; nil when there is none of that ordinal.
    package func row(_ ordinal: Ordinal) throws(ProjectionError) -> RecordView? {
        if let row = overlay[ordinal] { return row }
        return try environment.row(ordinal, columns: columns, transaction)
    }

    /// Calls `body` for each record in the order in which they were first seen, until it says no.
    package func forEachRow(_ body: (RecordView) throws -> Bool) throws {
        var cursor = try transaction.cursor(environment.rows)
        var isThere = try cursor.first()
        var last: Ordinal?
        while isThere {
            let found = cursor.read { key, value in
                ProjectionEnvironment.ordinal(key).map { ordinal in
                    (
                        ordinal,
                        overlay[ordinal]
                            ?? RecordViewCoder.decode(ordinal, value, columns: columns)
                    )
                }
            }
            guard let (ordinal, row) = found, let row else {
                throw ProjectionError.damaged(projection: projection.name, reason: "a row")
            }
            last = ordinal
            guard try body(row) else { return }
            isThere = try cursor.next()
        }
        // Ordinals grow, so what the disk doesn't have at all comes after everything it has.
        for ordinal in overlay.keys.sorted() where last.map({ ordinal > $0 }) ?? true {
            guard let row = overlay[ordinal], try body(row) else { return }
        }
    }
}
