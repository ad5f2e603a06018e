package import SyncCore

/// An event as it is stored: what of it is decoded is the reader's choice.
///
/// Valid only inside the call that hands it out.
package struct LogEntry {
    package let position: Position
    package let header: EventHeader
    let value: UnsafeRawBufferPointer
    let log: EventLog
    let coder: EventCoder

    /// What it takes in the log.
    package var storedBytes: Int { value.count }

    /// It as it is stored.
    package var stored: [UInt8] { [UInt8](value) }

    /// The part of it that the chain covers.
    package var identity: [UInt8] { [UInt8](value[EventHeader.identityRange]) }

    /// The event, checked by its checksum.
    package func event(bodies: EventCoder.Bodies = .all) throws(EventLogError) -> LoggedEvent {
        do throws(EventCodingError) {
            return try coder.decode(position, value, bodies: bodies)
        } catch {
            throw log.damaged(position, error)
        }
    }
}

extension LogSnapshot {
    /// Calls `body` for each event after a position, until it says no: no payload is touched before
    /// the event is asked for.
    package func forEachEntry(
        after position: Position, _ body: (LogEntry) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        try forEachEntry(from: position.next, backwards: false, body)
    }

    /// The same for each event before a position, from the newest on.
    package func forEachEntryBackwards(
        before position: Position, _ body: (LogEntry) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        try forEachEntry(from: position, backwards: true) { entry throws(EventLogError) in
            guard entry.position < position else { return true }
            return try body(entry)
        }
    }

    private func forEachEntry(
        from position: Position, backwards: Bool,
        _ body: (LogEntry) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        try scan(from: position, backwards: backwards) { at, value throws(EventLogError) in
            let header: EventHeader
            do throws(EventCodingError) {
                header = try EventHeader(value)
            } catch {
                throw log.corrupt(at, "\(error)")
            }
            return try body(
                LogEntry(position: at, header: header, value: value, log: log, coder: coder))
        }
    }
}
