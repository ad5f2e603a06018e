internal import SyncCore

/// Judges what the engine learns from refusals: which window refused, and what it admits.
///
/// The window is the one that was fullest, by the share of what it is known to admit, of those that
/// can explain the wait that the server names; requests on the wire count as admitted for this. It
/// admits what it admitted in its last period, and no more than was known before. One refusal is
/// believed in the shortest window, of five minutes at most, if it admitted half of what was
/// believed, in any if the wait may be its own, and less than a whole period or half admitted, and
/// in a known one if it says the same; two are if they say nearly the same, or if nothing was
/// admitted between them. Answers to requests that were on the wire with the refused one raise it
/// by one each.
struct LessonAuditor {
    /// A refusal of the step that is under way, and what was known before it.
    private struct Refusal {
        let sentNs: Int64
        let waitNs: Int64
        /// Further requests on the wire.
        let others: Int
        /// A request was admitted since the last refusal.
        let admittedSince: Bool
    }

    /// Those of the run that was asked for last.
    private var windows: [RateWindow]
    /// More than any answer takes.
    private let latencyNs: Int64
    private let deliveryBoundNs: Int64
    private(set) var learned = LearnedLimits()
    /// When the requests began to run out that were not refused, ascending.
    private(set) var admitted: [Moment] = []
    private var sent: [Position: Int64] = [:]
    private var cooledAt = Position.none
    private var admittedSince = false
    private var suspected: LimitLearned?
    private var refusal: Refusal?
    /// Learned limits that the answer of this step has not raised yet.
    private var raises = 0
    /// What the server admits in the only window there is; nil where others use its quota, or it
    /// counts otherwise.
    private let trueLimit: Int?

    /// More than any window of a plan counts.
    private static let mostAdmitted = 4_096
    /// A limit of a window that is longer rises more seldom than each ten minutes.
    private static let longestQuickNs = 300 * Int64.nsPerSecond
    /// Servers round the waits that they name up.
    private static let roundedNs = Int64.nsPerSecond

    init(_ plan: SimulationPlan) {
        windows = plan.limits.windows
        latencyNs = plan.timeoutNs
        deliveryBoundNs = plan.limits.deliveryBoundMs * .nsPerMs
        trueLimit = plan.trueLimit
    }

    mutating func take(
        _ logged: LoggedEvent, _ clocks: MachineClocks, nowNs: Int64,
        _ violations: inout Violations
    ) {
        if logged.startsStep { settle(logged.position, &violations) }
        switch logged.event {
        case .runRequested(let event): windows = event.policy.limits.windows
        case .requestIntended: sent[logged.position] = nowNs
        case .pageFetched(let event): release(event.intent, nowNs)
        case .detailsFetched(let event):
            release(event.intent, nowNs)
            raises = learned.known.count {
                event.intent < $0.learnedAt && $0.requests < $0.ceiling
            }
        case .healthChecked(let event): release(event.intent, nowNs)
        case .requestAbandoned(let event): release(event.intent, nowNs, mayStillArrive: true)
        case .requestFailed(let event):
            release(event.intent, nowNs, mayStillArrive: event.answer.arrivalUnknown)
        case .rateLimited(let event): refuse(event)
        case .backoffApplied(let event): if event.kind == .cooldown { cooledAt = logged.position }
        case .limitLearned(let event):
            check(event, logged.position, clocks, nowNs, &violations)
            learned.take(event, logged.position, windows, clocks, nowNs: nowNs)
            if event.kind != .admitted { suspected = event.kind == .suspected ? event : nil }
        case .limitsForgotten:
            learned.forget()
            suspected = nil
        default: break
        }
    }

    mutating func take(_ reboot: Reboot) {
        admitted = admitted.map(reboot.past)
        learned.take(reboot)
    }

    /// The step before `at` is over.
    private mutating func settle(_ at: Position, _ violations: inout Violations) {
        violations.expect(
            raises == 0, 10, "the answer before \(at.rawValue) raises no learned limit")
        (refusal, raises) = (nil, 0)
    }

    // MARK: Requests

    private mutating func release(
        _ intent: Position, _ nowNs: Int64, mayStillArrive: Bool = false
    ) {
        guard sent.removeValue(forKey: intent) != nil else { return }
        let time = nowNs + (mayStillArrive ? deliveryBoundNs : 0)
        let index = admitted.lastIndex { $0.latest <= time }.map { $0 + 1 } ?? 0
        admitted.insert(Moment(time), at: index)
        if admitted.count > Self.mostAdmitted { admitted.removeFirst() }
        if !mayStillArrive, intent > cooledAt { admittedSince = true }
    }

    private mutating func refuse(_ event: RateLimited) {
        let others = sent.count - 1
        guard let sentNs = sent.removeValue(forKey: event.intent) else { return }
        refusal = Refusal(
            sentNs: sentNs, waitNs: (event.waitMs ?? 0).saturatingMultiply(.nsPerMs),
            others: others, admittedSince: admittedSince)
        if event.intent > cooledAt { admittedSince = false }
    }

    /// What a window admitted in the period before the refused request, at least and at most.
    private func admissions(
        _ window: RateWindow, _ refusal: Refusal, _ clocks: MachineClocks
    ) -> ClosedRange<Int> {
        let from = refusal.sentNs - window.periodNs
        let tolerance = clocks.driftNs(window.periodNs) + StandingWait.roundingNs
        let least = admitted.count { $0.earliest > from + tolerance }
        let most = admitted.count { $0.latest > from - tolerance }
        return least...max(least, most)
    }

    /// What a window was known to admit, at least and at most: a learned limit that may have risen
    /// to the configured one counts no more.
    private func bases(_ window: RateWindow, _ nowNs: Int64) -> ClosedRange<Int> {
        let least = learned.inForce(window, nowNs)?.requests ?? window.requests
        let most = learned.inForce(window, nowNs, isSure: true)?.requests ?? window.requests
        return max(least, 1)...max(most, 1)
    }

    // MARK: Lessons

    private mutating func check(
        _ event: LimitLearned, _ at: Position, _ clocks: MachineClocks, _ nowNs: Int64,
        _ violations: inout Violations
    ) {
        let at = at.rawValue
        guard
            let window = windows.first(where: {
                $0.name == event.window && $0.periodNs == event.periodNs
            })
        else { return violations.note(10, "a limit is learned at \(at) of no window") }
        if event.kind == .admitted {
            let known = learned.about(window)
            violations.expect(
                raises > 0 && known.map { $0.requests + 1 == Int(event.requests) } ?? false, 10,
                "an answer raises a limit to \(event.requests) at \(at)")
            raises -= 1
            return
        }
        guard let refusal else {
            return violations.note(10, "a limit is learned at \(at), though nothing was refused")
        }
        checkWindow(window, refusal, at, clocks, nowNs, &violations)
        checkCount(event, window, refusal, at, clocks, nowNs, &violations)
    }

    /// No other window was fuller.
    private func checkWindow(
        _ window: RateWindow, _ refusal: Refusal, _ at: UInt64, _ clocks: MachineClocks,
        _ nowNs: Int64, _ violations: inout Violations
    ) {
        let explaining = windows.filter { refusal.waitNs <= $0.periodNs + Self.roundedNs }
        let most = admissions(window, refusal, clocks).upperBound + refusal.others
        let fullness = Double(most) / Double(bases(window, nowNs).lowerBound)
        for other in explaining where other != window {
            let least = admissions(other, refusal, clocks).lowerBound
            let share =
                Double(least + refusal.others) / Double(bases(other, nowNs).upperBound)
            violations.expect(
                least == 0 || share <= fullness, 10,
                "a limit is learned at \(at) of window \(window.name), though \(other.name) was "
                    + "fuller")
        }
        violations.expect(
            explaining.contains(window), 10,
            "a limit is learned at \(at) of window \(window.name), which doesn't make anyone wait "
                + "for \(refusal.waitNs) ns")
    }

    private func checkCount(
        _ event: LimitLearned, _ window: RateWindow, _ refusal: Refusal, _ at: UInt64,
        _ clocks: MachineClocks, _ nowNs: Int64, _ violations: inout Violations
    ) {
        let admitted = admissions(window, refusal, clocks)
        let maybe = learned.inForce(window, nowNs)
        let sure = learned.inForce(window, nowNs, isSure: true)
        let believed =
            min(
                maybe?.least(nowNs) ?? window.requests, window.requests)...min(
                sure?.most(nowNs) ?? window.requests, window.requests)
        let requests = Int(event.requests)
        let isQuick =
            window.periodNs <= Self.longestQuickNs
            && !windows.contains { $0.periodNs < window.periodNs }
        if event.kind == .suspected {
            let isBelieved =
                maybe == nil && isQuick && 2 * admitted.lowerBound >= believed.upperBound
                || sure.map { admitted.lowerBound >= $0.requests } ?? false
            violations.expect(
                admitted.contains(requests) && !isBelieved, 10,
                "\(requests) of \(believed) are suspected at \(at), but \(admitted) were admitted")
            return
        }
        let isHalf = 2 * admitted.upperBound >= believed.lowerBound
        let isTelling = isHalf || refusal.waitNs + 2 * Self.roundedNs < window.periodNs
        let mayBeNew =
            sure == nil
            && (isQuick && isHalf || isTelling && isExplained(window, refusal, nowNs))
        let isKnown = maybe.map { admitted.upperBound >= $0.requests } ?? false
        violations.expect(
            mayBeNew || isKnown || isRepeated(event, refusal, admitted, isHalf: isHalf), 10,
            "\(requests) of \(believed) are believed at \(at) after one refusal")
        // A refusal never shows that more is admitted than was known to be.
        let least = min(admitted.lowerBound, maybe?.requests ?? window.requests - 1)
        let most = min(admitted.upperBound, sure?.requests ?? max(window.requests - 1, 1))
        violations.expect(
            max(least, 1) <= requests && requests <= max(most, 1), 10,
            "a limit of \(requests) is learned at \(at), but \(admitted) of \(believed) were "
                + "admitted")
        if let trueLimit {
            let known = maybe?.requests ?? window.requests
            violations.expect(
                requests + refusal.others >= min(trueLimit, known), 10,
                "a limit of \(requests) is learned at \(at) with \(refusal.others) requests on "
                    + "the wire, but the server admits \(trueLimit)")
        }
        let isConfirmed = maybe.map { requests >= $0.requests } ?? false
        violations.expect(
            event.confirmations <= (isConfirmed ? (maybe?.confirmations ?? 0) + 1 : 0), 10,
            "a limit of \(requests) is said to be confirmed \(event.confirmations) times at \(at)")
    }
}

extension LessonAuditor {
    /// Whether the refusal before may have said the same.
    private func isRepeated(
        _ event: LimitLearned, _ refusal: Refusal, _ admitted: ClosedRange<Int>, isHalf: Bool
    ) -> Bool {
        guard let suspected, suspected.window == event.window else { return false }
        guard refusal.admittedSince else { return isHalf }
        let distance = abs(Int(suspected.requests) - admitted.upperBound)
        return distance <= max(1, admitted.upperBound / 4) + admitted.count - 1
    }

    /// Whether the server may have named the wait until the oldest request leaves the window.
    private func isExplained(_ window: RateWindow, _ refusal: Refusal, _ nowNs: Int64) -> Bool {
        let slack = max(latencyNs + deliveryBoundNs + Self.roundedNs, window.periodNs / 4)
        let end = nowNs.saturatingAdd(refusal.waitNs)
        return refusal.waitNs > 0
            && admitted.contains { moment in
                moment.earliest.saturatingAdd(window.periodNs - slack) <= end
                    && end <= moment.latest.saturatingAdd(window.periodNs + slack)
            }
    }
}

extension SimulationPlan {
    /// What the server admits in the only window there is; nil where others use its quota, or it
    /// counts otherwise.
    fileprivate var trueLimit: Int? {
        guard case .stricter(let share, refusedCount: false) = serverLimits, secondClient == nil,
            limitChanges.isEmpty, faults.refusedArrivals.isEmpty, limits.windows.count == 1,
            let window = limits.windows.first
        else { return nil }
        return max(Int(Double(window.requests) * share), 1)
    }
}
