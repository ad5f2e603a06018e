import ArgumentParser
import EventLog
import Projections
import SyncCore

/// `ossync status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract:
            "Show totals, details, expenses, the state of the sync, the queue and the budget.",
        discussion: """
            Reads only; it never waits for a running sync.

            Example: ossync status --json
            Example: ossync status --at 2026-11-24
            """)

    @OptionGroup var moment: MomentOptions

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        if let point = try moment.point {
            try StatusReport(session, at: point).print()
        } else {
            try StatusReport(session).print()
        }
    }
}

/// What `status` prints, and `demo` ends with.
struct StatusReport {
    private let output: Output
    private let control: ControlState
    private let stream: StreamState
    private let total: (sum: String, records: UInt64)?
    private let detailed: Bool
    private let budget: BudgetReport
    /// Whether the run that is under way has a process; one that was killed has none.
    private let isRunning: Bool
    /// The time of the last event that it knows of, when it is not about now.
    private let at: LogTime?
    /// That files aren't clean of what was redacted.
    private let redaction: (words: String, json: JSONText)?

    init(_ session: Session) throws {
        output = session.output
        let log = try session.openLog()
        let known = try session.stream(in: log.snapshot().control())
        // Records and expenses are told at one position.
        let expenses = known.id == .none ? nil : try Self.expenses(session, known.name, log)
        control = try expenses?.control ?? log.snapshot().control()
        total = expenses?.total
        isRunning = session.isRunning(control)
        at = nil
        redaction = try Self.redaction(log.snapshot())
        stream = try session.stream(in: control)
        detailed = Self.isDetailed(session, stream.name)
        budget = BudgetReport(now: control, session.configuration.limitPolicy)
    }

    /// How it was at a point of the history.
    init(_ session: Session, at point: Point) throws {
        output = session.output
        let log = try session.openLog()
        control = try session.readHistory(log) { history in
            try history.control(at: try point.position(in: history))
        }
        at = control.time
        redaction = nil
        stream = try session.stream(in: control)
        let position = control.position
        total =
            stream.id == .none
            ? nil
            : try session.projector(stream.name, log: log)?.read { try $0.total(at: position) }
        // Whether a run that was under way then was cut off is told by what came after it.
        isRunning = control.invocation != nil
        detailed = Self.isDetailed(session, stream.name)
        budget = BudgetReport(
            control, session.configuration.limitPolicy,
            nowNs: control.bootNs(at: control.time))
    }

    private static func isDetailed(_ session: Session, _ stream: String) -> Bool {
        session.configuration.streams.first { $0.name == stream }.map { $0.detail != nil } ?? true
    }

    private static func redaction(
        _ snapshot: borrowing LogSnapshot
    ) throws -> (words: String, json: JSONText)? {
        guard let words = try snapshot.unfinishedRedactionText(),
            let json = try snapshot.unfinishedRedactionJSON()
        else { return nil }
        return (words, json)
    }

    private typealias Expenses = (control: ControlState, total: (sum: String, records: UInt64)?)

    /// The sum of expenses, and the log's state then; nil where it can't be told now, which is no
    /// reason to say nothing else.
    private static func expenses(
        _ session: Session, _ stream: String, _ log: EventLog
    ) throws -> Expenses? {
        do {
            return try session.projector(stream, log: log)?.read(isPatient: false) {
                ($0.control, $0.total)
            }
        } catch ProjectionError.log(let error) {
            throw error
        } catch let error as ProjectionError {
            session.output.note("the expenses can't be told now: \(error)".withoutControls)
            return nil
        }
    }

    func print() {
        if output.isJSON {
            output.line(json.line)
        } else {
            for line in words { output.line(line) }
        }
    }

    private var phase: String { isRunning ? control.phase(of: stream) : "idle" }

    private var json: JSONText {
        let counts = stream.counts
        return .object([
            ("v", .number(1)), ("type", "status"), ("stream", .string(stream.name)),
            ("position", .number(control.position.rawValue)), ("at", .optional(at?.rfc3339())),
            (
                "records",
                .object([
                    ("total", .number(counts.total)), ("withDetails", .number(counts.synced)),
                    ("withoutDetails", .number(counts.withoutDetails)),
                    ("failed", .number(counts.parked)), ("deleted", .number(0)),
                    ("missing", .number(0)),
                ])
            ),
            (
                "expenses",
                total.map {
                    .object([("total", .string($0.sum)), ("records", .number($0.records))])
                } ?? .null
            ), ("state", state),
            (
                "queue",
                .object([
                    ("pending", .number(counts.pending)), ("retrying", .number(counts.retrying)),
                    ("parked", .number(counts.parked)), ("dropped", .number(counts.dropped)),
                ])
            ), ("rateLimit", budget.json), ("unfinishedRedaction", redaction?.json ?? .null),
        ])
    }

    private var state: JSONText {
        var members: [(String, JSONText)] = [
            ("phase", .string(phase)), ("highWaterMark", .optional(stream.highWaterMark?.text)),
            (
                "run",
                .optional(stream.lastRun == .none ? nil : "r\(stream.lastRun.rawValue)")
            ), ("lastCompletedAt", .optional(stream.lastCompletedAt?.rfc3339())),
            ("lastError", .optional(stream.lastError?.withoutControls)),
            ("generation", .number(stream.generation)), ("running", .literal(String(isRunning))),
        ]
        members.append(
            ("cursor", .optional(stream.pass.map { $0.cursor?.display ?? "first page" })))
        return .object(members)
    }

    private var words: [String] {
        let counts = stream.counts
        var lines = [
            "\(stream.name): \(counts.total.grouped) records, at position "
                + control.position.rawValue.grouped
                + (at.map { ", as of \($0.toTheSecond)" } ?? ""),
            "details   \(counts.synced.grouped) with, \(counts.withoutDetails.grouped) without"
                + (detailed ? "" : " (no detail call is configured)"),
        ]
        if let total {
            lines.append("expenses  \(total.sum) in \(total.records.grouped) records")
        }
        lines.append(
            "queue     \(counts.pending.grouped) pending, \(counts.retrying.grouped) retrying, "
                + "\(counts.parked.grouped) parked, \(counts.dropped.grouped) dropped")
        lines.append(contentsOf: stateWords)
        lines += budget.words
        if let redaction { lines.append("redaction \(redaction.words)") }
        return lines
    }

    private var stateWords: [String] {
        let wasCut = control.invocation != nil && !isRunning
        var lines = ["state     \(phase)" + (wasCut ? " (the last run was cut off)" : "")]
        if let pass = stream.pass {
            lines.append(
                "list      open at \(pass.cursor?.display ?? "the first page"); go on with "
                    + "`ossync sync --mode resume`")
        }
        if let mark = stream.highWaterMark {
            lines.append("mark      \(mark.text.withoutControls)")
        }
        if let time = stream.lastCompletedAt { lines.append("completed \(time.toTheSecond)") }
        if let error = stream.lastError { lines.append("error     \(error.withoutControls)") }
        return lines
    }
}
