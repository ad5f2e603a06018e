import EventLog
import Projections
import SyncCore
import SyncEngine

/// Goes through a log, or a slice of one, step by step, and tells what it was asked for.
struct ReplayWalk {
    /// What is replayed.
    enum Source {
        /// A stretch of the store's log; what lies before it is folded.
        case log(EventLog, first: Position, last: Position)
        case bundle(ReplayBundle)
    }

    let session: Session
    let source: Source
    let options: ReplayReport.Options

    /// Looks the sum of the summed column up as it was after an event.
    typealias Totals = (Position) throws -> (sum: String, records: UInt64)?

    func run() throws {
        // The exit code is what it is asked for.
        Output.outliveReader()
        switch source {
        case .log(let log, let first, let last): try run(log, first, last)
        case .bundle(let bundle): try run(bundle)
        }
    }

    private func run(_ log: EventLog, _ first: Position, _ last: Position) throws {
        let control = try log.snapshot().control()
        let stream = try session.stream(in: control).name
        let printer = ReplayPrinter(session.output, control) { position in
            try log.snapshot().event(at: position, bodies: .none)
        }
        let report = ReplayReport(options, printer, stream, from: first)
        let progress = FoldProgress(session.output, "replay")
        func walk(_ totals: Totals) throws {
            try log.replay(
                Replayer(ScratchStore()), through: last, verifies: options.verifies
            ) { step, writer in
                progress.tell(step.control.position, last)
                return try report.take(step, writer, totals) { progress.end() }
            }
        }
        if options.breakpoints.condition?.needsTotals ?? false {
            try session.recordProjector(stream, log).read { reader in
                try walk { try reader.total(at: $0) }
            }
        } else {
            try walk { _ in nil }
        }
        progress.end()
        try report.end()
    }

    private func run(_ bundle: ReplayBundle) throws {
        guard !(options.breakpoints.condition?.needsTotals ?? false) else {
            throw CommandFailure(
                ExitCode.usage, "a bundle has no columns: its expenses are not known")
        }
        let events = bundle.commits.flatMap(\.events)
        var control = bundle.start.control
        for event in events where control.canFold(event) { apply(event, to: &control) }
        let printer = ReplayPrinter(session.output, control) { position in
            events.first { $0.position == position }
        }
        let stream = try session.stream(in: control).name
        let report = ReplayReport(options, printer, stream, from: Position(1))
        try bundle.replay(verifies: options.verifies) { step, writer in
            try report.take(step, writer, { _ in nil }, beforePrinting: {})
        }
        try report.end()
    }
}
