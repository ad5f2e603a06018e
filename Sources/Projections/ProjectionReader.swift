internal import EventLog
internal import LMDB
internal import Records
package import SyncCore

/// A record projection as it stands at one position of the log.
package struct ProjectionReader: ~Copyable {
    package let projection: RecordProjection
    /// The log's state at the position that the rows stand at.
    package let control: ControlState
    private let environment: ProjectionEnvironment<RecordTables>
    private let transaction: ReadTransaction
    private let checkpoint: Checkpoint
    /// Rows that the projection on the disk doesn't have yet, by ordinal.
    private let overlay: [Ordinal: RecordView]
    /// The totals that it doesn't have yet.
    private let newTotals: [(position: Position, total: DecimalTotal)]

    private init(
        _ projection: RecordProjection, _ environment: ProjectionEnvironment<RecordTables>,
        _ transaction: consuming ReadTransaction, _ control: ControlState,
        _ tail: (fold: ProjectionFold, rows: [Ordinal: RecordView])
    ) {
        self.projection = projection
        self.environment = environment
        self.transaction = transaction
        self.control = control
        checkpoint = tail.fold.checkpoint
        newTotals = tail.fold.totals
        overlay = tail.rows
    }

    /// Reads a projection at the log's end: what the log has beyond the checkpoint is folded in
    /// memory.
    static func open(
        _ projection: RecordProjection, _ environment: ProjectionEnvironment<RecordTables>,
        _ log: EventLog
    ) throws -> ProjectionReader {
        // Begun before the log is looked at, which so has all that it sees.
        let transaction = try environment.environment.beginRead()
        let snapshot = try log.snapshot()
        let control = try snapshot.control()
        let stream = control.stream(named: projection.name)?.id ?? .none
        let tail = try foldTail(projection, environment, transaction, snapshot, stream)
        return ProjectionReader(projection, environment, transaction, control, tail)
    }

    /// Reads a projection at its own checkpoint.
    ///
    /// - Parameter control: the log's state there.
    static func open(
        _ projection: RecordProjection, _ environment: ProjectionEnvironment<RecordTables>,
        at control: ControlState
    ) throws -> ProjectionReader {
        let transaction = try environment.environment.beginRead()
        let fold = ProjectionFold(
            projection: projection, stream: control.stream(named: projection.name)?.id ?? .none,
            checkpoint: try environment.checkpoint(transaction))
        return ProjectionReader(projection, environment, transaction, control, (fold, [:]))
    }

    /// The position that the rows stand at.
    package var position: Position { checkpoint.position }

    /// The sum of the summed column over all records that have one, in plain notation, and how many
    /// there are; nil when no such column is mapped.
    package var total: (sum: String, records: UInt64)? {
        guard projection.totalIndex != nil else { return nil }
        return (checkpoint.total.description, checkpoint.total.count)
    }

    /// The same as it was after the event at a position.
    package func total(at position: Position) throws(ProjectionError) -> (
        sum: String, records: UInt64
    )? {
        guard projection.totalIndex != nil else { return nil }
        if let total = newTotals.last(where: { $0.position <= position })?.total {
            return (total.description, total.count)
        }
        let total = try environment.total(at: position, transaction)
        return (total.description, total.count)
    }

    /// What the events after a position made of it, in their order; those that left it as it was
    /// are not there.
    package func totals(
        after position: Position, atMost most: Int
    ) throws(ProjectionError) -> [(position: Position, sum: String, records: UInt64)] {
        guard projection.totalIndex != nil else { return [] }
        var found = try environment.totals(after: position, atMost: most, transaction)
        found += newTotals.lazy.filter { $0.position > position }.prefix(most - found.count)
        return found.map { ($0.position, $0.total.description, $0.total.count) }
    }

    private var columns: Int { projection.mapping.columns.count }

    /// Folds what the log has beyond the checkpoint in memory.
    private static func foldTail(
        _ projection: RecordProjection, _ environment: ProjectionEnvironment<RecordTables>,
        _ transaction: borrowing ReadTransaction, _ snapshot: borrowing LogSnapshot,
        _ stream: StreamID
    ) throws -> (ProjectionFold, [Ordinal: RecordView]) {
        let columns = projection.mapping.columns.count
        var fold = ProjectionFold(
            projection: projection, stream: stream,
            checkpoint: try environment.checkpoint(transaction))
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
        return (fold, overlay)
    }

    /// One record; nil when there is none of that ordinal.
    package func row(_ ordinal: Ordinal) throws(ProjectionError) -> RecordView? {
        if let row = overlay[ordinal] { return row }
        return try environment.row(ordinal, columns: columns, transaction)
    }

    /// Calls `body` for each record in the order in which they were first seen, until it says no.
    ///
    /// - Throws: `.damaged` where a row can't be read, is missing, or is there twice.
    package func forEachRow(_ body: (RecordView) throws -> Bool) throws {
        var cursor = try transaction.cursor(environment.tables.rows)
        var isThere = try cursor.first()
        var next: UInt32 = 0
        while isThere {
            let row = cursor.read { key, value -> RecordView? in
                guard ProjectionEnvironment<RecordTables>.ordinal(key) == Ordinal(next) else {
                    return nil
                }
                return overlay[Ordinal(next)]
                    ?? RecordViewCoder.decode(Ordinal(next), value, columns: columns)
            }
            guard let row else { throw damaged("row \(next)") }
            next += 1
            guard try body(row) else { return }
            isThere = try cursor.next()
        }
        // Ordinals grow, so what the disk doesn't have at all comes after everything it has.
        while let row = overlay[Ordinal(next)] {
            next += 1
            guard try body(row) else { return }
        }
        guard UInt64(next) == checkpoint.rows else {
            throw damaged("\(checkpoint.rows) rows were folded, \(next) are there")
        }
    }

    private func damaged(_ reason: String) -> ProjectionError {
        .damaged(projection: projection.name, reason: reason)
    }
}
