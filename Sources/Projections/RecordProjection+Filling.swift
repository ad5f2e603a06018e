package import EventLog
internal import LMDB
internal import Records
package import SyncCore

extension RecordProjection {
    /// Lists that changes of the total are sorted by, each of neighbouring positions.
    private static let totalLists = 256
    /// So many rows are stored at once, and noted as stored.
    private static let notedRows = 500

    /// Folds the log into an empty generation, record by record (`Refold`), and goes on with what a
    /// process that was killed has done of it.
    package func fill(
        _ environment: ProjectionEnvironment<RecordTables>, from log: EventLog, work path: String,
        progress tell: (Position, Position) -> Void
    ) throws -> Checkpoint? {
        try fill(environment, from: log, at: nil, work: path, progress: tell)
    }

    /// The same up to an event, and not to the log's end.
    ///
    /// - Parameter control: the log's state after that event.
    func fill(
        _ environment: ProjectionEnvironment<RecordTables>, from log: EventLog,
        at control: ControlState?, work path: String, progress tell: (Position, Position) -> Void
    ) throws -> Checkpoint? {
        let work = WorkFolder(path: path)
        let noted = try resumable(work, log)
        if noted == nil, try environment.rowsEnd() > 0 {
            throw ProjectionError.damaged(projection: name, reason: "rows of another fold")
        }
        let plan = try noted?.plan ?? newPlan(log, control)
        guard plan.end > .none else { return nil }
        let refold = try Refold(
            self, log, plan, path: work.sortFile,
            resuming: noted.map { ($0.collected, $0.sort) })
        var next =
            try noted
            ?? FillProgress(
                plan: plan,
                mark: try log.snapshot().mark(at: plan.end),
                sort: SpillFile.State(lists: refold.lists),
                totals: SpillFile.State(lists: Self.totalLists))
        while try refold.collect(atMost: notedEvents) {
            (next.collected, next.sort) = (refold.position, try refold.flush())
            try work.save(progress: next.encoded)
            tell(refold.position, plan.end)
        }
        (next.collected, next.sort) = (refold.position, try refold.flush())
        try work.save(progress: next.encoded)
        tell(refold.position, plan.end)
        try store(refold, environment, work, &next)
        let rows = try environment.rowsEnd()
        let total = try storeTotals(environment, work, next)
        return Checkpoint(
            position: plan.end, mark: next.mark, schema: schema, total: total, rows: rows)
    }

    private func newPlan(_ log: EventLog, _ control: ControlState?) throws -> Refold.Plan {
        let snapshot = try log.snapshot()
        return try Refold.Plan(name, at: try control ?? snapshot.control(), snapshot)
    }

    /// What an earlier process has done of the same.
    private func resumable(_ work: WorkFolder, _ log: EventLog) throws -> FillProgress? {
        guard let noted = work.progress().flatMap({ FillProgress(encoded: $0) }),
            try log.snapshot().bears(noted.mark, at: noted.plan.end)
        else { return nil }
        return noted
    }

    /// Stores the rows list by list, so many at once as are soon done.
    private func store(
        _ refold: Refold, _ environment: ProjectionEnvironment<RecordTables>, _ work: WorkFolder,
        _ progress: inout FillProgress
    ) throws {
        let totals = try SpillFile(
            work.totalsFile, lists: Self.totalLists, resuming: progress.totals)
        let end = progress.plan.end
        while progress.lists < refold.lists {
            let transaction = try environment.environment.beginWrite()
            var stored = 0
            while progress.lists < refold.lists, stored < Self.notedRows {
                let rows = try refold.rows(of: progress.lists) { change throws(ProjectionError) in
                    try totals.append(change.encoded, to: Self.list(of: change.position, end: end))
                }
                for row in rows { try environment.put(row, transaction) }
                stored += rows.count
                progress.lists += 1
            }
            try transaction.commit()
            progress.totals = try totals.flush()
            try work.save(progress: progress.encoded)
        }
    }

    private static func list(of position: Position, end: Position) -> Int {
        Int(position.rawValue / (end.rawValue / UInt64(totalLists) + 1))
    }

    /// Adds the changes up in the log's order, and stores the total after each event.
    private func storeTotals(
        _ environment: ProjectionEnvironment<RecordTables>, _ work: WorkFolder,
        _ progress: FillProgress
    ) throws -> DecimalTotal {
        let file = try SpillFile(
            work.totalsFile, lists: Self.totalLists, resuming: progress.totals)
        var total = DecimalTotal()
        let cleared = try environment.environment.beginWrite()
        try cleared.clear(environment.tables.totals)
        try cleared.commit()
        for list in 0..<Self.totalLists {
            var changes: [Refold.TotalChange] = []
            try file.forEachBlock(of: list) { block throws(ProjectionError) in
                changes += try Refold.TotalChange.decode(block, name)
            }
            // Those of one event stay in the order of records.
            let order = changes.indices.sorted {
                (changes[$0].position, $0) < (changes[$1].position, $1)
            }
            changes = order.map { changes[$0] }
            let transaction = try environment.environment.beginWrite()
            for (index, change) in changes.enumerated() {
                if let before = change.before { try total.subtract(before) }
                if let after = change.after { total.add(after) }
                let isLast =
                    index + 1 == changes.count || changes[index + 1].position > change.position
                if isLast { try environment.put(total, after: change.position, transaction) }
            }
            try transaction.commit()
        }
        return total
    }
}

/// Position (8 bytes), then both values as texts, empty for none.
extension Refold.TotalChange {
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: position.rawValue)
        for value in [before, after] {
            ColumnValuesCoder.append(text: (value?.description ?? "").utf8, to: &bytes)
        }
        return bytes
    }

    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ projection: String
    ) throws(ProjectionError) -> [Refold.TotalChange] {
        var reader = ColumnValuesCoder.Reader(bytes: bytes, offset: 0)
        var changes: [Refold.TotalChange] = []
        while !reader.isAtEnd {
            guard let position = reader.varint(), let before = reader.text(),
                let after = reader.text()
            else { throw .damaged(projection: projection, reason: "the totals of its rebuild") }
            changes.append(
                Refold.TotalChange(
                    position: Position(position),
                    before: before.isEmpty ? nil : try? ExactDecimal(written: before),
                    after: after.isEmpty ? nil : try? ExactDecimal(written: after)))
        }
        return changes
    }
}
