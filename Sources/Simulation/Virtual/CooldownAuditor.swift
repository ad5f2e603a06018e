internal import SyncCore

/// Counts refusals in a row, and judges the cooldowns that follow from them and from the waits
/// that the server names.
///
/// A cooldown is the server's wait or our own, whichever is longer: `cooldownMs`, multiplied once
/// for each further refusal in a row, up to the largest window. Refusals of requests that were on
/// the wire together are one, and a period of the window that refused without any ends the row.
/// Which window that was, the engine says where it learns of it; else the count is one of a range.
struct CooldownAuditor {
    /// A refusal, or a failure with a wait that the server names, that a cooldown must follow.
    private struct Owed {
        let at: Position
        let timeNs: Int64
        let askedMs: Int64
        /// Nil for a failure.
        var refusal: Refusal?
    }

    private struct Refusal {
        /// Since the one before, at the most; nil for the first.
        let gapNs: Int64?
        /// It was sent after the last cooldown began.
        let isNewRound: Bool
        /// The period of the window that refused.
        var periodNs: Int64
    }

    private let limits: LimitPolicy
    private let longestNs: Int64
    private(set) var wait = StandingWait()
    /// Refusals in a row, at least and at most.
    private var least = 0
    private var most = 0
    private var refused: Moment?
    private var cooledAt = Position.none
    private var owed: Owed?

    init(_ limits: LimitPolicy) {
        self.limits = limits
        longestNs = limits.windows.map(\.periodNs).max() ?? 3_600 * .nsPerSecond
    }

    mutating func take(
        _ logged: LoggedEvent, _ clocks: MachineClocks, nowNs: Int64,
        _ violations: inout Violations
    ) {
        if logged.startsStep { settle(clocks, &violations) }
        switch logged.event {
        case .requestIntended: wait.check(nowNs, "cooldown", logged.position, &violations)
        case .rateLimited(let event): refuse(event, logged.position, clocks, nowNs)
        case .requestFailed(let event):
            guard let asked = event.answer.waitMs else { break }
            owed = Owed(at: logged.position, timeNs: nowNs, askedMs: asked)
        case .limitLearned(let event):
            if event.kind != .admitted { owed?.refusal?.periodNs = event.periodNs }
        case .backoffApplied(let event):
            guard event.kind == .cooldown else { break }
            cool(event, logged, clocks, nowNs, &violations)
        case .limitsForgotten(let event):
            guard event.endsWait else { break }
            wait.end()
            (least, most) = (0, 0)
        default: break
        }
    }

    mutating func take(_ reboot: Reboot) {
        wait.take(reboot)
        refused = refused.map(reboot.past)
    }

    private mutating func refuse(
        _ event: RateLimited, _ at: Position, _ clocks: MachineClocks, _ nowNs: Int64
    ) {
        let isNewRound = event.intent > cooledAt
        // The machine's clock may count less than the true one, or more.
        let drift = clocks.driftNs(longestNs)
        if let refused, nowNs - refused.latest <= longestNs + drift {
            if isNewRound { most += 1 }
        } else {
            most = 1
        }
        var gapNs: Int64?
        if let refused {
            let gap = nowNs.saturatingAdd(-max(refused.earliest, -.max))
            gapNs = gap.saturatingAdd(clocks.driftNs(gap))
        }
        let shortestNs = limits.windows.map(\.periodNs).min() ?? longestNs
        owed = Owed(
            at: at, timeNs: nowNs, askedMs: event.waitMs ?? 0,
            refusal: Refusal(
                gapNs: gapNs, isNewRound: isNewRound,
                periodNs: isNewRound ? longestNs : shortestNs))
        refused = Moment(nowNs)
    }

    /// The waits that are owed: at least, and at most.
    private mutating func bounds() -> (least: Int64, most: Int64) {
        guard let owed else { return (0, 0) }
        self.owed = nil
        // Up to a second of the server's wait is drawn, and up to a tenth of our own.
        let named = owed.askedMs.saturatingAdd(owed.askedMs > 0 ? 1_000 : 0)
        guard let refusal = owed.refusal else { return (owed.askedMs, named) }
        let isInARow = refusal.gapNs.map { $0 < refusal.periodNs } ?? false
        least = isInARow ? max(least + (refusal.isNewRound ? 1 : 0), 1) : 1
        let longest = own(most)
        return (max(own(least), owed.askedMs), max(longest + longest / 10, named))
    }

    private func own(_ times: Int) -> Int64 {
        StandingWait.exponential(
            limits.cooldownMs, limits.backoffMultiplier, times, cap: longestNs / .nsPerMs)
    }

    private mutating func cool(
        _ event: BackoffApplied, _ logged: LoggedEvent, _ clocks: MachineClocks, _ nowNs: Int64,
        _ violations: inout Violations
    ) {
        let bounds = bounds()
        violations.expect(
            bounds.least <= event.waitMs && event.waitMs <= bounds.most, 10,
            "the cooldown at \(logged.position.rawValue) is \(event.waitMs) ms: at least "
                + "\(bounds.least) are due, and at most \(bounds.most), after \(least) to \(most) "
                + "refusals in a row")
        wait.apply(event, logged, clocks, nowNs: nowNs, &violations)
        cooledAt = logged.position
    }

    /// The step is over: what calls for a cooldown has one, unless a longer one stands.
    private mutating func settle(_ clocks: MachineClocks, _ violations: inout Violations) {
        guard let owed else { return }
        let bounds = bounds()
        let owedNs = clocks.trueNs(bounds.least.saturatingMultiply(.nsPerMs))
        violations.expect(
            wait.until.latest >= owed.timeNs.saturatingAdd(owedNs), 10,
            "no cooldown of \(bounds.least) ms follows what came at \(owed.at.rawValue)")
    }
}
