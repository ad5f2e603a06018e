import ArgumentParser
import EventLog
import Projections
import SyncCore

/// `ossync why`
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain the state of one record: the events that led to it.",
        discussion: """
            From the last change of its header on; --all begins at its first sight.

            Example: ossync why 4711
            """)

    @Argument(help: "The record's id.")
    var id: String

    @OptionGroup var moment: MomentOptions

    @Flag(help: "From the record's first sight on.")
    var all = false

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        let log = try session.openLog()
        let point = try moment.point
        let report = try session.readHistory(log) { history in
            let record = try PastRecord(id, at: point, session, history)
            return WhyReport(
                record: record,
                steps: try history.steps(
                    of: record.row.ordinal, in: record.stream.id, through: record.position,
                    isWhole: all),
                sightings: try history.positions(
                    of: record.row.ordinal, in: record.stream.id, .sightings,
                    through: record.position
                ).filter { $0 > record.row.headerPosition })
        }
        if session.output.isJSON {
            session.output.line(report.json.line)
        } else {
            for line in report.words { session.output.line(line) }
        }
    }
}

private struct WhyReport {
    let record: PastRecord
    let steps: [RecordStep]
    /// Pages that had the record as it was known since.
    let sightings: [Position]

    /// All events of the story, each once, in their order.
    private var chain: [LoggedEvent] {
        var seen: Set<Position> = []
        return steps.flatMap { $0.causes + [$0.event] }
            .filter { seen.insert($0.position).inserted }
            .sorted { $0.position < $1.position }
    }

    private var row: RecordRow { record.row }

    private var verdict: String {
        let reason = row.error.map { ": \($0.text.withoutControls)" } ?? ""
        let before = row.error == nil ? "" : "; it failed before\(reason)"
        switch row.state {
        case .synced: return "synced: its details came after its header's last change"
        case .pending:
            if row.queue?.inFlight ?? false {
                return "pending: its details are asked for now\(before)"
            }
            return row.queue?.isChange ?? false
                ? "pending: its header changed, and its details wait to be asked for\(before)"
                : "pending: its details wait to be asked for\(before)"
        case .retrying:
            let due = row.queue.map { $0.due > .zero ? " after \($0.due.toTheSecond)" : "" } ?? ""
            return "retrying: it is asked for again\(due)\(reason)"
        case .parked:
            let attempts = row.attempts > 0 ? " after \(row.attempts) attempts" : ""
            return "parked: given up\(attempts)\(reason)"
        case .dropped:
            return "dropped: taken out of the queue by hand, until its header changes\(before)"
        case .unknown: return "unknown"
        }
    }

    private var next: String? {
        switch row.state {
        case .parked, .dropped: "ossync queue retry \(row.id.text)"
        case .pending, .retrying: "ossync sync"
        case .synced, .unknown: nil
        }
    }

    private func text(_ event: LoggedEvent) -> String {
        guard case .pageFetched(let page) = event.event,
            let entry = page.entries.last(where: { $0.ordinal == row.ordinal })
        else { return EventNarrator.text(event) }
        return "its header came, \(entry.isNew ? "new" : "changed"): \(EventNarrator.text(event))"
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "why"), ("id", .string(row.id.text)),
            ("stream", .string(record.stream.name)),
            ("position", .number(record.position.rawValue)), ("state", .string(row.state.name)),
            ("attempts", .number(row.attempts)), ("message", .string(verdict)),
            ("next", .optional(next)), ("seenSince", .number(sightings.count)),
            ("lastSeen", sightings.last.map { .number($0.rawValue) } ?? .null),
            (
                "chain",
                .array(
                    chain.map { event in
                        .object([
                            ("position", .number(event.position.rawValue)),
                            ("time", .string(event.time.rfc3339())),
                            ("run", .optional(event.run.runText)),
                            ("event", .string(event.event.type.name)),
                            ("cause", .number(event.cause.rawValue)),
                            ("message", .string(text(event).withoutControls)),
                        ])
                    })
            ),
        ])
    }

    var words: [String] {
        var lines = ["\(row.id.text.withoutControls) is \(verdict)"]
        lines += chain.map { EventPrinter.words($0, text($0)) }
        if let last = sightings.last {
            lines.append(
                "seen as it was known in \(UInt64(sightings.count).grouped) pages since, the last "
                    + "@\(last.rawValue)")
        }
        if let next { lines.append("next      \(next.withoutControls)") }
        return lines
    }
}

/// A record as it was at a point of the history.
struct PastRecord {
    let stream: StreamState
    let row: RecordRow
    let position: Position

    /// - Throws: exit 1 where there is no such record, or wasn't yet.
    init(
        _ id: String, at point: Point?, _ session: Session, _ history: borrowing HistoryReader
    ) throws {
        position = try point.map { try $0.position(in: history) } ?? history.end
        stream = try session.stream(in: history.control)
        guard stream.id != .none,
            let ordinal = try history.ordinal(of: RecordID(id), in: stream.id)
        else {
            throw CommandFailure(
                ExitCode.failure, "there is no record \(id) in stream \(stream.name)")
        }
        guard let row = try history.row(of: ordinal, in: stream.id, at: position) else {
            let first = try history.positions(of: ordinal, in: stream.id, .changes).first
            throw CommandFailure(
                ExitCode.failure,
                "there was no record \(id) in stream \(stream.name) at @\(position.rawValue)",
                hint: first.map { "it was first seen at @\($0.rawValue)" })
        }
        self.row = row
    }
}
