import EventLog
import Projections
import SyncCore
import SyncEngine

extension Session {
    /// The index over the log.
    func historyProjector(_ log: EventLog) throws -> HistoryProjector {
        try HistoryProjector(HistoryProjection(), folder: folder.projections, log: log)
    }

    /// Reads the index over the log, and says on a terminal how far it is while it is made.
    func readHistory<Result>(
        _ log: EventLog, _ body: (borrowing HistoryReader) throws -> Result
    ) throws -> Result {
        let progress = FoldProgress(output, "indexing the log")
        return try historyProjector(log).read { position, end in
            if !output.isJSON { progress.tell(position, end) }
        } _: { history in
            progress.end()
            return try body(history)
        }
    }

    /// All projections that this configuration has.
    func projections(_ log: EventLog) throws -> [any MaintainedProjection] {
        let records: [any MaintainedProjection] = try configuration.streams.compactMap {
            try projector($0.name, log: log)
        }
        return try records + [historyProjector(log)]
    }

    /// - Throws: exit 2 for one that isn't there.
    func projection(_ name: String, _ log: EventLog) throws -> any MaintainedProjection {
        let all = try projections(log)
        guard let found = all.first(where: { $0.name == name }) else {
            throw CommandFailure(
                ExitCode.usage, "there is no projection \(name)",
                hint: "known: \(all.map(\.name).joined(separator: ", "))")
        }
        return found
    }
}
