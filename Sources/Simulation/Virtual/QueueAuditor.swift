internal import SyncCore

/// Judges in which order details are asked for, and that batches are full: new before changed
/// before retried records, the newest identity first.
///
/// It keeps account of the records that nothing happened to since they were listed; where one goes
/// that was put back, `AttemptAuditor` knows.
struct QueueAuditor {
    /// A record's place in the queue.
    private struct Rank: Comparable {
        let isChange: Bool
        let number: Int64

        static func < (left: Rank, right: Rank) -> Bool {
            left.isChange == right.isChange ? left.number > right.number : right.isChange
        }
    }

    private let plan: SimulationPlan
    /// Records that wait for their first try since they were listed.
    private var fresh: [Ordinal: Rank] = [:]
    /// Records whose failure is charged to them.
    private var charged: Set<Ordinal> = []
    /// What the run asks for at once, and whether that is bounded by `--max`.
    private var batch: Int
    private var isBounded = false

    /// The numbers of what was asked of a running engine, and done.
    private var done: Set<UInt64> = []

    init(_ plan: SimulationPlan) {
        self.plan = plan
        batch = plan.batch
    }

    mutating func take(_ logged: LoggedEvent, _ violations: inout Violations) {
        switch logged.event {
        case .runRequested(let event):
            isBounded = event.options.maxRecords != nil
            batch = event.policy.detail?.batch ?? batch
        case .pageFetched(let event):
            for entry in event.entries { listed(entry) }
        case .requestIntended(let event):
            guard case .detail(let asked) = event.target else { return }
            check(asked, logged.position.rawValue, &violations)
        case .detailsFetched(let event):
            for result in event.results where result.outcome.isFound {
                charged.remove(result.ordinal)
            }
        case .detailsRequeued(let event):
            if event.kind.blames { charged.formUnion(event.parts.joined().map(\.ordinal)) }
        case .recordParked(let event): charged.remove(event.record.ordinal)
        case .queueRetried(let event):
            note(event.requester, at: logged.position, &violations)
            remove(event.records)
        case .queueDropped(let event):
            note(event.requester, at: logged.position, &violations)
            remove(event.records)
        default: break
        }
    }

    private mutating func note(
        _ requester: Requester, at position: Position, _ violations: inout Violations
    ) {
        guard let request = requester.request else { return }
        violations.expect(
            done.insert(request).inserted, 2,
            "the event at \(position.rawValue) does once more what was asked for once")
    }

    private mutating func listed(_ entry: PageFetched.Entry) {
        charged.remove(entry.ordinal)
        let isChange = entry.was == .synced
        guard entry.isNew || isChange, let number = plan.number(of: entry.id) else { return }
        fresh[entry.ordinal] = Rank(isChange: isChange, number: number)
    }

    private mutating func remove(_ records: [QueuedRecord]) {
        for record in records {
            fresh[record.ordinal] = nil
            charged.remove(record.ordinal)
        }
    }

    private mutating func check(
        _ asked: [RequestIntended.Asked], _ at: UInt64, _ violations: inout Violations
    ) {
        let last = asked.compactMap { fresh.removeValue(forKey: $0.ordinal) }.max()
        guard let next = fresh.values.min() else { return }
        if let last {
            violations.expect(
                last < next, 8,
                "the request at \(at) asks for record \(last.number) before \(next.number)")
            violations.expect(
                asked.count == batch || isBounded || next.isChange && !last.isChange, 10,
                "the request at \(at) asks for \(asked.count) of \(batch) records, though "
                    + "\(next.number) waits")
        } else if let record = asked.first(where: { charged.contains($0.ordinal) }) {
            violations.note(
                8,
                "the request at \(at) asks for \(record.id) again before \(next.number), which "
                    + "nobody has asked for")
        }
    }
}
