internal import SyncCore

/// Judges how long the engine waits before it asks again, in every plan (invariant 10): a wait must
/// follow from what the server asked for, from the configured backoffs, or from a full window, by
/// what it is known to admit; and while one of the first two stands, nothing is asked for.
///
/// It keeps its own account, in true time, of slots, refusals and failures; of the log it believes
/// what happened, and of what was decided only how long it holds. Bounds are those of a machine
/// whose clocks tell the worst that they can.
struct WaitAuditor {
    private let plan: SimulationPlan
    private var clocks: MachineClocks
    private var cooldowns: CooldownAuditor
    private var failures: FailureAuditor
    private var lessons: LessonAuditor
    /// When the slots of past requests began to run out, ascending: as many as a window counts.
    private var slots: [Moment] = []
    private var inFlight: Set<Position> = []
    /// When records that failed may be asked for again.
    private var dues: [Ordinal: Moment] = [:]
    private var lastNs = Int64.min
    private let mostSlots: Int
    /// Those of the run that was asked for last.
    private var windows: [RateWindow]

    init(_ plan: SimulationPlan) {
        self.plan = plan
        clocks = MachineClocks(plan)
        cooldowns = CooldownAuditor(plan.limits)
        failures = FailureAuditor(plan.retry)
        lessons = LessonAuditor(plan)
        windows = plan.limits.windows
        mostSlots = plan.limits.windows.map(\.requests).max() ?? 0
    }

    /// - Parameter nowNs: the true time of the event.
    mutating func take(_ logged: LoggedEvent, nowNs: Int64, _ violations: inout Violations) {
        defer { lastNs = nowNs }
        cooldowns.take(logged, clocks, nowNs: nowNs, &violations)
        failures.take(logged, clocks, nowNs: nowNs, &violations)
        lessons.take(logged, clocks, nowNs: nowNs, &violations)
        switch logged.event {
        case .clockAnchored(let event): anchored(event, nowNs)
        case .runRequested(let event): windows = event.policy.limits.windows
        case .requestIntended(let event):
            inFlight.insert(logged.position)
            checkDues(event, logged.position, nowNs, &violations)
        case .pageFetched(let event):
            for entry in event.entries { dues[entry.ordinal] = nil }
            release(event.intent, nowNs)
        case .detailsFetched(let event):
            for result in event.results where result.outcome.isFound { dues[result.ordinal] = nil }
            release(event.intent, nowNs)
        case .healthChecked(let event): release(event.intent, nowNs)
        case .requestAbandoned(let event): release(event.intent, nowNs, mayStillArrive: true)
        case .rateLimited(let event): release(event.intent, nowNs)
        case .requestFailed(let event):
            release(event.intent, nowNs, mayStillArrive: event.answer.arrivalUnknown)
        case .detailsRequeued(let event):
            // Without one of its own, a record keeps the due time that it has.
            guard event.due != .zero else { break }
            let due = Moment(nowNs.saturatingAdd(clocks.trueNs(event.due.since(logged.time))))
            for record in event.parts.joined() { dues[record.ordinal] = due }
        case .recordParked(let event): dues[event.record.ordinal] = nil
        case .queueRetried(let event): for record in event.records { dues[record.ordinal] = nil }
        case .queueDropped(let event): for record in event.records { dues[record.ordinal] = nil }
        default: break
        }
    }

    /// The true time in which the boot clock counts so much.
    func trueNs(_ bootNs: Int64) -> Int64 { clocks.trueNs(bootNs) }

    /// A request is to be sent at `timeNs`, and not before.
    ///
    /// - Parameter onlyRetries: whether only records that failed before are left.
    func check(
        waitUntil timeNs: Int64, nowNs: Int64, onlyRetries: Bool, _ violations: inout Violations
    ) {
        var bound = max(
            nowNs, slotNs(nowNs), cooldowns.wait.until.latest, failures.wait.until.latest)
        if onlyRetries, let due = dues.values.map(\.latest).min() {
            bound = max(bound, min(due, nowNs.saturatingAdd(longestRetryNs)))
        }
        violations.expect(
            timeNs <= bound.saturatingAdd(StandingWait.timerNs), 10,
            "it waits for \(timeNs - nowNs) ns, but may ask in \(bound - nowNs) ns")
    }

    /// When every window has a free slot, at the latest.
    private func slotNs(_ nowNs: Int64) -> Int64 {
        windows.map { slotNs($0, nowNs) }.max() ?? nowNs
    }

    private func slotNs(_ window: RateWindow, _ nowNs: Int64) -> Int64 {
        let configured = slotNs(window, admitting: window.requests, slots, nowNs)
        guard let known = lessons.learned.inForce(window, nowNs) else { return configured }
        // A learned limit is one of admitted requests.
        let admitted = lessons.admitted
        // What lies above the admitted number is tried by a request that is alone on the wire.
        guard inFlight.isEmpty else {
            return max(configured, slotNs(window, admitting: known.requests, admitted, nowNs))
        }
        let waits = (known.least(nowNs)...known.end(window)).map { requests in
            max(known.riseNs(to: requests), slotNs(window, admitting: requests, admitted, nowNs))
        }
        return max(configured, waits.min() ?? nowNs)
    }

    /// When a window that admits so many has a free slot.
    ///
    /// - Parameter slots: those that it counts.
    private func slotNs(
        _ window: RateWindow, admitting requests: Int, _ slots: [Moment], _ nowNs: Int64
    ) -> Int64 {
        let free = requests - inFlight.count
        guard free > 0, slots.count >= free else { return nowNs }
        // The period, a part in ten thousand and a millisecond for clocks that differ.
        let hold = clocks.boundsNs(window.periodNs + window.periodNs / 10_000 + .nsPerMs)
        return max(nowNs, slots[slots.count - free].latest.saturatingAdd(hold.upperBound))
    }

    /// No record that failed is asked for before its time.
    private func checkDues(
        _ event: RequestIntended, _ at: Position, _ nowNs: Int64, _ violations: inout Violations
    ) {
        guard case .detail(let asked) = event.target else { return }
        for record in asked {
            guard let due = dues[record.ordinal] else { continue }
            let early = due.earliest.saturatingAdd(-nowNs)
            violations.expect(
                early <= StandingWait.roundingNs, 10,
                "record \(record.id) is asked for at \(at.rawValue) \(early) ns before it is due")
        }
    }

    private mutating func release(
        _ intent: Position, _ nowNs: Int64, mayStillArrive: Bool = false
    ) {
        guard inFlight.remove(intent) != nil else { return }
        let time = nowNs + (mayStillArrive ? plan.limits.deliveryBoundMs * .nsPerMs : 0)
        let index = slots.lastIndex { $0.latest <= time }.map { $0 + 1 } ?? 0
        slots.insert(Moment(time), at: index)
        if slots.count > mostSlots { slots.removeFirst() }
    }

    private mutating func anchored(_ event: ClockAnchored, _ nowNs: Int64) {
        let slack = MachineClocks.slackNs
        for ordinal in dues.keys {
            // They are by the wall clock, which may be apart from the log's by so much. When one
            // that was set lets them come, nobody knows.
            dues[ordinal] =
                clocks.isWallTrue
                ? dues[ordinal].map { due in
                    Moment(
                        earliest: due.earliest.saturatingAdd(-slack),
                        latest: due.latest.saturatingAdd(slack))
                } : Moment(earliest: .min, latest: .max)
        }
        guard let reboot = clocks.anchored(event, nowNs: nowNs, lastNs: lastNs) else { return }
        cooldowns.take(reboot)
        failures.take(reboot)
        lessons.take(reboot)
        slots = slots.map(reboot.past)
    }

    /// No record that failed waits for longer.
    private var longestRetryNs: Int64 {
        (plan.retry.maxMs + plan.retry.maxMs / 10 + 1_000) * .nsPerMs
    }
}
