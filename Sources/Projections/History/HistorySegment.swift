internal import EventLog
internal import SyncCore

/// What the events of one stretch of the log are about.
struct HistorySegment {
    let first: Position
    var last: Position
    var zones: [HistoryZone] = []
    /// Which events changed which records' rows.
    var changes: [Mention] = []
    /// Which pages had which records as they were known.
    var sightings: [Mention] = []
    /// The runs that had events in it, as they stood at its end.
    var runs: [Position: RunSummary] = [:]
    /// The state at its end.
    var control: ControlState
    /// What was done from the log's beginning to its end.
    var totals: LogTotals

    init(after control: ControlState, _ totals: LogTotals) {
        first = control.position.next
        last = control.position
        self.control = control
        self.totals = totals
    }

    var isEmpty: Bool { last < first }
}

/// Takes the events of one segment.
struct HistoryBuilder {
    private let sizes: HistoryProjection.Sizes
    /// Of the log, for an error.
    private let path: String
    private(set) var segment: HistorySegment
    private var records = 0

    init(
        _ sizes: HistoryProjection.Sizes, path: String, after control: ControlState,
        _ totals: LogTotals
    ) {
        self.sizes = sizes
        self.path = path
        segment = HistorySegment(after: control, totals)
    }

    var isFull: Bool {
        segment.last.rawValue - segment.first.rawValue + 1 >= sizes.segmentEvents
            || records >= sizes.segmentRecords
    }

    /// Takes the event that follows.
    ///
    /// - Parameters:
    ///   - bytes: what it takes in the log.
    ///   - load: the summary of a run that had no event in this segment yet.
    mutating func take(
        _ event: LoggedEvent, bytes: Int,
        load: (Position) throws(ProjectionError) -> RunSummary?
    ) throws(ProjectionError) {
        guard segment.control.canFold(event) else {
            throw .log(
                .corrupt(
                    path: path, position: event.position,
                    reason: "it contradicts the events before it"))
        }
        let endpoint =
            event.event.ownEndpoint
            ?? event.event.answeredIntent.flatMap { segment.control.request($0)?.endpoint }
        note(event, endpoint, bytes)
        mention(event)
        try summarize(event, load)
        segment.totals.take(event, endpoint, before: segment.control)
        apply(event, to: &segment.control)
        segment.last = event.position
    }

    private mutating func note(_ event: LoggedEvent, _ endpoint: Endpoint?, _ bytes: Int) {
        let key = HistoryZone.Key(
            type: event.event.type.rawValue, stream: event.stream, endpoint: endpoint,
            status: event.event.exchange?.status)
        if segment.zones.last.map({ $0.events >= sizes.zoneEvents }) ?? true {
            segment.zones.append(HistoryZone(first: event.position, time: event.time))
        }
        segment.zones[segment.zones.count - 1].take(event, key, bytes: bytes)
    }

    private mutating func mention(_ event: LoggedEvent) {
        var last: Mention?
        event.event.forEachTouchedRow { ordinal, _ in
            records += 1
            if var open = last {
                let isNext =
                    ordinal.rawValue == open.ordinal.rawValue &+ open.count
                    && open.count < Mention.mostRecords
                if isNext {
                    open.count += 1
                    last = open
                    return
                }
                segment.changes.append(open)
            }
            last = Mention(stream: event.stream, ordinal: ordinal, position: event.position)
        }
        if let last { segment.changes.append(last) }
        guard case .pageFetched(let page) = event.event else { return }
        for run in page.unchanged {
            records += 1
            for first in stride(
                from: run.range.lowerBound, to: run.range.upperBound,
                by: Int(Mention.mostRecords))
            {
                segment.sightings.append(
                    Mention(
                        stream: event.stream, ordinal: Ordinal(first),
                        count: min(run.range.upperBound - first, Mention.mostRecords),
                        position: event.position))
            }
        }
    }

    private mutating func summarize(
        _ event: LoggedEvent, _ load: (Position) throws(ProjectionError) -> RunSummary?
    ) throws(ProjectionError) {
        guard event.run != .none else { return }
        var run = event.run
        // It is still under the request that it was made for.
        if case .runResumed(let resumed) = event.event { run = resumed.run }
        let invocation = segment.control.invocation
        if segment.runs[run] == nil {
            switch event.event {
            case .runRequested: return
            case .runStarted(let started):
                segment.runs[run] = RunSummary(event, mode: started.mode)
            default: segment.runs[run] = try load(run)
            }
        }
        if segment.runs[run] == nil, case .runCompleted = event.event, let invocation {
            // There was nothing to resume: it is over before it began.
            segment.runs[run] = RunSummary(event, mode: invocation.mode)
        }
        segment.runs[run]?.take(event, invocation)
    }
}
