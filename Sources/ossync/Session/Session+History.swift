import EventLog
import Projections
import SyncCore
import SyncEngine

extension Session {
    /// Reads the index over the log, and says how far it is while it is made.
    func readHistory<Result>(
        _ log: EventLog, _ body: (borrowing HistoryReader) throws -> Result
    ) throws -> Result {
        let projector = try HistoryProjector(
            HistoryProjection(), folder: folder.projections, log: log)
        var isShown = false
        return try projector.read { position, end in
            guard output.isInteractive else { return }
            isShown = position < end
            output.raw(
                "\r\u{1B}[K"
                    + (isShown
                        ? "indexing the log: \(position.rawValue.grouped)/\(end.rawValue.grouped)"
                        : ""))
        } _: { history in
            if isShown { output.raw("\r\u{1B}[K") }
            return try body(history)
        }
    }
}
