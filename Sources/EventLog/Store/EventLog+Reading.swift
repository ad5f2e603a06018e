internal import LMDB
package import SyncCore

/// Long reads that hold no snapshot while their caller works, or waits for a pipe: an open snapshot
/// keeps every page that the writer has replaced meanwhile.
extension EventLog {
    /// So much is taken out of one snapshot before it is let go.
    fileprivate static let mostEvents = 256
    fileprivate static let mostBytes = 1 << 20

    /// Calls `body` with each event after a position, and the schema version that it is stored in,
    /// until it says no.
    ///
    /// - Parameter last: the last position; later ones are passed over.
    package func forEachEvent(
        after position: Position, through last: Position, bodies: EventCoder.Bodies = .all,
        _ body: (LoggedEvent, _ schema: UInt16) throws -> Bool
    ) throws {
        var position = position
        while position < last {
            let events = try snapshot().some(after: position, through: last, bodies)
            guard let end = events.last?.event.position else { return }
            position = end
            for event in events where try !body(event.event, event.schema) { return }
        }
    }

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
                return rows.count < Self.mostEvents
            }
            for row in rows where try !body(row) { return }
            if rows.count < Self.mostEvents { return }
        }
    }
}

extension LogSnapshot {
    fileprivate func some(
        after position: Position, through last: Position, _ bodies: EventCoder.Bodies
    ) throws(EventLogError) -> [(event: LoggedEvent, schema: UInt16)] {
        var events: [(event: LoggedEvent, schema: UInt16)] = []
        var bytes = 0
        try scan(from: position.next) { at, value throws(EventLogError) in
            guard at <= last else { return false }
            let event = try decode(at, value, bodies)
            events.append((event, EventHeader.schemaVersion(of: value)))
            bytes += value.count
            return events.count < EventLog.mostEvents && bytes < EventLog.mostBytes
        }
        return events
    }
}
