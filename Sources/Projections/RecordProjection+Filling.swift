package import EventLog
internal import LMDB
internal import Records
package import SyncCore

extension RecordProjection {
    /// Lists that changes of the total are sorted by, each of neighbouring positions.
    private static let totalLists = 256

    /// Folds the log into an empty generation, record by record (`Refold`), and goes on with what a
    /// process that was killed has done of it.
    package func fill(
        _ environment: ProjectionEnvironment<RecordTables>, from log: EventLog, work path: String,
        progress tell: (Position, Position) -> Void
    ) throws -> Checkpoint? {
        let work = WorkFolder(path: path)
        let noted = try resumable(work, log)
        let plan = try noted?.plan ?? newPlan(log)
        guard plan.end > .none else { return nil }
        let refold = try Refold(
            self, log, plan, path: work.sortFile,
            resuming: noted.map { ($0.collected, $0.sort) })
        var next =
            try noted
            ?? FillProgress(
                boot: WorkFolder.bootID, schema: schema, plan: plan,
                identity: try log.snapshot().identity(at: plan.end),
                sort: SpillFile.State(lists: refold.lists),
                totals: SpillFile.State(lists: Self.totalLists))
        while try refold.collect(atMost: notedEvents) {
            (next.collected, next.sort) = (refold.position, try refold.flush())
            try work.save(next)
            tell(refold.position, plan.end)
        }
        (next.collected, next.sort) = (refold.position, try refold.flush())
        try work.save(next)
        tell(refold.position, plan.end)
        let rows = try store(refold, environment, work, &next)
        let total = try storeTotals(environment, work, next)
        return Checkpoint(
            position: plan.end, identity: next.identity, schema: schema, total: total, rows: rows)
    }

    private func newPlan(_ log: EventLog) throws -> Refold.Plan {
        let snapshot = try log.snapshot()
        return try Refold.Plan(name, at: try snapshot.control(), snapshot)
    }

    /// What an earlier process has done of the same.
    private func resumable(_ work: WorkFolder, _ log: EventLog) throws -> FillProgress? {
        guard let noted = work.progress(), noted.schema == schema,
            try log.snapshot().identity(at: noted.plan.end) == noted.identity
        else { return nil }
        return noted
    }

    /// Stores the rows list by list.
    private func store(
        _ refold: Refold, _ environment: ProjectionEnvironment<RecordTables>, _ work: WorkFolder,
        _ progress: inout FillProgress
    ) throws -> UInt64 {
        let totals = try SpillFile(
            work.totalsFile, lists: Self.totalLists, resuming: progress.totals)
        var rows: UInt64 = 0
        for list in progress.lists..<refold.lists {
            let transaction = try environment.environment.beginWrite()
            for row in try refold.rows(of: list) {
                try environment.put(row.view, transaction)
                for change in row.changes {
                    try totals.append(
                        change.encoded, to: Self.list(of: change.position, end: progress.plan.end))
                }
            }
            try transaction.commit()
            progress.lists = list + 1
            progress.totals = try totals.flush()
            try work.save(progress)
        }
        let transaction = try environment.environment.beginRead()
        var cursor = try transaction.cursor(environment.tables.rows)
        if try cursor.last() {
            rows =
                cursor.read { key, _ in
                    ProjectionEnvironment<RecordTables>.ordinal(key).map { UInt64($0.rawValue) + 1 }
                } ?? 0
        }
        return rows
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
            let changes = try Refold.TotalChange.decode(try file.read(list), name)
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

    /// The changes of a list by position; those of one event in the order of records.
    static func decode(
        _ bytes: [UInt8], _ projection: String
    ) throws(ProjectionError) -> [Refold.TotalChange] {
        let parsed = bytes.withUnsafeBytes { raw -> [Refold.TotalChange]? in
            var reader = ColumnValuesCoder.Reader(bytes: raw, offset: 0)
            var changes: [Refold.TotalChange] = []
            while !reader.isAtEnd {
                guard let position = reader.varint(), let before = reader.text(),
                    let after = reader.text()
                else { return nil }
                changes.append(
                    Refold.TotalChange(
                        position: Position(position),
                        before: before.isEmpty ? nil : try? ExactDecimal(written: before),
                        after: after.isEmpty ? nil : try? ExactDecimal(written: after)))
            }
            return changes
        }
        guard let parsed else {
            throw .damaged(projection: projection, reason: "the totals of its rebuild")
        }
        return parsed.enumerated().sorted {
            ($0.element.position, $0.offset) < ($1.element.position, $1.offset)
        }.map(\.element)
    }
}
