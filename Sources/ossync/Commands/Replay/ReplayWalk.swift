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
        let needsTotals = options.breakpoints.condition?.needsTotals ?? false
        let totals =
            needsTotals ? PastTotals(try session.recordProjector(stream, log)) : nil
        try log.replay(
            Replayer(ScratchStore()), through: last, verifies: options.verifies
        ) { step, writer in
            progress.tell(step.control.position, last)
            return try report.take(step, writer, totals) { progress.end() }
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
        let control = bundle.end
        let printer = ReplayPrinter(session.output, control) { position in
            events.first { $0.position == position }
        }
        let report = ReplayReport(options, printer, bundle.stream, from: Position(1))
        try bundle.replay(verifies: options.verifies) { step, writer in
            try report.take(step, writer, nil, beforePrinting: {})
        }
        try report.end()
    }
}

extension ReplayBundle {
    /// The state at its end, or where it begins to contradict itself.
    fileprivate var end: ControlState {
        var control = start.control
        for event in commits.flatMap(\.events) {
            guard control.canFold(event) else { break }
            apply(event, to: &control)
        }
        return control
    }

    /// The name of the stream that it is about: that of its last event that is of one.
    fileprivate var stream: String {
        let streams = end.streams
        let id = commits.flatMap(\.events).last { event in
            streams.contains { $0.id == event.stream }
        }?.stream
        return (streams.first { $0.id == id } ?? streams.first)?.name ?? "os"
    }
}
