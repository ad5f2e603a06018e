package import EventLog
package import SyncCore

/// A slice of a log that replays without the rest of it: the state before its first commit, the
/// rows that its decisions read, and the commits.
package struct ReplayBundle: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        package let stream: StreamID
        package let row: RecordRow

        package init(stream: StreamID, row: RecordRow) {
            self.stream = stream
            self.row = row
        }
    }

    /// Where a replay begins.
    package struct Start: Sendable, Equatable {
        package let control: ControlState
        /// What the last commit before asked to be woken at.
        package let wake: LogTime?
        /// The version of the rules in force; nil where no run had told it.
        package let version: UInt32?

        package init(control: ControlState, wake: LogTime?, version: UInt32?) {
            self.control = control
            self.wake = wake
            self.version = version
        }
    }

    package let start: Start
    /// In the order of streams and ordinals.
    package let rows: [Row]
    package let commits: [LoggedCommit]

    package init(start: Start, rows: [Row], commits: [LoggedCommit]) {
        self.start = start
        self.rows = rows
        self.commits = commits
    }

    /// Takes the commits between two positions out of a log, without what `Redaction` names.
    ///
    /// All before them is folded first.
    /// - Parameters:
    ///   - first: its commit is the first one.
    ///   - last: its commit is the last one.
    package init(
        of log: EventLog, from first: Position, through last: Position,
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws {
        let replayer = Replayer(try ScratchStore())
        let begin = try log.snapshot().commit(at: first)?.first ?? first
        let end = try log.snapshot().commit(at: last)?.last ?? last
        if begin > Position(1) {
            try log.replay(replayer, through: Position(begin.rawValue - 1)) { step, _ in
                progress(step.control.position, end)
                return true
            }
        }
        let start = replayer.standing
        let recorder = RowRecorder()
        try recorder.noteRetried(replayer.folded, start.control)
        replayer.recorder = recorder
        let redaction = Redaction()
        var commits: [LoggedCommit] = []
        try log.replay(replayer, through: end) { step, _ in
            progress(step.control.position, end)
            return true
        }
        try log.snapshot().forEachCommit(after: start.control.position, bodies: .none) { commit in
            guard let last = commit.events.last?.position, last <= end else { return false }
            commits.append(
                LoggedCommit(events: commit.events.map(redaction.redacted), bytes: commit.bytes))
            return true
        }
        self.init(
            start: Start(
                control: redaction.redacted(start.control), wake: start.wake,
                version: start.version),
            rows: recorder.rows.map { Row(stream: $0.stream, row: redaction.redacted($0.row)) },
            commits: commits)
    }

    /// Why it can't be replayed; nil when its parts fit each other.
    package var problem: String? {
        guard start.control.position < Position(.max - 1) else { return "a position that can't be" }
        let streams = 1...max(start.control.streams.count, 1)
        guard rows.allSatisfy({ streams.contains(Int($0.stream.rawValue)) }),
            rows.isEmpty || !start.control.streams.isEmpty
        else { return "a row of a stream that isn't declared" }
        guard start.control.invocation?.policy.isComputable ?? true else {
            return "settings that can't be"
        }
        if let first = commits.first?.events.first?.position,
            first != start.control.position.next
        {
            return "its first event doesn't follow the state that it begins at"
        }
        return nil
    }

    /// Folds it, and with `verifies` makes each decision of it anew.
    package func replay(
        verifies: Bool = true, _ body: (Replayer.Step, borrowing LogWriter) throws -> Bool
    ) throws {
        let replayer = try Replayer(ScratchStore(), at: start, rows: rows)
        try replayer.take(commits, verifies: verifies, body)
    }
}

/// Keeps the rows that a replay reads, as they were before it began.
final class RowRecorder {
    private struct Key: Hashable {
        let stream: StreamID
        let ordinal: Ordinal
    }

    private var found: [Key: RecordRow] = [:]
    /// Changed, or made, by what is replayed.
    private var touched: Set<Key> = []

    /// When the next retried record is due decides how long is waited, though it isn't read.
    func noteRetried(_ folded: EventLog, _ control: ControlState) throws {
        for stream in control.streams {
            try folded.forEachQueued(stream.id, order: stream.idOrder ?? .none) { row in
                if row.queueClass == .retried { note(row, stream.id) }
                return true
            }
        }
    }

    func note(_ rows: CoreRows, _ stream: StreamID) {
        for row in rows.byID.values { note(row, stream) }
        for row in rows.byOrdinal.values { note(row, stream) }
        for row in rows.waiting + rows.retries { note(row, stream) }
    }

    private func note(_ row: RecordRow, _ stream: StreamID) {
        let key = Key(stream: stream, ordinal: row.ordinal)
        if !touched.contains(key), found[key] == nil { found[key] = row }
    }

    /// Notes the rows that an event is about to change.
    func willFold(_ event: LoggedEvent, _ writer: borrowing LogWriter) throws(EventLogError) {
        var needs = ReadSet(stream: event.stream)
        event.event.forEachTouchedRow { ordinal, _ in
            if !touched.contains(Key(stream: event.stream, ordinal: ordinal)) {
                needs.ordinals.append(ordinal)
            }
        }
        guard !needs.ordinals.isEmpty else { return }
        // New ones have no row yet.
        for ordinal in needs.ordinals {
            if let row = try writer.row(ordinal, of: event.stream) { note(row, event.stream) }
            touched.insert(Key(stream: event.stream, ordinal: ordinal))
        }
    }

    var rows: [ReplayBundle.Row] {
        found.sorted { ($0.key.stream, $0.key.ordinal) < ($1.key.stream, $1.key.ordinal) }
            .map { ReplayBundle.Row(stream: $0.key.stream, row: $0.value) }
    }
}
