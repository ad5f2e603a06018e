internal import EventLog
internal import Projections
internal import SyncCore

/// Keeps account of what the index over the log has to say, and compares it (invariant 5).
struct HistoryChecker {
    private var changes: [EventFilter.Record: [Position]] = [:]
    private var sightings: [EventFilter.Record: [Position]] = [:]
    private var kinds: [EventType: UInt64] = [:]
    private var requests: [Position: UInt64] = [:]
    private var events: UInt64 = 0
    /// The state at each check, as the fold from scratch has it.
    private var states: [ControlState] = []

    /// So many records are looked up at each check, other ones each time.
    private static let lookups = 12

    mutating func take(_ logged: LoggedEvent) {
        events += 1
        kinds[logged.event.type, default: 0] += 1
        if logged.event.type == .requestIntended { requests[logged.run, default: 0] += 1 }
        var changed: Set<Ordinal> = []
        logged.event.forEachTouchedRow { ordinal, _ in changed.insert(ordinal) }
        for ordinal in changed.sorted() {
            let record = EventFilter.Record(stream: logged.stream, ordinal: ordinal)
            changes[record, default: []].append(logged.position)
        }
        guard case .pageFetched(let page) = logged.event else { return }
        // A page may have a record twice.
        for ordinal in Set(page.unchanged.flatMap(\.range)).sorted() {
            let record = EventFilter.Record(stream: logged.stream, ordinal: Ordinal(ordinal))
            sightings[record, default: []].append(logged.position)
        }
    }

    /// - Parameter control: the state that the events so far lead to.
    mutating func compare(
        _ index: HistoryProjector, _ control: ControlState, _ violations: inout Violations
    ) throws {
        states.append(control)
        try index.read { history in
            violations.expect(
                history.end == control.position && history.control == control, 5,
                "the history ends at \(history.end.rawValue) with another state")
            let counts = try history.count(EventFilter())
            violations.expect(
                counts.total.events == events && kinds == counts.types.mapValues(\.events), 5,
                "the history counts other events")
            try compareRecords(history, &violations)
            // The newest one, and one of before.
            for state in [states.count - 1, states.count * 5 / 8].map({ states[$0] }) {
                violations.expect(
                    try history.control(at: state.position) == state, 5,
                    "the history has another state at \(state.position.rawValue)")
            }
            try history.forEachRun { run in
                let sent = run.requests.reduce(0) { $0 + (requests[$1] ?? 0) }
                let open = control.invocation.map { $0.run == run.run ? $0.counters.requests : 0 }
                violations.expect(
                    run.counters.requests + (open ?? 0) == sent, 5,
                    "run r\(run.run.rawValue) made \(sent) requests, but the history tells "
                        + "\(run.counters.requests)")
                return true
            }
        }
    }

    private func compareRecords(
        _ history: borrowing HistoryReader, _ violations: inout Violations
    ) throws {
        let known = changes.keys.sorted { ($0.stream, $0.ordinal) < ($1.stream, $1.ordinal) }
        guard !known.isEmpty else { return }
        for step in 0..<Self.lookups {
            let record = known[(states.count * 31 + step * 97) % known.count]
            let (stream, ordinal) = (record.stream, record.ordinal)
            violations.expect(
                try history.positions(of: ordinal, in: stream, .changes) == changes[record] ?? [],
                5, "the history misses changes of record #\(ordinal.rawValue)")
            violations.expect(
                try history.positions(of: ordinal, in: stream, .sightings)
                    == sightings[record] ?? [],
                5, "the history misses pages that had record #\(ordinal.rawValue)")
        }
    }
}

extension HistoryProjection {
    /// Of a size at which logs of simulations have some segments.
    static var simulated: HistoryProjection {
        var sizes = Sizes()
        sizes.zoneEvents = 16
        sizes.segmentEvents = 128
        sizes.segmentRecords = 600
        return HistoryProjection(sizes)
    }
}
