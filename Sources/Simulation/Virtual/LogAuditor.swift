internal import SyncCore

/// Reads the log as a bookkeeper does: keeps its own account of passes, requests, details and
/// counters, and compares what each event says with it.
///
/// It goes on where it stopped: the server must not have changed since.
struct LogAuditor {
    private struct Pass {
        let opened: PassOpened
        var next: PageCursor?
        /// The cursors of the pages that were taken whole; the first page has none.
        var taken: [PageCursor?] = []
    }

    let plan: SimulationPlan
    private(set) var position = Position.none
    private(set) var coverage = SimulationCoverage()
    private var control = ControlState()
    private var pass: Pass?
    /// Requests without an outcome, by intent.
    private var open: [Position: RequestIntended.Target] = [:]
    private(set) var intents: [Position: RequestIntended.Target] = [:]
    /// Records whose details came after their header's last change.
    private var synced: Set<Ordinal> = []
    private var counters = RunCounters()
    private var attempts: AttemptAuditor
    private var queue: QueueAuditor
    private(set) var limits = LimitAuditor()
    private(set) var rows = RowAuditor()
    private var causes = CauseAuditor()
    /// The last run that was asked for.
    private var request: RunRequested?
    /// The server refused the token in this invocation.
    /// A check of the health that somebody asked the run for, and that was not sent yet.
    private var healthAsked: Position?
    private var wasStranger = false
    private var lastTime: LogTime?
    /// The identities on the server.
    private var serverIDs: [Int64] = []

    init(_ plan: SimulationPlan) {
        self.plan = plan
        attempts = AttemptAuditor(plan.retry)
        queue = QueueAuditor(plan)
    }

    /// Tells which identities are on the server while the next events are read.
    mutating func serverHolds(_ ids: [Int64]) { serverIDs = ids }

    mutating func take(_ logged: LoggedEvent, _ violations: inout Violations) {
        let at = logged.position.rawValue
        violations.expect(
            logged.position == position.next, 4, "position \(at) follows \(position.rawValue)")
        guard control.canFold(logged) else {
            violations.note(4, "the event at \(at) does not fit")
            return
        }
        position = logged.position
        coverage.count(logged.event.type)
        limits.take(logged, control, &coverage, &violations)
        let markBefore = control.streams.first?.highWaterMark
        apply(logged, to: &control)
        rows.take(logged, control, &violations)
        causes.take(logged, &violations)
        checkTime(logged, &violations)
        checkMark(logged.event, from: markBefore, at, &violations)
        account(logged, at, &violations)
        queue.take(logged, &violations)
        attempts.take(
            logged, isStopping: control.invocation.map { $0.stopping != nil } ?? true, &violations)
    }

    private mutating func checkTime(_ logged: LoggedEvent, _ violations: inout Violations) {
        if case .clockAnchored = logged.event { lastTime = nil }
        if let lastTime {
            violations.expect(
                logged.time >= lastTime, 4, "the time goes back at \(logged.position.rawValue)")
        }
        lastTime = logged.time
    }

    /// The mark moves where a pass is completed, to the highest identity on the server.
    private func checkMark(
        _ event: Event, from old: RecordID?, _ at: UInt64, _ violations: inout Violations
    ) {
        let stream = control.streams.first
        let mark = stream?.highWaterMark
        guard case .passCompleted(let completed) = event, completed.drift == nil else {
            violations.expect(
                mark == old, 7, "the high-water mark moves at \(at), where no pass is completed")
            return
        }
        let isOrdered = stream?.idOrder.map { $0 != .none } ?? false
        let highest = isOrdered ? serverIDs.max() : nil
        violations.expect(
            mark.flatMap { plan.number(of: $0) } == highest, 7,
            "the high-water mark at \(at) is \(mark?.text ?? "none"), but the highest id is "
                + "\(highest.map { "\($0)" } ?? "none")")
    }

    private mutating func account(
        _ logged: LoggedEvent, _ at: UInt64, _ violations: inout Violations
    ) {
        switch logged.event {
        case .runRequested(let event):
            request = event
            counters = RunCounters()
            wasStranger = false
            healthAsked = nil
        case .healthRequested: healthAsked = logged.position
        case .runStopping: healthAsked = nil
        case .runResumed: coverage.count(.resumedRun)
        case .passOpened(let event): pass = Pass(opened: event)
        case .passAbandoned: abandoned(at, &violations)
        case .passCompleted(let event): completed(event, at, &violations)
        case .requestIntended(let event): intended(event, logged.position, &violations)
        case .pageFetched(let event): fetched(event, at, &violations)
        case .detailsFetched(let event): fetched(event, at, &violations)
        case .rateLimited(let event):
            if case .health? = close(event.intent, at, &violations) {
                coverage.count(.healthRefused)
            }
            counters.rateLimited += 1
            violations.expect(
                !plan.serverAdmitsAll, 3, "a 429 at \(at), though the server's limit is ours")
        case .requestFailed(let event):
            if case .health? = close(event.intent, at, &violations) {
                coverage.count(.healthFailed)
            }
            if event.answer.failure == .auth { wasStranger = true }
        case .healthChecked(let event):
            coverage.count(.healthAnswered)
            let target = close(event.intent, at, &violations)
            violations.expect(
                target == .health, 2, "the answer at \(at) is for no check of the health")
        case .requestAbandoned(let event):
            coverage.count(.abandonedRequest)
            close(event.intent, at, &violations)
        case .detailsRequeued(let event) where event.kind == .split: coverage.count(.splitBatch)
        case .recordParked(let event):
            coverage.count(event.error == .crash ? .parkedAsCrashing : .parked)
            counters.failed += 1
        case .runCompleted(let event):
            ended(event, at, &violations)
        default: break
        }
    }

    /// A pass is given up by whoever asks for a whole one, or for one of another configuration.
    private mutating func abandoned(_ at: UInt64, _ violations: inout Violations) {
        coverage.count(.abandonedPass)
        let isOther = pass?.opened.pinned != request?.policy.pinned
        if request?.mode != .full { coverage.count(.passGivenUp) }
        violations.expect(
            request?.mode == .full || isOther && request?.options.abandon == true, 7,
            "a pass is given up at \(at), though nobody asked for that")
        pass = nil
    }

    private mutating func completed(
        _ event: PassCompleted, _ at: UInt64, _ violations: inout Violations
    ) {
        violations.expect(
            event.drift == nil, 1, "drift at \(at), though nothing moved: \(event.drift ?? "")")
        var above: Int64 = 0
        if case .idAfter(let id)? = pass?.opened.filter { above = plan.number(of: id) ?? 0 }
        let expected = serverIDs.count { $0 > above }
        violations.expect(
            event.distinct == UInt64(expected), 1,
            "the pass that ends at \(at) saw \(event.distinct) records of \(expected)")
        pass = nil
    }

    private mutating func intended(
        _ event: RequestIntended, _ position: Position, _ violations: inout Violations
    ) {
        let at = position.rawValue
        let detail = request?.policy.detail
        let (most, batch) = (detail?.concurrency ?? 0, detail?.batch ?? 0)
        open[position] = event.target
        intents[position] = event.target
        violations.expect(
            healthAsked == nil || event.endpoint == .health, 8,
            "the request at \(at) goes before a check of the health that somebody waits for")
        violations.expect(
            open.count <= most, 2,
            "\(open.count) requests are in flight at \(at), more than \(most)")
        switch event.target {
        case .list(let cursor, let filter):
            counters.listRequests += 1
            violations.expect(open.count == 1, 2, "a list request beside another one at \(at)")
            violations.expect(
                cursor == pass?.next && filter == pass?.opened.filter, 7,
                "the list request at \(at) is not for the page after the last committed one")
            violations.expect(
                pass?.opened.pinned == request?.policy.pinned, 7,
                "the list request at \(at) goes on with a pass of another configuration")
            violations.expect(
                !(pass?.taken.contains(cursor) ?? true), 2,
                "the list request at \(at) asks for a page that was committed")
        case .detail(let asked):
            counters.detailRequests += 1
            violations.expect(
                asked.count >= 1 && asked.count <= batch, 2, "a batch of \(asked.count) at \(at)")
            for record in asked where synced.contains(record.ordinal) {
                violations.note(2, "the request at \(at) asks for \(record.id), which is synced")
            }
            let others = open.filter { $0.key != position }.values.flatMap(\.ordinals)
            for record in asked where others.contains(record.ordinal) {
                violations.note(2, "the request at \(at) asks for \(record.id), which is in flight")
            }
        case .health:
            counters.otherRequests += 1
            violations.expect(
                request?.mode == .health || healthAsked != nil, 2,
                "nobody asked for the check of the health at \(at)")
            healthAsked = nil
        }
    }

    /// An outcome came for a request: exactly one.
    @discardableResult
    private mutating func close(
        _ intent: Position, _ at: UInt64, _ violations: inout Violations
    ) -> RequestIntended.Target? {
        let target = open.removeValue(forKey: intent)
        violations.expect(
            target != nil, 2, "the outcome at \(at) is one too many for \(intent.rawValue)")
        return target
    }

    private mutating func fetched(
        _ event: PageFetched, _ at: UInt64, _ violations: inout Violations
    ) {
        let target = close(event.intent, at, &violations)
        counters.new += UInt64(event.entries.count { $0.isNew })
        counters.changed += UInt64(event.entries.count { !$0.isNew })
        counters.unchanged += event.unchangedCount
        counters.seen += UInt64(event.entries.count) + event.unchangedCount
        for entry in event.entries { synced.remove(entry.ordinal) }
        coverage.count(.changedRecord, event.entries.count { !$0.isNew })
        guard !event.partlyTaken, case .list(let cursor, _)? = target else { return }
        violations.expect(
            !(pass?.taken.contains(cursor) ?? true), 2, "the page at \(at) was committed before")
        pass?.taken.append(cursor)
        pass?.next = event.next
    }

    private mutating func fetched(
        _ event: DetailsFetched, _ at: UInt64, _ violations: inout Violations
    ) {
        let asked = close(event.intent, at, &violations)?.ordinals ?? []
        for result in event.results {
            violations.expect(
                asked.contains(result.ordinal), 2, "details at \(at) that nobody asked for")
            guard result.outcome.isFound else { continue }
            counters.detailed += 1
            violations.expect(
                synced.insert(result.ordinal).inserted, 2,
                "the details of \(result.id) have a second effect at \(at)")
        }
    }

    private mutating func ended(
        _ event: RunCompleted, _ at: UInt64, _ violations: inout Violations
    ) {
        violations.expect(open.isEmpty, 2, "the run ends at \(at) with requests in flight")
        violations.expect(
            event.counters == counters, 5,
            "the counters of the run that ends at \(at) are \(event.counters), not \(counters)")
        violations.expect(
            event.floorNs <= event.durationNs, 3,
            "the run that ends at \(at) took \(event.durationNs) ns, less than its floor "
                + "\(event.floorNs)")
        switch event.reason {
        case .max: coverage.count(.pausedByMax)
        case .maxDuration: coverage.count(.pausedByDuration)
        case .budget, .patience: coverage.count(.pausedByPatience)
        case .unavailable, .unusable: coverage.count(.failedRun)
        case .diskFull where plan.diskFills > 0: coverage.count(.diskFilled)
        case .auth where wasStranger: coverage.count(.stoppedAsStranger)
        case .parked, .nothingToResume, .sigint, .sigterm, nil: break
        case .drift, .auth, .stalled, .idOrder, .diskFull:
            violations.note(0, "the run ends at \(at): \(event.text)")
        }
    }
}

extension RequestIntended.Target {
    fileprivate var ordinals: [Ordinal] {
        if case .detail(let asked) = self { asked.map(\.ordinal) } else { [] }
    }
}
