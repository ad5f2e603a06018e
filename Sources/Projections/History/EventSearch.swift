package import EventLog
package import SyncCore

/// The places of the log where events may be that are wanted, and the search through them.
///
/// It holds no snapshot while its caller works, or waits for a pipe.
package struct EventSearch: Sendable {
    private let log: EventLog
    private let filter: EventFilter
    /// Ascending, and apart from each other.
    private let places: [ClosedRange<Position>]

    /// So much is taken out of one snapshot before it is let go: events that are wanted, their
    /// bytes, and events that are looked at.
    private static let mostEvents = 256
    private static let mostBytes = 1 << 20
    private static let mostLooks = 1 << 16

    init(_ log: EventLog, _ filter: EventFilter, _ places: [ClosedRange<Position>]) {
        self.log = log
        self.filter = filter
        self.places = places
    }

    /// A search that looks at every event in the filter's positions: for few of them, and where
    /// there is no history to ask.
    package init(_ log: EventLog, _ filter: EventFilter) {
        self.init(log, filter, [filter.positions])
    }

    /// Calls `body` with each event that is wanted, and the schema version that it is stored in,
    /// until it says no.
    package func forEach(
        backwards: Bool = false, bodies: EventCoder.Bodies = .all,
        _ body: (LoggedEvent, _ schema: UInt16) throws -> Bool
    ) throws {
        for place in backwards ? places.reversed() : places {
            var rest: ClosedRange<Position>? = place
            while let range = rest {
                let found = try look(in: range, backwards, bodies)
                rest = found.rest
                for event in found.events where try !body(event.event, event.schema) { return }
            }
        }
    }

    private struct Found {
        var events: [(event: LoggedEvent, schema: UInt16)] = []
        var rest: ClosedRange<Position>?
        var bytes = 0
        var looks = 0

        var isEnough: Bool {
            events.count >= mostEvents || bytes >= mostBytes || looks >= mostLooks
        }
    }

    private func look(
        in range: ClosedRange<Position>, _ backwards: Bool, _ bodies: EventCoder.Bodies
    ) throws -> Found {
        let snapshot = try log.snapshot()
        var found = Found()
        var last: Position?
        func take(_ entry: LogEntry) throws(EventLogError) -> Bool {
            guard range.contains(entry.position) else { return false }
            found.looks += 1
            // What throws, for want of the request that it belongs to, is looked at again.
            if try filter.matches(entry, snapshot) {
                found.events.append(
                    (try entry.event(bodies: bodies), entry.header.schemaVersion))
                found.bytes += entry.storedBytes
            }
            last = entry.position
            guard found.isEnough else { return true }
            found.rest =
                backwards
                ? range.before(entry.position) : range.after(entry.position)
            return false
        }
        do throws(EventLogError) {
            if backwards {
                try snapshot.forEachEntryBackwards(before: range.upperBound.next) {
                    entry throws(EventLogError) in try take(entry)
                }
            } else {
                try snapshot.forEachEntry(after: Position(range.lowerBound.rawValue - 1)) {
                    entry throws(EventLogError) in try take(entry)
                }
            }
        } catch {
            // What is there is handed out first: it may be all that is asked for.
            guard case .archiveMissing = error, let last else { throw error }
            found.rest = backwards ? range.before(last) : range.after(last)
        }
        return found
    }
}

extension ClosedRange<Position> {
    fileprivate func after(_ position: Position) -> ClosedRange? {
        position < upperBound ? position.next...upperBound : nil
    }

    fileprivate func before(_ position: Position) -> ClosedRange? {
        position > lowerBound ? lowerBound...Position(position.rawValue - 1) : nil
    }
}

extension EventFilter {
    /// Whether an event is wanted.
    ///
    /// - Parameter snapshot: where the request is looked up that an outcome belongs to.
    func matches(
        _ entry: LogEntry, _ snapshot: borrowing LogSnapshot
    ) throws(EventLogError) -> Bool {
        let header = entry.header
        guard positions.contains(entry.position), matches(header.time),
            matches(type: header.typeCode, stream: header.stream),
            matches(run: header.run)
        else { return false }
        guard needsPayload else { return true }
        let event = try entry.event(bodies: .none).event
        guard matches(status: event.exchange?.status), matches(event, of: header.stream) else {
            return false
        }
        guard endpoints != nil else { return true }
        return matches(endpoint: try snapshot.endpoint(of: event))
    }
}

extension EventFilter {
    /// Whether one of the records is in an event.
    private func matches(_ event: Event, of stream: StreamID) -> Bool {
        guard let records else { return true }
        var isFound = false
        event.forEachTouchedRow { ordinal, _ in
            if records.contains(Record(stream: stream, ordinal: ordinal)) { isFound = true }
        }
        if isFound { return true }
        guard case .pageFetched(let page) = event else { return false }
        return records.contains { record in
            record.stream == stream
                && page.unchanged.contains { $0.range.contains(record.ordinal.rawValue) }
        }
    }
}

extension LogSnapshot {
    /// The endpoint of the request that an event is about.
    func endpoint(of event: Event) throws(EventLogError) -> Endpoint? {
        if let own = event.ownEndpoint { return own }
        guard let intent = event.answeredIntent else { return nil }
        return try self.event(at: intent, bodies: .none)?.event.ownEndpoint
    }
}

extension HistoryReader {
    /// Where the events are that a filter wants.
    package func search(_ filter: EventFilter) throws -> EventSearch {
        EventSearch(snapshot.log, filter, try places(filter))
    }

    func places(_ filter: EventFilter) throws -> [ClosedRange<Position>] {
        if let records = filter.records {
            var positions: Set<Position> = []
            for record in records {
                for mentions in [Mentions.changes, .sightings] {
                    positions.formUnion(
                        try self.positions(of: record.ordinal, in: record.stream, mentions))
                }
            }
            return positions.filter(filter.positions.contains).sorted().map { $0...$0 }
        }
        var places: [ClosedRange<Position>] = []
        try forEachZone { zone in
            guard filter.mayMatch(zone) else { return true }
            // What is beyond may be in an archive that isn't at hand.
            let range = (zone.first...zone.last).clamped(to: filter.positions)
            if let last = places.last, last.upperBound.next == range.lowerBound {
                places[places.count - 1] = last.lowerBound...range.upperBound
            } else {
                places.append(range)
            }
            return true
        }
        return places
    }
}
