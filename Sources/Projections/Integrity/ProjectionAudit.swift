package import EventLog
internal import LMDB
internal import Records
internal import SyncCore

/// Checks a projection that is in use against the log: whether its checkpoint is one of this log,
/// and everything in it as it was stored.
///
/// One that is stale, behind or absent has no problem. LMDB may crash on a damaged page, so run it
/// in a process of its own.
package struct ProjectionAudit {
    private static let mark = ".current"

    private let folder: ProjectionFolder
    private let log: EventLog

    /// - Parameter folder: `STORE/projections`.
    package init(folder: String, log: EventLog) {
        self.folder = ProjectionFolder(path: folder)
        self.log = log
    }

    /// The projections of which a generation is in use, by name.
    package static func names(in folder: String) -> [String] {
        (FileSystem.names(in: folder) ?? []).filter { $0.hasSuffix(mark) }
            .map { String($0.dropLast(mark.count)) }.sorted()
    }

    /// What is wrong with one; nil where nothing is.
    package func problem(of name: String) -> String? {
        guard let generation = folder.current(name) else {
            return "\(name)\(Self.mark) names no generation"
        }
        let path = folder.environment(name, generation)
        do {
            if name == HistoryProjection.name {
                try check(path, HistoryProjection())
            } else {
                try check(path, RecordProjection(name: name, mapping: ColumnMapping([])))
            }
            return nil
        } catch let error as LMDBError where error.code == .notFound && error.operation == "open" {
            // Whoever reads it next makes it anew.
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func check<Checked: AuditedProjection>(
        _ path: String, _ projection: Checked
    ) throws {
        let environment = try ProjectionEnvironment.open(path, projection, readOnly: true)
        if let text = try environment.environment.pageProblem() {
            throw damaged(projection, text)
        }
        // Begun before the log is looked at, which so has all that it sees.
        let transaction = try environment.environment.beginRead()
        let checkpoint = try environment.checkpoint(transaction)
        let snapshot = try log.snapshot()
        let end = try snapshot.tail().position
        guard checkpoint.position <= end else {
            throw damaged(
                projection,
                "it is at position \(checkpoint.position.rawValue), the log ends at "
                    + "\(end.rawValue): the log was cut, or is another one")
        }
        guard try snapshot.bears(checkpoint.mark, at: checkpoint.position) else {
            throw damaged(
                projection,
                "the log has another head of its chain at position "
                    + "\(checkpoint.position.rawValue): it was rewritten, or is another one")
        }
        // Those of another version are not known, and made anew by whoever reads them next.
        guard projection.knows(checkpoint.schema) else { return }
        for table in Checked.audited(environment.tables) {
            let entries = try entries(of: table.database, transaction, table.isSound)
            guard let entries, try transaction.count(table.database) == entries else {
                throw damaged(projection, "a value of table \(table.database.name)")
            }
            if table.isCounted, UInt64(entries) != checkpoint.rows {
                throw damaged(
                    projection,
                    "it has \(entries) rows, and \(checkpoint.rows) by its own account")
            }
        }
        try projection.checkState(environment, transaction, at: checkpoint, snapshot)
    }

    /// How many entries a table has; nil when one isn't as it was stored.
    private func entries(
        of database: Database, _ transaction: borrowing ReadTransaction,
        _ isSound: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) throws(LMDBError) -> Int? {
        var count = 0
        var cursor = try transaction.cursor(database)
        var isThere = try cursor.first()
        while isThere {
            guard cursor.read({ key, value in isSound(key, value) }) else { return nil }
            count += 1
            isThere = try cursor.next()
        }
        return count
    }

    private func damaged(_ projection: some Projection, _ reason: String) -> ProjectionError {
        .damaged(projection: projection.name, reason: reason)
    }
}

/// A table of a projection, and how its values are told from others.
struct AuditedTable {
    let database: Database
    /// Whether the checkpoint says how many entries it has.
    var isCounted = false
    var isSound: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool = { key, value in
        SealedValue.open(value, for: key) != nil
    }
}

/// What the audit asks of a projection.
protocol AuditedProjection: Projection {
    /// Whether values of this schema are stored as this version stores them.
    func knows(_ schema: String) -> Bool

    static func audited(_ tables: Tables) -> [AuditedTable]

    /// Checks what it knows of the log's state at its checkpoint.
    func checkState(
        _ environment: ProjectionEnvironment<Tables>, _ transaction: borrowing ReadTransaction,
        at checkpoint: Checkpoint, _ snapshot: borrowing LogSnapshot
    ) throws
}

extension RecordProjection: AuditedProjection {
    func knows(_ schema: String) -> Bool {
        // Which columns they have is of no account.
        schema.prefix { $0 != "\n" } == self.schema.prefix { $0 != "\n" }
    }

    static func audited(_ tables: RecordTables) -> [AuditedTable] {
        [
            AuditedTable(database: tables.rows, isCounted: true) { key, value in
                ProjectionEnvironment<RecordTables>.ordinal(key).map {
                    RecordViewCoder.isSound($0, value)
                } ?? false
            },
            AuditedTable(database: tables.totals),
        ]
    }

    func checkState(
        _ environment: ProjectionEnvironment<RecordTables>,
        _ transaction: borrowing ReadTransaction, at checkpoint: Checkpoint,
        _ snapshot: borrowing LogSnapshot
    ) throws {}
}

extension HistoryProjection: AuditedProjection {
    func knows(_ schema: String) -> Bool { schema == self.schema }

    static func audited(_ tables: HistoryTables) -> [AuditedTable] {
        [
            AuditedTable(database: tables.segments, isCounted: true),
            AuditedTable(database: tables.zones), AuditedTable(database: tables.changes),
            AuditedTable(database: tables.sightings), AuditedTable(database: tables.controls),
            AuditedTable(database: tables.totals), AuditedTable(database: tables.runs),
        ]
    }

    /// The state that it has there leads to that of the log's end.
    func checkState(
        _ environment: ProjectionEnvironment<HistoryTables>,
        _ transaction: borrowing ReadTransaction, at checkpoint: Checkpoint,
        _ snapshot: borrowing LogSnapshot
    ) throws {
        var control = try environment.control(at: checkpoint.position, transaction)
        var isFolded = true
        try snapshot.forEachEvent(after: control.position, bodies: .none) { event in
            isFolded = control.canFold(event)
            if isFolded { apply(event, to: &control) }
            return isFolded
        }
        guard isFolded, try snapshot.control() == control else {
            throw ProjectionError.damaged(
                projection: name,
                reason: "its state at \(checkpoint.position.rawValue) isn't that of the log")
        }
    }
}
