package import SyncCore

/// Which events are wanted: all that is given must hold, and of each list one.
package struct EventFilter: Sendable {
    /// HTTP statuses.
    package enum Status: Sendable, Equatable {
        case code(UInt16)
        /// For example 500 to 599.
        case hundreds(UInt16)
        /// No response came.
        case none

        func matches(_ status: UInt16) -> Bool {
            switch self {
            case .code(let code): status == code
            case .hundreds(let first): status / 100 == first
            case .none: status == 0
            }
        }
    }

    /// A record by its number.
    package struct Record: Sendable, Hashable {
        package let stream: StreamID
        package let ordinal: Ordinal

        package init(stream: StreamID, ordinal: Ordinal) {
            self.stream = stream
            self.ordinal = ordinal
        }
    }

    package var positions = Position(1)...Position(.max)
    package var earliest: LogTime?
    /// Not itself included.
    package var before: LogTime?
    package var types: [EventType]?
    package var streams: [StreamID]?
    package var endpoints: [Endpoint]?
    package var statuses: [Status]?
    package var records: [Record]?
    package var runs: [RunSummary]?

    package init() {}

    /// Wants only what lies in a stretch of the log too.
    package mutating func limit(to range: ClosedRange<Position>) {
        guard positions.overlaps(range) else {
            // Nothing is wanted, wherever it is looked for.
            types = []
            positions = range
            return
        }
        positions = positions.clamped(to: range)
    }

    // MARK: What needs no payload

    func matches(_ time: LogTime) -> Bool {
        (earliest.map { $0 <= time } ?? true) && (before.map { time < $0 } ?? true)
    }

    func matches(type: UInt16, stream: StreamID) -> Bool {
        (types.map { $0.contains { $0.rawValue == type } } ?? true)
            && (streams.map { $0.contains(stream) } ?? true)
    }

    /// What an invocation does before it knows which run it goes on with is under its own request.
    func matches(run: Position) -> Bool {
        guard let runs else { return true }
        return runs.contains { $0.requests.contains(run) }
    }

    // MARK: What does

    /// Whether an event's payload has to be looked at.
    var needsPayload: Bool { endpoints != nil || statuses != nil || records != nil }

    func matches(status: UInt16?) -> Bool {
        guard let statuses else { return true }
        return status.map { status in statuses.contains { $0.matches(status) } } ?? false
    }

    func matches(endpoint: Endpoint?) -> Bool {
        guard let endpoints else { return true }
        return endpoint.map { endpoints.contains($0) } ?? false
    }

    // MARK: Many at once

    /// Whether a zone may have an event that is wanted.
    func mayMatch(_ zone: HistoryZone) -> Bool {
        zone.last >= positions.lowerBound && zone.first <= positions.upperBound
            && (earliest.map { $0 <= zone.latest } ?? true)
            && (before.map { zone.earliest < $0 } ?? true)
            && mayHaveRun(zone)
            && zone.cells.contains { matches($0.key) }
    }

    func matches(_ cell: HistoryZone.Key) -> Bool {
        matches(type: cell.type, stream: cell.stream) && matches(status: cell.status)
            && matches(endpoint: cell.endpoint)
    }

    private func mayHaveRun(_ zone: HistoryZone) -> Bool {
        guard let runs else { return true }
        return runs.contains { $0.requests.contains { zone.runs.mayHave($0) } }
    }
}
