import Dashboard
import EventLog
import SyncCore

/// The newest events and errors, and the pace of the requests, which follow the log.
///
/// A look reads so many events at most, by their headers; what was before the monitor is looked at
/// piece by piece.
struct LogTail {
    struct Sizes: Sendable {
        /// So many rows are kept of each.
        var rows = 500
        /// So many events back errors are looked for.
        var farthest: UInt64 = 200_000
        /// So many events a look reads, in each direction.
        var ofLook = 20_000
    }

    let sizes: Sizes
    private var pace = RequestPace()
    /// The newest first.
    private(set) var events: [Listing.Row] = []
    private(set) var errors: [Listing.Row] = []
    /// The first and the last event that was looked at, those between them too.
    private var first = Position(1)
    private var last = Position.none
    /// The first event to look at, and the end of the log.
    private var begin = Position(1)
    private var end = Position.none

    /// Whether there is more to look at although nothing happens.
    var isBehind: Bool { first > begin || last < end }

    init(_ sizes: Sizes = Sizes()) { self.sizes = sizes }

    mutating func pace(before now: LogTime) -> Snapshot.Pace { pace.lastHour(before: now) }

    mutating func follow(_ snapshot: borrowing LogSnapshot) throws(EventLogError) {
        end = try snapshot.tail().position
        // At first, and after a long stop: the events between aren't worth the time.
        if last == .none || end < last || end.rawValue - last.rawValue > sizes.farthest {
            let end = end
            self = LogTail(sizes)
            self.end = end
            (first, last) = (end.next, end)
            begin = Position(end.rawValue - min(end.rawValue, sizes.farthest)).next
        }
        if last < end { try lookForward(snapshot) }
        if first > begin { try lookBack(snapshot) }
    }

    private mutating func lookForward(
        _ snapshot: borrowing LogSnapshot
    ) throws(EventLogError) {
        var left = sizes.ofLook
        let (end, sizes) = (end, sizes)
        var newest: (events: [Listing.Row], errors: [Listing.Row]) = ([], [])
        try snapshot.forEachEntry(after: last) { entry throws(EventLogError) in
            pace.take(entry.header.type, entry.header.time)
            let isNew = end.rawValue - entry.position.rawValue < UInt64(sizes.rows)
            let (event, error) = try Self.rows(of: entry, isEvent: isNew)
            if let event { newest.events.append(event) }
            if let error { newest.errors.append(error) }
            last = entry.position
            left -= 1
            return left > 0
        }
        events = Array((newest.events.reversed() + events).prefix(sizes.rows))
        errors = Array((newest.errors.reversed() + errors).prefix(sizes.rows))
    }

    private mutating func lookBack(_ snapshot: borrowing LogSnapshot) throws(EventLogError) {
        var left = sizes.ofLook
        try snapshot.forEachEntryBackwards(before: first) { entry throws(EventLogError) in
            pace.take(entry.header.type, entry.header.time)
            let (event, error) = try Self.rows(
                of: entry, isEvent: events.count < sizes.rows)
            if let event { events.append(event) }
            if let error, errors.count < sizes.rows { errors.append(error) }
            first = entry.position
            left -= 1
            return left > 0 && first > begin
        }
    }

    // MARK: Rows

    private static func rows(
        of entry: LogEntry, isEvent: Bool
    ) throws(EventLogError) -> (event: Listing.Row?, error: Listing.Row?) {
        let mayFail = entry.header.type.map { failing.contains($0) } ?? false
        guard isEvent || mayFail else { return (nil, nil) }
        let event = try entry.event(bodies: .none)
        let tone = tone(event.event)
        let row = Listing.Row(
            [
                "@\(event.position.rawValue)", event.time.toTheSecond, event.run.runText ?? "",
                event.event.type.name, EventNarrator.text(event).withoutControls,
            ], tone: tone)
        let isError = mayFail && (tone == .bad || tone == .warning)
        return (isEvent ? row : nil, isError ? row : nil)
    }

    private static let failing: Set<EventType> = [
        .rateLimited, .requestFailed, .requestAbandoned, .recordParked, .runInterrupted,
        .runCompleted, .alertRaised,
    ]

    private static func tone(_ event: Event) -> Snapshot.Tone {
        switch event {
        case .rateLimited, .requestAbandoned, .runInterrupted: .warning
        case .requestFailed, .recordParked, .alertRaised: .bad
        case .alertRecovered: .good
        case .runCompleted(let completed):
            switch completed.outcome {
            case .failed: .bad
            case .partial: .warning
            default: .good
            }
        case .requestIntended, .backoffApplied, .alertsEvaluated: .faint
        default: .plain
        }
    }

    /// The columns of both.
    static let columns = [
        Listing.Column("position", width: 10, weight: 2),
        Listing.Column("time", width: 20, weight: 3), Listing.Column("run", width: 8, weight: 1),
        Listing.Column("event", width: 16, weight: 4),
        Listing.Column("what happened", width: 20, weight: 5),
    ]
}

/// How many requests were sent, and refused, in the last hour.
struct RequestPace {
    private static let stretchNs = 20 * Int64.nsPerSecond
    private static let stretches: Int64 = 180
    static let span = "60 min"

    /// By the number of the stretch since 1970.
    private var requests: [Int64: UInt64] = [:]
    private var refused: [Int64: UInt64] = [:]

    mutating func take(_ type: EventType?, _ time: LogTime) {
        let stretch = time.rawValue / Self.stretchNs
        if type == .requestIntended { requests[stretch, default: 0] += 1 }
        if type == .rateLimited { refused[stretch, default: 0] += 1 }
    }

    /// The hour before a moment; what is older is forgotten.
    mutating func lastHour(before now: LogTime) -> Snapshot.Pace {
        let last = now.rawValue / Self.stretchNs
        let all = (last - Self.stretches + 1)...last
        requests = requests.filter { $0.key >= all.lowerBound }
        refused = refused.filter { $0.key >= all.lowerBound }
        return Snapshot.Pace(
            requests: all.map { requests[$0] ?? 0 }, refused: all.map { refused[$0] ?? 0 },
            span: Self.span)
    }
}
