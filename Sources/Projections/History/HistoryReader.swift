internal import EventLog
internal import LMDB
package import SyncCore

/// The history of a store up to the end of its log: which events are about what, and how the state
/// was after each of them.
package struct HistoryReader: ~Copyable {
    let environment: ProjectionEnvironment<HistoryTables>
    let transaction: ReadTransaction
    let snapshot: LogSnapshot
    /// What the index on the disk doesn't have yet.
    let tail: [HistorySegment]
    /// The end of the last segment on the disk.
    private let stored: Position
    /// The end of the log as this reader sees it.
    package let end: Position
    /// The state there.
    package let control: ControlState
    /// What was done up to there.
    package let totals: LogTotals

    static func open(
        _ projection: HistoryProjection, _ environment: ProjectionEnvironment<HistoryTables>,
        _ log: EventLog
    ) throws -> HistoryReader {
        // Begun before the log is looked at, which so has all that it sees.
        let transaction = try environment.environment.beginRead()
        let snapshot = try log.snapshot()
        let stored = try environment.checkpoint(transaction).position
        let control = try environment.control(at: stored, transaction)
        let totals = try environment.totals(at: stored, transaction)
        let tail = try projection.segments(of: snapshot, after: control, totals) {
            run throws(ProjectionError) in
            try environment.run(run, transaction)
        }.map(\.segment)
        return HistoryReader(
            environment, transaction, snapshot, tail, stored, tail.last?.control ?? control,
            tail.last?.totals ?? totals)
    }

    private init(
        _ environment: ProjectionEnvironment<HistoryTables>,
        _ transaction: consuming ReadTransaction, _ snapshot: consuming LogSnapshot,
        _ tail: [HistorySegment], _ stored: Position, _ control: ControlState,
        _ totals: LogTotals
    ) {
        self.environment = environment
        self.transaction = transaction
        self.snapshot = snapshot
        self.tail = tail
        self.stored = stored
        self.control = control
        self.totals = totals
        end = control.position
    }

    // MARK: State

    /// The control state after the event at a position.
    ///
    /// - Parameter position: at most `end`.
    package func control(at position: Position) throws -> ControlState {
        var control = try nearestControl(before: position)
        guard control.position < position else { return control }
        try snapshot.forEachEvent(after: control.position, bodies: .none) { event in
            apply(event, to: &control)
            return event.position < position
        }
        return control
    }

    /// The last stored state at or before a position.
    private func nearestControl(before position: Position) throws -> ControlState {
        if let segment = tail.last(where: { $0.last <= position }) { return segment.control }
        if position >= stored { return try environment.control(at: stored, transaction) }
        var cursor = try transaction.cursor(environment.tables.controls)
        guard try cursor.seek(PositionKey.bytes(position)) else {
            throw environment.damaged("no state at \(position.rawValue)")
        }
        let found = cursor.read { key, _ in PositionKey.position(key) }
        if let found, found == position {
            return try environment.control(at: found, transaction)
        }
        guard try cursor.previous() else { return ControlState() }
        let earlier = cursor.read { key, _ in PositionKey.position(key) }
        return try environment.control(at: earlier ?? .none, transaction)
    }

    // MARK: Runs

    /// One run, as it stands now; nil when there is none that began there.
    package func run(_ run: Position) throws(ProjectionError) -> RunSummary? {
        for segment in tail.reversed() {
            if let summary = segment.runs[run] { return summary }
        }
        return try environment.run(run, transaction)
    }

    /// Calls `body` with the runs in the order in which they began, or the other way, until it says
    /// no.
    package func forEachRun(
        backwards: Bool = false, _ body: (RunSummary) throws -> Bool
    ) throws {
        // A run may have begun in the index and gone on after it.
        let newer = Dictionary(tail.flatMap(\.runs)) { $1 }
        let begun = newer.keys.filter { $0 > stored }.sorted()
        if backwards {
            for run in begun.reversed() {
                if let summary = newer[run], try !body(summary) { return }
            }
        }
        var cursor = try transaction.cursor(environment.tables.runs)
        var isThere = try backwards ? cursor.last() : cursor.first()
        while isThere {
            guard let run = cursor.read({ key, _ in PositionKey.position(key) }),
                let summary = try newer[run] ?? environment.run(run, transaction)
            else { throw environment.damaged("a run") }
            guard try body(summary) else { return }
            isThere = try backwards ? cursor.previous() : cursor.next()
        }
        guard !backwards else { return }
        for run in begun {
            if let summary = newer[run], try !body(summary) { return }
        }
    }

    // MARK: Zones

    /// Calls `body` with what is known of neighbouring events, from the first ones on, until it
    /// says no.
    func forEachZone(_ body: (HistoryZone) throws -> Bool) throws {
        var cursor = try transaction.cursor(environment.tables.zones)
        var isThere = try cursor.first()
        var expected = Position.none.next
        while isThere {
            let zone = cursor.read { key, value -> HistoryZone? in
                guard let first = PositionKey.position(key), first == expected,
                    let content = SealedValue.open(value, for: key)
                else { return nil }
                var reader = FieldReader(content)
                return try? HistoryZone(first, &reader)
            }
            guard let zone, zone.last >= zone.first, zone.last <= stored else {
                throw environment.damaged("the zone at \(expected.rawValue)")
            }
            expected = zone.last.next
            guard try body(zone) else { return }
            isThere = try cursor.next()
        }
        guard expected == stored.next else {
            throw environment.damaged("the zone at \(expected.rawValue)")
        }
        for zone in tail.flatMap(\.zones) where try !body(zone) { return }
    }

    /// The last event that happened at or before a moment; `.none` before the first one.
    ///
    /// Where the clock was set back, the later one of two such events.
    package func position(at time: LogTime) throws -> Position {
        var last: HistoryZone?
        try forEachZone { zone in
            if zone.earliest <= time { last = zone }
            return true
        }
        guard let last else { return .none }
        var found = Position.none
        try snapshot.forEachEntryBackwards(before: last.last.next) { entry in
            if entry.header.time <= time { found = entry.position }
            return found == .none && entry.position > last.first
        }
        return found
    }
}

extension ProjectionEnvironment {
    func damaged(_ reason: String) -> ProjectionError {
        .damaged(projection: name, reason: reason)
    }
}
