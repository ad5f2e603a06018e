internal import SyncCore

/// Judges how each invocation ended: what it says of itself must follow from what the log holds,
/// and from what the machine and the server saw.
struct OutcomeChecker {
    private let plan: SimulationPlan
    /// What each run has given up, over all its invocations, and what it has to tell of the one
    /// before it.
    private var parked: [Position: Set<Ordinal>] = [:]
    /// The run that ended otherwise than completed or partial, so that nobody was told.
    private var unfinished: Position?
    /// The last one that only fetched details while that one's pass was open.
    private var beside: Position?
    /// Runs that have walked the list to its end.
    private var listed: Set<Position> = []

    init(_ plan: SimulationPlan) { self.plan = plan }

    /// - Parameters:
    ///   - records: how many the server has.
    ///   - phase: the last position before the server's data changed.
    mutating func check(
        _ invocation: Invocation, records: Int, since phase: Position,
        _ violations: inout Violations
    ) {
        for event in invocation.events {
            switch event.event {
            // A check of the health is no run that could tell, or be gone on with.
            case .runStarted where invocation.mode != .health:
                guard let earlier = unfinished, !isBeside(invocation, event.run) else { break }
                parked[event.run, default: []].formUnion(parked[earlier] ?? [])
                unfinished = nil
            case .recordParked(let parking): take(parking, of: event.run)
            case .passCompleted: listed.insert(event.run)
            default: break
            }
        }
        defer { if invocation.mode != .health { end(invocation) } }
        guard case .finished(let completed) = invocation.end else { return }
        let judge = Judge(invocation, completed, plan)
        judge.checkForm()
        judge.checkCounts()
        if invocation.mode == .health {
            HealthJudge(invocation, completed).check(&violations)
        } else {
            judge.checkReason(parked: parked[judge.run]?.count ?? 0)
        }
        if completed.reason == nil, invocation.mode != .health {
            judge.checkCompleted(isListed: listed.contains(judge.run), records, since: phase)
        }
        for text in judge.found { violations.note(0, text) }
    }

    /// Takes note of what a command did that is no run: it may find what a process that is gone
    /// leaves behind.
    mutating func take(beside events: some Sequence<LoggedEvent>) {
        for event in events {
            if case .recordParked(let parking) = event.event { take(parking, of: event.run) }
        }
    }

    private mutating func take(_ parking: RecordParked, of run: Position) {
        parked[run, default: []].insert(parking.record.ordinal)
        // Found by the engine after the one that it crashed.
        if run == beside, let unfinished {
            parked[unfinished, default: []].insert(parking.record.ordinal)
        }
    }

    /// Whether a run only fetches details while another one's pass is open, which tells its own.
    private func isBeside(_ invocation: Invocation, _ run: Position) -> Bool {
        guard invocation.mode == .detailsOnly, let pass = invocation.before.streams.first?.pass
        else { return false }
        return pass.run == unfinished && run != unfinished
    }

    private mutating func end(_ invocation: Invocation) {
        guard let last = invocation.events.last(where: { $0.run != .none }) else { return }
        var run = last.run
        if case .runResumed(let event) = last.event { run = event.run }
        // A process may die after it has logged how it ended.
        let isTold = invocation.events.contains {
            guard case .runCompleted(let event) = $0.event else { return false }
            return event.outcome == .completed || event.outcome == .partial
        }
        guard isBeside(invocation, run) else {
            unfinished = isTold ? nil : run
            return
        }
        beside = run
        if let unfinished, !isTold { parked[unfinished, default: []].formUnion(parked[run] ?? []) }
    }
}

/// One invocation that has said how it ended.
private final class Judge {
    let invocation: Invocation
    let completed: RunCompleted
    let plan: SimulationPlan
    let run: Position
    private(set) var found: [String] = []

    init(_ invocation: Invocation, _ completed: RunCompleted, _ plan: SimulationPlan) {
        self.invocation = invocation
        self.completed = completed
        self.plan = plan
        run = invocation.events.last?.run ?? .none
    }

    private var stream: StreamState? { invocation.after.streams.first }
    private var waiting: UInt64 { stream?.counts.waiting ?? 0 }
    private var at: String {
        "the run that ends at \(invocation.after.position.rawValue) as "
            + "\(completed.outcome.name) (\(completed.reason?.name ?? "no reason"))"
    }

    private var stopping: [LoggedEvent] {
        invocation.events.filter { if case .runStopping = $0.event { true } else { false } }
    }

    private var mode: RunMode {
        var mode = invocation.mode
        for event in invocation.events {
            switch event.event {
            case .runStarted(let started): mode = started.mode
            case .runResumed(let resumed): mode = resumed.mode
            default: break
            }
        }
        return mode
    }

    private func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds { found.append("\(at): \(text())") }
    }

    /// The documented outcome and exit code of each reason, written down once more.
    private static func documented(_ reason: StopReason?) -> (RunOutcome, Int32) {
        switch reason {
        case nil, .nothingToResume: (.completed, 0)
        case .max: (.paused, 0)
        case .budget, .maxDuration: (.paused, 5)
        case .patience: (.paused, 6)
        case .parked, .drift: (.partial, 3)
        case .sigint: (.interrupted, 130)
        case .sigterm: (.interrupted, 143)
        case .auth: (.failed, 4)
        case .unavailable: (.failed, 6)
        case .idOrder: (.failed, 2)
        case .unusable, .stalled, .diskFull: (.failed, 1)
        }
    }

    func checkForm() {
        let (outcome, exitCode) = Self.documented(completed.reason)
        expect(completed.outcome == outcome, "the outcome of this reason is \(outcome.name)")
        expect(completed.exitCode == exitCode, "it exits with \(completed.exitCode)")
        if case .runCompleted(completed)? = invocation.events.last?.event {
        } else {
            expect(false, "its last event says otherwise")
        }
        expect(
            invocation.after.invocation == nil && invocation.after.inFlight.isEmpty,
            "it leaves an invocation or requests behind")
        // The first reason to stop stands.
        expect(stopping.count <= 1, "it was stopped \(stopping.count) times")
        if case .runStopping(let first)? = stopping.first?.event {
            expect(
                first.reason == completed.reason && first.text == completed.text
                    && first.resumeAt == completed.resumeAt,
                "it was stopped for another reason: \(first.reason.name)")
        } else {
            switch completed.reason {
            case nil, .nothingToResume, .max, .parked, .drift: break
            default: expect(false, "nothing stopped it")
            }
        }
    }

    func checkCounts() {
        let counters = completed.counters
        expect(
            counters.requests == UInt64(invocation.sent),
            "it counts \(counters.requests) requests, but \(invocation.sent) were sent")
        expect(
            counters.rateLimited == UInt64(invocation.refusals),
            "it counts \(counters.rateLimited) refusals, but \(invocation.refusals) came")
        let elapsed = invocation.endBootNs - invocation.startBootNs
        expect(
            completed.durationNs == elapsed,
            "it says it took \(completed.durationNs) ns, but the clock says \(elapsed)")
        if let most = invocation.options.maxRecords {
            expect(counters.seen <= most, "it took \(counters.seen) records, --max is \(most)")
            expect(
                counters.detailed + counters.failed <= most,
                "it did \(counters.detailed + counters.failed) details, --max is \(most)")
        }
    }

    /// - Parameter parked: what the run gave up, and what it has to tell of others.
    func checkReason(parked: Int) {
        let isCancelled = invocation.events.contains {
            if case .cancelRequested = $0.event { true } else { false }
        }
        expect(!isCancelled || !stopping.isEmpty, "it was told to stop")
        switch completed.reason {
        case nil: expect(parked == 0 || stream?.counts.parked == 0, "it gave \(parked) records up")
        case .nothingToResume: checkNothing()
        case .max: checkMax()
        case .maxDuration: checkDuration()
        case .budget, .patience: checkPatience()
        case .parked:
            expect(parked > 0 && stream?.counts.parked ?? 0 > 0, "it gave nothing up")
        case .sigint, .sigterm:
            expect(
                isCancelled && completed.reason.map(invocation.signals.contains) ?? false,
                "it had no such signal")
        case .diskFull:
            expect(allowedWhenStopped == 0, "there was enough room")
        case .unavailable:
            checkFailure([.network, .unavailable, .timeout, .server])
        case .unusable:
            checkFailure([.client, .notFound, .unusable, .tooLarge, .redirect])
        case .auth: checkFailure([.auth])
        case .idOrder: checkFailure([.idOrder])
        case .drift, .stalled: break
        }
        if completed.reason != .budget, completed.reason != .patience {
            expect(completed.resumeAt == nil, "it says when to go on, but waits for nothing")
        }
    }

    /// How many requests the storage allowed when the run was stopped.
    private var allowedWhenStopped: UInt16? {
        let end = stopping.first?.position ?? .none
        var allowed = invocation.before.inFlightAllowed
        for event in invocation.events where event.position < end {
            if case .storageMeasured(let measured) = event.event {
                allowed = measured.inFlightAllowed
            }
        }
        return allowed
    }

    private func checkNothing() {
        let before = invocation.before.streams.first
        expect(invocation.mode == .resume, "it wasn't asked to resume")
        expect(
            before?.pass == nil && before?.counts.waiting ?? 0 == 0,
            "there was something to resume")
        expect(invocation.sent == 0, "it sent \(invocation.sent) requests")
    }

    private func checkMax() {
        guard let most = invocation.options.maxRecords else {
            return expect(false, "it had no --max")
        }
        let counters = completed.counters
        let isListLeft = stream?.pass != nil && mode != .detailsOnly
        expect(
            isListLeft && counters.seen == most || counters.detailed + counters.failed == most,
            "--max \(most) is not reached: \(counters.seen) records, "
                + "\(counters.detailed + counters.failed) details")
        expect(isListLeft || waiting > 0, "nothing is left to do")
    }

    /// It stops when it would send next, or hears of something, once its time is over.
    private func checkDuration() {
        let start = invocation.events.first {
            if case .runRequested = $0.event { true } else { false }
        }
        guard let mostMs = invocation.options.maxDurationMs, let time = stopping.first?.time,
            let start
        else { return expect(false, "it had no --max-duration") }
        let elapsed = time.since(start.time)
        // Times of two anchors are no measure, and a machine that sleeps stops nothing.
        guard plan.wallStepNs == 0, plan.suspends == 0, !plan.losesTime else { return }
        expect(elapsed >= mostMs * .nsPerMs, "it stopped after \(elapsed) ns")
        let late = plan.timeoutNs + 100 * .nsPerMs
        expect(elapsed <= mostMs * .nsPerMs + late, "it stopped only after \(elapsed) ns")
    }

    /// A wait, or waits while the API refused everything, that is longer than its patience; and
    /// the wait follows from a cooldown, a backoff or the windows.
    private func checkPatience() {
        guard let stop = stopping.first, let resumeAt = completed.resumeAt else {
            return expect(false, "it doesn't say when to go on")
        }
        let wait = resumeAt.since(stop.time)
        let patience = invocation.options.patienceMs.saturatingMultiply(.nsPerMs)
        let isOneWait = wait > patience
        // By the clock that nobody sets.
        let elapsed = invocation.endBootNs - invocation.startBootNs
        expect(isOneWait || wait.saturatingAdd(elapsed) > patience, "it waits only \(wait) ns")
        let asked = [invocation.after.limiter.cooldownUntilNs].compactMap { $0 }
            .compactMap { clock(at: stop)?.time(atBootNs: $0) }
        let backoffs = invocation.events.compactMap { event -> LogTime? in
            if case .backoffApplied(let backoff) = event.event { backoff.until } else { nil }
        }
        let isAsked = asked.contains(resumeAt) || backoffs.contains(resumeAt)
        let isDue = completed.reason == .patience && isOneWait && !isAsked
        if completed.reason == .budget {
            expect(isOneWait, "its windows alone don't make it wait so long")
            expect(!isAsked, "the server asked for this wait")
            checkWindows(stop, resumeAt)
        } else if isDue {
            // What is left is a record that is to be asked again at a time of its own.
            expect(waiting > 0, "nothing asks it to wait")
        }
    }

    /// The anchor of an event's time; that of the end is another one where the wall clock was set.
    private func clock(at event: LoggedEvent) -> ClockAnchored? {
        invocation.events.reduce(invocation.before.clock) { clock, next in
            guard next.position < event.position, case .clockAnchored(let anchor) = next.event
            else { return clock }
            return anchor
        }
    }

    /// Some window was full, and may stay so until then.
    private func checkWindows(_ stop: LoggedEvent, _ resumeAt: LogTime) {
        let limiter = invocation.after.limiter.slots
        guard let now = clock(at: stop)?.bootNs(at: stop.time) else {
            return expect(false, "it sends without an anchor of its clocks")
        }
        // What a learned limit admits changes as it goes.
        let isLearned = [invocation.before, invocation.after].contains {
            !$0.limiter.learned.isEmpty
        }
        guard !isLearned else { return }
        let isFull = invocation.policy.limits.windows.contains { window in
            let longest = window.holdNs + plan.limits.deliveryBoundMs * .nsPerMs + plan.timeoutNs
            return limiter.count(in: window, now: now) >= window.requests
                && resumeAt.since(stop.time) <= longest
        }
        expect(isFull, "no window is full until \(resumeAt.rawValue)")
    }

    /// The last failure gives the reason; whether there were enough of them in a row, the
    /// `FailureAuditor` says.
    private func checkFailure(_ classes: Set<FailureClass>) {
        let end = stopping.first?.position ?? .none
        let failures = invocation.events.compactMap { event -> FailureClass? in
            guard event.position < end, case .requestFailed(let failed) = event.event else {
                return nil
            }
            return failed.answer.failure
        }
        expect(failures.last.map(classes.contains) ?? false, "nothing failed in such a way")
    }

    /// Nothing is left to do, and nothing is missing.
    func checkCompleted(isListed: Bool, _ records: Int, since phase: Position) {
        let lists = mode == .incremental || mode == .full
        if lists {
            expect(stream?.pass == nil, "its pass is open")
            expect(isListed, "it has walked no list to its end")
        }
        if !invocation.options.noDetails {
            expect(waiting == 0, "\(waiting) records wait for their details")
        }
        let opened = invocation.events.last {
            if case .passOpened = $0.event { true } else { false }
        }
        if let opened, opened.position > phase {
            expect(
                stream?.counts.total == UInt64(records),
                "it knows \(stream?.counts.total ?? 0) of \(records) records")
        }
    }
}
