internal import SyncCore

/// Judges how long the engine waits before it asks again, in every plan (invariant 10): a wait must
/// follow from what the server asked for, from the configured backoffs, or from a full window.
///
/// It keeps its own account, in true time, of slots, refusals and failures; of the log it believes
/// what happened, and nothing of what was decided. Bounds are those of a machine whose clocks tell
/// the worst that they can.
struct WaitAuditor {
    private let plan: SimulationPlan
    /// When the slots of past requests began to run out, ascending: as many as a window counts.
    private var slots: [Int64] = []
    private var inFlight: Set<Position> = []
    /// No request before these, at the latest.
    private var cooldownNs = Int64.min
    private var backoffNs = Int64.min
    /// No request before this by the server's own words.
    private var askedNs = Int64.min
    /// When records that failed may be asked for again.
    private var dues: [Ordinal: Int64] = [:]
    /// A window may admit less than is configured.
    private var isLearned = false
    /// Refusals in a row, and the last one; those that were on the wire together are one.
    private var refusals = 0
    private var refusedNs: Int64?
    private var cooledAt = Position.none
    /// Failed requests since an answer that could be used.
    private var failures = 0
    /// The longest cooldown that the last refusal or failure may have, in milliseconds.
    private var most: Int64 = 0
    private var asked: Int64 = 0
    private var bootID: String?
    private var lastNs = Int64.min
    private let mostSlots: Int
    /// Those of the run that was asked for last.
    private var windows: [RateWindow]

    /// Timers are not exact, and sums of what a clock that drifts counts are not either.
    private static let timerNs = 50 * Int64.nsPerMs
    /// What the clocks of a machine may be apart by without a word, twice: before and after a boot.
    private static let slackNs = 2 * ClockAnchored.slackNs

    init(_ plan: SimulationPlan) {
        self.plan = plan
        windows = plan.limits.windows
        mostSlots = plan.limits.windows.map(\.requests).max() ?? 0
    }

    /// - Parameter nowNs: the true time of the event.
    mutating func take(_ logged: LoggedEvent, nowNs: Int64, _ violations: inout Violations) {
        defer { lastNs = nowNs }
        switch logged.event {
        case .clockAnchored(let event): anchored(event, nowNs)
        case .runRequested(let event):
            windows = event.policy.limits.windows
            (failures, backoffNs) = (0, .min)
        case .requestIntended:
            inFlight.insert(logged.position)
            violations.expect(
                nowNs >= askedNs, 10,
                "the request at \(logged.position.rawValue) comes \(askedNs - nowNs) ns before the "
                    + "server lets it")
        case .pageFetched(let event):
            for entry in event.entries { dues[entry.ordinal] = nil }
            answered(event.intent, nowNs)
        case .detailsFetched(let event):
            for result in event.results where result.outcome.isFound { dues[result.ordinal] = nil }
            answered(event.intent, nowNs)
        case .healthChecked(let event): answered(event.intent, nowNs)
        case .requestAbandoned(let event): release(event.intent, nowNs, mayStillArrive: true)
        case .rateLimited(let event): refused(event, nowNs)
        case .requestFailed(let event):
            release(event.intent, nowNs, mayStillArrive: event.answer.arrivalUnknown)
            failures += 1
            asks(event.answer.waitMs, own: 0, nowNs)
        case .backoffApplied(let event): backedOff(event, logged, nowNs, &violations)
        case .limitLearned(let event):
            if event.kind != .suspected { isLearned = true }
        case .limitsForgotten(let event):
            isLearned = false
            if event.endsWait { (askedNs, cooldownNs) = (.min, .min) }
        case .detailsRequeued(let event):
            let wait = event.due == .zero ? 0 : event.due.since(logged.time)
            let due = nowNs.saturatingAdd(trueNs(wait))
            for record in event.parts.joined() { dues[record.ordinal] = due }
        case .recordParked(let event): dues[event.record.ordinal] = nil
        case .queueRetried(let event): for record in event.records { dues[record.ordinal] = nil }
        case .queueDropped(let event): for record in event.records { dues[record.ordinal] = nil }
        default: break
        }
    }

    /// A request is to be sent at `timeNs`, and not before.
    ///
    /// - Parameter onlyRetries: whether only records that failed before are left.
    func check(
        waitUntil timeNs: Int64, nowNs: Int64, onlyRetries: Bool, _ violations: inout Violations
    ) {
        var bound = max(nowNs, slotNs(nowNs), cooldownNs, backoffNs)
        if onlyRetries, let due = dues.values.min() {
            bound = max(bound, min(due, nowNs.saturatingAdd(longestRetryNs)))
        }
        violations.expect(
            timeNs <= bound.saturatingAdd(Self.timerNs), 10,
            "it waits for \(timeNs - nowNs) ns, but may ask in \(bound - nowNs) ns")
    }

    /// When every window has a free slot, at the latest.
    private func slotNs(_ nowNs: Int64) -> Int64 {
        var latest = nowNs
        for window in windows {
            let free = isLearned ? 1 : window.requests - inFlight.count
            guard free > 0, slots.count >= free else { continue }
            // The period, a part in ten thousand and a millisecond for clocks that differ.
            let hold = trueNs(window.periodNs + window.periodNs / 10_000 + .nsPerMs)
            latest = max(latest, slots[slots.count - free].saturatingAdd(hold))
        }
        return latest
    }

    // MARK: Requests

    private mutating func answered(_ intent: Position, _ nowNs: Int64) {
        release(intent, nowNs)
        (failures, backoffNs) = (0, .min)
    }

    private mutating func release(
        _ intent: Position, _ nowNs: Int64, mayStillArrive: Bool = false
    ) {
        guard inFlight.remove(intent) != nil else { return }
        let time = nowNs + (mayStillArrive ? plan.limits.deliveryBoundMs * .nsPerMs : 0)
        let index = slots.lastIndex { $0 <= time }.map { $0 + 1 } ?? 0
        slots.insert(time, at: index)
        if slots.count > mostSlots { slots.removeFirst() }
    }

    // MARK: Refusals and failures

    private mutating func refused(_ event: RateLimited, _ nowNs: Int64) {
        release(event.intent, nowNs)
        let limits = plan.limits
        let longest = limits.windows.map(\.periodNs).max() ?? 3_600 * .nsPerSecond
        if let refusedNs, nowNs - refusedNs <= longest {
            if event.intent > cooledAt { refusals += 1 }
        } else {
            refusals = 1
        }
        refusedNs = nowNs
        let own = Self.exponential(
            limits.cooldownMs, limits.backoffMultiplier, refusals, cap: longest / .nsPerMs)
        asks(event.waitMs, own: own, nowNs)
    }

    private mutating func asks(_ waitMs: Int64?, own: Int64, _ nowNs: Int64) {
        asked = waitMs ?? 0
        // A tenth of our own wait, and a second of the server's, are drawn.
        most = max(own + own / 10, asked.saturatingAdd(asked > 0 ? 1_000 : 0))
        askedNs = max(
            askedNs, nowNs.saturatingAdd(trueNs(asked.saturatingMultiply(.nsPerMs))))
    }

    private mutating func backedOff(
        _ event: BackoffApplied, _ logged: LoggedEvent, _ nowNs: Int64,
        _ violations: inout Violations
    ) {
        let at = logged.position.rawValue
        let until = nowNs.saturatingAdd(trueNs(event.until.since(logged.time)))
        let end = nowNs.saturatingAdd(trueNs(event.waitMs.saturatingMultiply(.nsPerMs)))
        let standing = event.kind == .cooldown ? cooldownNs : backoffNs
        violations.expect(
            until <= max(end, standing).saturatingAdd(Self.timerNs), 10,
            "the backoff at \(at) holds for \(until - nowNs) ns, but waits for \(event.waitMs) ms")
        switch event.kind {
        case .cooldown:
            violations.expect(
                (asked...max(most, asked)).contains(event.waitMs), 10,
                "the cooldown at \(at) is \(event.waitMs) ms: the server asks for \(asked), and "
                    + "\(most) are the most after \(refusals) refusals in a row")
            cooldownNs = max(until, cooldownNs)
            cooledAt = logged.position
        case .failure:
            let retry = plan.retry
            let step = Int(event.step)
            let least = Self.exponential(retry.baseMs, retry.multiplier, step, cap: retry.maxMs)
            violations.expect(
                step <= max(failures, 1) && (least...least + least / 10).contains(event.waitMs), 10,
                "the backoff at \(at) is \(event.waitMs) ms in step \(step), not \(least), after "
                    + "\(failures) failures")
            backoffNs = max(until, backoffNs)
        }
    }

    /// The wait after so many times in a row.
    static func exponential(
        _ base: Int64, _ multiplier: Double, _ times: Int, cap: Int64
    ) -> Int64 {
        var wait = Double(base)
        for _ in 1..<max(times, 1) where wait < Double(cap) { wait *= multiplier }
        return wait < Double(cap) ? Int64(wait) : cap
    }

    // MARK: Clocks

    private mutating func anchored(_ event: ClockAnchored, _ nowNs: Int64) {
        // When a wall clock that was set lets them come, nobody knows.
        if !isWallTrue { for ordinal in dues.keys { dues[ordinal] = .max } }
        defer { bootID = event.bootID }
        guard let bootID, bootID != event.bootID else { return }
        // What is known for certain is how long the machine has been up.
        let bootNs = nowNs - event.bootNs
        let (last, isWallTrue) = (lastNs, isWallTrue)
        let convert = { (time: Int64) -> Int64 in
            let late = bootNs.saturatingAdd(max(time.saturatingAdd(-last), 0))
            return isWallTrue ? min(late, time.saturatingAdd(Self.slackNs)) : late
        }
        slots = slots.map(convert)
        for (ordinal, due) in dues { dues[ordinal] = due.saturatingAdd(Self.slackNs) }
        refusedNs = refusedNs.map(convert)
        if cooldownNs > last {
            let late = nowNs.saturatingAdd(cooldownNs - last)
            let slack = Self.slackNs + driftNs(cooldownNs - last)
            cooldownNs = isWallTrue ? min(late, cooldownNs.saturatingAdd(slack)) : late
        }
        // A wall clock that was set may say that the server's wait is over.
        let early = askedNs > last ? driftNs(askedNs - last) : 0
        askedNs = isWallTrue ? askedNs.saturatingAdd(-Self.slackNs - early) : .min
    }

    /// The true time in which the boot clock counts so much.
    func trueNs(_ bootNs: Int64) -> Int64 {
        bootNs.saturatingAdd(bootNs / 1_000_000 * -plan.bootDriftPPM)
    }

    /// How far the end of a wait by the boot clock is from that by the wall clock, which counts
    /// after a reboot.
    private func driftNs(_ waitNs: Int64) -> Int64 { abs(trueNs(waitNs) - waitNs) }

    /// No record that failed waits for longer.
    private var longestRetryNs: Int64 {
        (plan.retry.maxMs + plan.retry.maxMs / 10 + 1_000) * .nsPerMs
    }

    /// Whether nobody sets the wall clock.
    private var isWallTrue: Bool { plan.wallStepNs == 0 && !plan.losesTime }
}
