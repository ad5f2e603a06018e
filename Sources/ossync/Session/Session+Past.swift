import EventLog
import Projections
import SyncCore

extension Session {
    /// The projection of a stream's records.
    ///
    /// - Throws: exit 2 where no configuration says what its columns are.
    func recordProjector(_ stream: String, _ log: EventLog) throws -> RecordProjector {
        guard let projector = try projector(stream, log: log) else {
            throw CommandFailure(
                ExitCode.usage, "no configuration says what the columns of \(stream) are",
                hint: "give the configuration with --config")
        }
        return projector
    }

    /// The state at a point of the history.
    func control(at point: Point, _ log: EventLog) throws -> ControlState {
        try readHistory(log) { try $0.control(at: try point.position(in: $0)) }
    }

    /// Reads the records as they were, and says on a terminal how far that is.
    func readPast<Result>(
        at control: ControlState, _ log: EventLog,
        _ body: (borrowing ProjectionReader) throws -> Result
    ) throws -> Result {
        let stream = try stream(in: control)
        let progress = FoldProgress(output, "\(stream.name) at @\(control.position.rawValue)")
        return try recordProjector(stream.name, log).readPast(at: control) { position, end in
            // What is on stdout may be data.
            if !output.isJSON { progress.tell(position, end) }
        } _: { reader in
            progress.end()
            return try body(reader)
        }
    }
}
