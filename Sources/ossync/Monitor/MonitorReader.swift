import Dashboard
import EventLog
import LMDB
import Projections
import SyncCore
import SyncEngine

/// Reads what the monitor shows; used on one thread.
///
/// No transaction outlives a look, nothing is written, and no lock is taken.
final class MonitorReader {
    private let session: Session
    private var store: OpenStore
    private var tail = LogTail()
    private var control = ControlState()
    private var snapshot = Snapshot()
    private var slow = SlowParts()
    private var lastView: View?
    /// The end of the log at the last look.
    private var looked: Position?
    /// The end of the log when the queue was read.
    private var queueReadAt: Position?
    /// What the runs were read of.
    private var runsReadOf: RunsState?
    private let clock = SystemClock()

    private struct OpenStore {
        let log: EventLog
        let records: RecordProjector?
        let history: HistoryProjector
        let projections: [any MaintainedProjection]

        init(_ session: Session) throws {
            log = try session.openLog()
            let name = try session.stream(in: log.snapshot().control()).name
            records = try session.projector(name, log: log)
            history = try session.historyProjector(log)
            projections = try session.projections(log)
        }
    }

    /// A run that was killed is interrupted, although nobody has logged that.
    private struct RunsState: Equatable {
        let position: Position
        let isHeld: Bool
    }

    /// What is looked at once a second, and not each time that the log has grown.
    private struct SlowParts {
        var atNs: Int64?
        /// Who holds the store; nil where nobody does.
        var holder: LockHolder?
        var total: (position: Position, sum: String, records: UInt64)?
        var totalProblem: String?
    }

    private static let slowNs = Int64.nsPerSecond
    /// How many rows of each class of the queue are shown, and how many runs.
    private static let mostRows = 200
    /// A second's work at most.
    private static let mostUnindexed: UInt64 = 65_536

    init(_ session: Session) throws {
        self.session = session
        store = try OpenStore(session)
        snapshot.store = session.folder.path.withoutControls
    }

    /// Looks at the store.
    ///
    /// - Parameter view: the page that is shown: what only another one shows isn't read.
    func look(_ view: View) throws -> Snapshot {
        let now = clock.read()
        let isSlow =
            view != lastView || slow.atNs.map { now.bootNs - $0 >= Self.slowNs } ?? true
        lastView = view
        // A compaction or a redaction puts another file in the log's place.
        if isSlow, !store.log.environment.isInPlace {
            store = try OpenStore(session)
            (tail, slow, looked) = (LogTail(), SlowParts(), nil)
            (queueReadAt, runsReadOf) = (nil, nil)
        }
        let hasNews = try readLog(view)
        if isSlow {
            slow.atNs = now.bootNs
            try readSlowParts(view)
        }
        guard hasNews || isSlow || isCountingDown else { return snapshot }
        snapshot.pace = tail.pace(before: now.wall)
        snapshot.events = Listing(
            LogTail.columns, tail.events, empty: "the log has no events")
        snapshot.errors = Listing(
            LogTail.columns, tail.errors,
            note: "of the last \(tail.sizes.farthest.grouped) events", empty: "no errors")
        MonitorWords(
            control: control, stream: try session.stream(in: control), now: now,
            holder: slow.holder, limits: session.configuration.limitPolicy
        ).put(into: &snapshot)
        putTotal(&snapshot)
        return snapshot
    }

    /// While a run waits, its countdown moves.
    private var isCountingDown: Bool { control.invocation != nil && slow.holder != nil }

    // MARK: The log

    /// The state, the newest events and the queue, by one transaction.
    ///
    /// - Returns: whether there is anything new.
    private func readLog(_ view: View) throws -> Bool {
        let snapshot = try store.log.snapshot()
        let end = try snapshot.tail().position
        let wantsQueue = view == .queue && queueReadAt != end
        guard end != looked || tail.isBehind || wantsQueue else { return false }
        try tail.follow(snapshot)
        if end != looked { control = try snapshot.control() }
        looked = end
        if wantsQueue {
            self.snapshot.queue = try queue(session.stream(in: control), snapshot)
            queueReadAt = end
        }
        return true
    }

    private func queue(
        _ stream: StreamState, _ snapshot: borrowing LogSnapshot
    ) throws(EventLogError) -> Listing {
        var rows: [Listing.Row] = []
        let order = stream.idOrder ?? .none
        for queueClass in QueueClass.allCases where stream.id != .none {
            var left = Self.mostRows
            // A class's own number is before all of its keys.
            try snapshot.forEachQueued(stream.id, order: order, after: [queueClass.rawValue]) {
                row, _ in
                guard row.queueClass == queueClass, left > 0 else { return false }
                rows.append(Self.row(row))
                left -= 1
                return true
            }
        }
        let counts = stream.counts
        let all = counts.waiting + counts.parked + counts.dropped
        return Listing(
            Self.queueColumns, rows,
            note: rows.count < all ? "\(rows.count) of \(all.grouped)" : "",
            empty: "nothing waits for its details")
    }

    private static let queueColumns = [
        Listing.Column("id", width: 20, weight: 5), Listing.Column("state", width: 9, weight: 4),
        Listing.Column("attempts", width: 8, weight: 1),
        Listing.Column("next attempt", width: 20, weight: 2),
        Listing.Column("last error", width: 20, weight: 3),
    ]

    private static func row(_ row: RecordRow) -> Listing.Row {
        let id = row.id.text.withoutControls
        let tone: Snapshot.Tone =
            switch row.state {
            case .parked: .bad
            case .retrying: .warning
            case .dropped: .faint
            default: .plain
            }
        return Listing.Row(
            [
                id, row.state.name, row.attempts > 0 ? "\(row.attempts)" : "",
                row.nextAttempt?.toTheSecond ?? "", row.error?.text.withoutControls ?? "",
            ], tone: tone,
            // One that isn't shown as it is can't be named by it.
            key: id == row.id.text ? id : "")
    }

    // MARK: Projections

    private func readSlowParts(_ view: View) throws {
        slow.holder = EngineLock.holder(of: session.folder)
        do {
            slow.total = try store.records?.storedTotal()
            slow.totalProblem = nil
            if view == .projections { snapshot.projections = try projections() }
            let state = RunsState(position: control.position, isHeld: slow.holder != nil)
            if view == .runs, runsReadOf != state {
                snapshot.runs = try runs()
                runsReadOf = state
            }
        } catch let error as ProjectionError {
            if case .log(let cause) = error { throw cause }
            slow.totalProblem = "\(error)".withoutControls
        }
    }

    private func projections() throws -> Listing {
        let end = control.position
        let rows = try store.projections.map { projection in
            guard let standing = try projection.standing() else {
                return Listing.Row([projection.name, "", "", "", "not built yet"], tone: .faint)
            }
            let lag = end.rawValue - min(standing.position.rawValue, end.rawValue)
            return Listing.Row(
                [
                    projection.name, "\(standing.generation)", standing.rows.grouped,
                    "@\(standing.position.rawValue)",
                    standing.isStale
                        ? "stale: rebuilt at the next use"
                        : "\(lag.grouped) events behind",
                ], tone: standing.isStale ? .warning : .plain)
        }
        return Listing(
            [
                Listing.Column("projection", width: 16, weight: 5),
                Listing.Column("generation", width: 10, weight: 1),
                Listing.Column("rows", width: 12, weight: 2),
                Listing.Column("position", width: 12, weight: 3),
                Listing.Column("state", width: 24, weight: 4),
            ], rows)
    }

    private func runs() throws -> Listing {
        guard
            let (control, runs) = try store.history.newestRuns(
                Self.mostRows, foldingAtMost: Self.mostUnindexed)
        else { return Listing(empty: "the log isn't indexed: `ossync runs` does it") }
        let rows = runs.map { run in
            let report = RunReport(run, control, isHeld: slow.holder != nil)
            let tone: Snapshot.Tone =
                switch report.outcome {
                case RunOutcome.failed.name: .bad
                case RunOutcome.completed.name: .good
                case RunReport.running: .plain
                default: .warning
                }
            let counters = report.counters
            return Listing.Row(
                [
                    run.run.runText ?? "", run.startedAt.toTheSecond, run.mode.name,
                    report.outcomeWords, TimeSpan.text(seconds: run.durationNs / .nsPerSecond),
                    "\(counters.requests.grouped) requests, \(counters.new.grouped) new, "
                        + "\(counters.detailed.grouped) detailed, "
                        + "\(counters.failed.grouped) failed, "
                        + "\(counters.rateLimited.grouped) x 429"
                        + (run.text.isEmpty ? "" : "; \(run.text.withoutControls)"),
                ], tone: tone)
        }
        return Listing(
            [
                Listing.Column("run", width: 8, weight: 6),
                Listing.Column("began", width: 20, weight: 4),
                Listing.Column("mode", width: 12, weight: 3),
                Listing.Column("outcome", width: 16, weight: 7),
                Listing.Column("took", width: 12, weight: 2),
                Listing.Column("what it did", width: 20, weight: 5),
            ], rows, empty: "nothing was synced yet")
    }

    private func putTotal(_ snapshot: inout Snapshot) {
        let text: String
        if let total = slow.total {
            let lag = control.position == total.position ? "" : " (@\(total.position.rawValue))"
            text = "\(total.sum) in \(total.records.grouped) records\(lag)"
        } else if let problem = slow.totalProblem {
            text = problem
        } else {
            return
        }
        snapshot.overview.insert(
            Snapshot.Fact("expenses", text), at: min(2, snapshot.overview.count))
    }
}
