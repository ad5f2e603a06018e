internal import EventLog
package import SyncCore

/// How many events there are of each kind, and what they take in the log.
package struct EventCounts: Sendable, Equatable {
    package struct Count: Sendable, Equatable {
        package var events: UInt64 = 0
        /// What they take in the log, their headers included.
        package var bytes: UInt64 = 0
    }

    package private(set) var total = Count()
    /// Of kinds that this version knows.
    package private(set) var types: [EventType: Count] = [:]
    /// Answers, and requests without one, by the endpoint and the status; 0 where none came.
    package private(set) var answers: [Answer: Count] = [:]
    package private(set) var streams: [StreamID: Count] = [:]
    package private(set) var first: LogTime?
    package private(set) var last: LogTime?

    /// What came of requests.
    package struct Answer: Sendable, Hashable {
        package let endpoint: Endpoint
        package let status: UInt16
    }

    init() {}

    mutating func add(_ cell: HistoryZone.Cell) {
        total.add(cell)
        if let type = EventType(rawValue: cell.key.type) { types[type, default: Count()].add(cell) }
        if cell.key.stream != .none { streams[cell.key.stream, default: Count()].add(cell) }
        if let endpoint = cell.key.endpoint, let status = cell.key.status {
            answers[Answer(endpoint: endpoint, status: status), default: Count()].add(cell)
        }
    }

    mutating func span(_ earliest: LogTime, _ latest: LogTime) {
        first = min(first ?? earliest, earliest)
        last = max(last ?? latest, latest)
    }
}

extension EventCounts.Count {
    fileprivate mutating func add(_ cell: HistoryZone.Cell) {
        events += cell.events
        bytes += cell.bytes
    }
}

extension HistoryReader {
    /// Counts the events that a filter wants; whole zones by what is known of them.
    package func count(_ filter: EventFilter) throws -> EventCounts {
        var counts = EventCounts()
        if filter.records != nil {
            for place in try places(filter) { try count(place, filter, &counts) }
            return counts
        }
        // Of these it is not known when the first and the last of the wanted ones happened.
        var ends: [HistoryZone] = []
        try forEachZone { zone in
            guard filter.mayMatch(zone) else { return true }
            if filter.takes(zone) {
                for cell in zone.cells where filter.matches(cell.key) { counts.add(cell) }
                if zone.cells.allSatisfy({ filter.matches($0.key) }) {
                    counts.span(zone.earliest, zone.latest)
                } else {
                    ends.append(zone)
                }
            } else {
                try count(zone.first...zone.last, filter, &counts)
            }
            return true
        }
        try span(&counts, ends, filter)
        return counts
    }

    /// Looks at the events of those zones that may move the span of time.
    private func span(
        _ counts: inout EventCounts, _ zones: [HistoryZone], _ filter: EventFilter
    ) throws {
        let early = zones.sorted { $0.earliest < $1.earliest }
        let late = zones.sorted { $0.latest > $1.latest }
        for zone in early {
            if let first = counts.first, first <= zone.earliest { break }
            try span(&counts, zone, filter)
        }
        for zone in late {
            if let last = counts.last, last >= zone.latest { break }
            try span(&counts, zone, filter)
        }
    }

    private func span(
        _ counts: inout EventCounts, _ zone: HistoryZone, _ filter: EventFilter
    ) throws {
        try snapshot.forEachEntry(after: Position(zone.first.rawValue - 1)) {
            entry throws(EventLogError) in
            guard entry.position <= zone.last else { return false }
            if try filter.matches(entry, snapshot) {
                counts.span(entry.header.time, entry.header.time)
            }
            return true
        }
    }

    private func count(
        _ place: ClosedRange<Position>, _ filter: EventFilter, _ counts: inout EventCounts
    ) throws {
        try snapshot.forEachEntry(after: Position(place.lowerBound.rawValue - 1)) {
            entry throws(EventLogError) in
            if entry.position > place.upperBound { return false }
            guard try filter.matches(entry, snapshot) else { return true }
            let event = try entry.event(bodies: .none)
            let key = HistoryZone.Key(
                type: entry.header.typeCode, stream: event.stream,
                endpoint: try snapshot.endpoint(of: event.event),
                status: event.event.exchange?.status)
            counts.add(
                HistoryZone.Cell(key: key, events: 1, bytes: UInt64(entry.storedBytes)))
            counts.span(event.time, event.time)
            return true
        }
    }
}

extension EventFilter {
    /// Whether what a zone knows of its events together decides about each of them.
    fileprivate func takes(_ zone: HistoryZone) -> Bool {
        runs == nil && positions.lowerBound <= zone.first && zone.last <= positions.upperBound
            && matches(zone.earliest) && matches(zone.latest)
    }
}
