internal import LMDB
package import SyncCore

/// Long reads that hold no snapshot while their caller works, or waits for a pipe: an open snapshot
/// keeps every page that the writer has replaced meanwhile.
extension EventLog {
    /// So much is taken out of one snapshot before it is let go.
    private static let mostRows = 256

    /// Calls `body` with the waiting entries of a stream's queue, in their order, until it says no.
    ///
    /// What moves in the queue meanwhile may come twice, or not at all.
    package func forEachQueued(
        _ stream: StreamID, order: IDOrder, _ body: (RecordRow) throws -> Bool
    ) throws {
        var last: [UInt8]?
        while true {
            var rows: [RecordRow] = []
            try snapshot().forEachQueued(stream, order: order, after: last) { row, key in
                rows.append(row)
                last = key
                return rows.count < Self.mostRows
            }
            for row in rows where try !body(row) { return }
            if rows.count < Self.mostRows { return }
        }
    }
}
