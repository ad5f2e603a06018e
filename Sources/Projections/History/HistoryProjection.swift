package import EventLog
package import LMDB
package import SyncCore

/// An index over the whole log, of all streams: which events are about what, the runs, and the
/// control state at one event in so many.
///
/// It grows by whole segments of the log; what came after the last one is indexed in memory by
/// whoever reads. Before events leave for the archive, those of them that don't fill a segment are
/// taken too, and nothing with them (`border`): afterwards they may not be at hand.
package struct HistoryProjection: Projection {
    package typealias Tables = HistoryTables

    /// No stream can be called so.
    package static let name = "history"

    /// Grows with each change of the tables.
    private static let version = 3

    /// How much is taken together.
    package struct Sizes: Sendable, Equatable {
        /// Events of a zone.
        package var zoneEvents: UInt64 = 1_024
        /// Events of a segment; it ends earlier when they name so many records.
        package var segmentEvents: UInt64 = 16_384
        package var segmentRecords = 1 << 18

        package init() {}
    }

    private let sizes: Sizes
    /// A segment that comes to it ends there, full or not.
    private let border: Position?

    package init(_ sizes: Sizes = Sizes(), border: Position? = nil) {
        self.sizes = sizes
        self.border = border
    }

    package var name: String { Self.name }

    package var schema: String {
        "history \(Self.version): \(sizes.zoneEvents), \(sizes.segmentEvents), "
            + "\(sizes.segmentRecords)"
    }

    package func isDue(behind events: UInt64) -> Bool { events >= sizes.segmentEvents }

    package static func makeTables(
        _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        for name in [
            "segments", "zones", "changes", "sightings", "controls", "totals", "runs",
        ] {
            _ = try transaction.createDatabase(name)
        }
    }

    package static func openTables(
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> HistoryTables {
        HistoryTables(
            segments: try transaction.database("segments"),
            zones: try transaction.database("zones"),
            changes: try transaction.database("changes"),
            sightings: try transaction.database("sightings"),
            controls: try transaction.database("controls"),
            totals: try transaction.database("totals"),
            runs: try transaction.database("runs"))
    }

    package func foldBatch(
        after checkpoint: Checkpoint, through last: Position, of snapshot: borrowing LogSnapshot,
        into environment: ProjectionEnvironment<HistoryTables>,
        _ transaction: borrowing WriteTransaction
    ) throws -> Checkpoint {
        let hasBorder = border.map { checkpoint.position < $0 && $0 <= last } ?? false
        guard try hasBorder || mayFillSegment(snapshot, after: checkpoint.position) else {
            return checkpoint
        }
        let control = try environment.control(at: checkpoint.position, transaction)
        let totals = try environment.totals(at: checkpoint.position, transaction)
        let segments = try segments(of: snapshot, after: control, totals, atMost: 1) {
            run throws(ProjectionError) in
            try environment.run(run, transaction)
        }
        guard let segment = segments.first, segment.isFull || segment.segment.last == border,
            segment.segment.last <= last
        else { return checkpoint }
        try environment.put(segment.segment, transaction)
        var next = checkpoint
        next.position = segment.segment.last
        next.rows += 1
        return next
    }

    /// Whether what the log has beyond a position may be a whole segment, by the headers alone.
    private func mayFillSegment(
        _ snapshot: borrowing LogSnapshot, after position: Position
    ) throws(EventLogError) -> Bool {
        var (events, bytes) = (UInt64(0), 0)
        try snapshot.forEachEntry(after: position) { entry in
            events += 1
            bytes += entry.storedBytes
            return events < sizes.segmentEvents && bytes < sizes.segmentRecords
        }
        // Names that take less than a byte each, compressed, only make it wait for longer.
        return events >= sizes.segmentEvents || bytes >= sizes.segmentRecords
    }

    /// The segments of what the log has beyond a state, the last of which may not be full.
    func segments(
        of snapshot: borrowing LogSnapshot, after control: ControlState, _ totals: LogTotals,
        atMost count: Int = .max, load: (Position) throws(ProjectionError) -> RunSummary?
    ) throws -> [HistoryBuilder] {
        var builders: [HistoryBuilder] = []
        let path = snapshot.log.path
        var builder = HistoryBuilder(sizes, path: path, after: control, totals)
        var failure: ProjectionError?
        var earlier: [Position: RunSummary] = [:]
        try snapshot.forEachEntry(after: control.position) { entry throws(EventLogError) in
            let event = try entry.event(bodies: .none)
            do throws(ProjectionError) {
                try builder.take(event, bytes: entry.storedBytes) { run throws(ProjectionError) in
                    if let known = earlier[run] { return known }
                    return try load(run)
                }
            } catch {
                failure = error
                return false
            }
            guard builder.isFull || event.position == border else { return true }
            builders.append(builder)
            earlier.merge(builder.segment.runs) { $1 }
            builder = HistoryBuilder(
                sizes, path: path, after: builder.segment.control, builder.segment.totals)
            return builders.count < count
        }
        if let failure { throw failure }
        if builders.count < count, !builder.segment.isEmpty { builders.append(builder) }
        return builders
    }
}

extension ProjectionEnvironment<HistoryTables> {
    func put(
        _ segment: HistorySegment, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        func put(
            _ table: Database, _ key: [UInt8], _ content: [UInt8],
            _ mode: WriteTransaction.PutMode = .append
        ) throws(LMDBError) {
            try transaction.put(table, key, SealedValue.seal(content, for: key), mode)
        }
        var writer = FieldWriter()
        writer.varint(segment.first.rawValue)
        let end = PositionKey.bytes(segment.last)
        try put(tables.segments, end, writer.bytes)
        try put(tables.controls, end, ControlStateCoder.encode(segment.control))
        try put(tables.totals, end, segment.totals.encoded)
        for zone in segment.zones {
            try put(tables.zones, PositionKey.bytes(zone.first), zone.encoded)
        }
        for (table, mentions) in [
            (tables.changes, segment.changes), (tables.sightings, segment.sightings),
        ] {
            for block in MentionBlock.blocks(of: mentions.sorted(), in: segment.first) {
                try put(
                    table, HistoryTables.block(segment.first, block.stream, block.first),
                    block.bytes)
            }
        }
        for (position, run) in segment.runs {
            try put(tables.runs, PositionKey.bytes(position), run.encoded, .upsert)
        }
    }

    /// The state at the end of a segment.
    func control(
        at position: Position, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> ControlState {
        if position == .none { return ControlState() }
        let found = try value(tables.controls, PositionKey.bytes(position), transaction) {
            content, _ in try? ControlStateCoder.decode(content)
        }
        guard let control = found, control.position == position else {
            throw .damaged(projection: name, reason: "no state at \(position.rawValue)")
        }
        return control
    }

    /// What was done from the log's beginning to the end of a segment.
    func totals(
        at position: Position, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> LogTotals {
        if position == .none { return LogTotals() }
        let found = try value(tables.totals, PositionKey.bytes(position), transaction) {
            content, _ in
            var reader = FieldReader(content)
            return try? LogTotals(&reader)
        }
        guard let found else { throw damaged("no totals at \(position.rawValue)") }
        return found
    }

    /// A run as it stood at the end of the last segment.
    func run(
        _ run: Position, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> RunSummary? {
        try value(tables.runs, PositionKey.bytes(run), transaction) { content, _ in
            var reader = FieldReader(content)
            return try? RunSummary(run, &reader)
        }
    }

    /// What `decode` makes of a value; nil where there is none.
    ///
    /// - Throws: `.damaged` when the value is not what was stored, or `decode` makes nothing of it.
    func value<Result>(
        _ table: Database, _ key: [UInt8],
        _ transaction: borrowing some ReadableTransaction & ~Copyable,
        _ decode: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result?
    ) throws(ProjectionError) -> Result? {
        let found: Result??
        do throws(LMDBError) {
            found = try key.withUnsafeBytes { key in
                transaction.get(table, key) { value in
                    SealedValue.open(value, for: key).flatMap { decode($0, key) }
                }
            }.get()
        } catch {
            throw .storage(error)
        }
        guard let found else { return nil }
        guard let result = found else {
            throw .damaged(projection: name, reason: "a value of table \(table.name)")
        }
        return result
    }
}
