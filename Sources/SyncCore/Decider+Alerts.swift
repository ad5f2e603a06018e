extension Decider {
    /// Holds the rules against how a stream stands; what changes nothing is not recorded.
    mutating func evaluated(_ event: AlertsEvaluated, stream id: StreamID) {
        guard id != .none, Int(id.rawValue) <= control.streams.count else { return }
        let look = AlertLook(event, control[id], now: now)
        let changes = look.changes
        guard look.isFirst || look.movesState || !changes.isEmpty else { return }
        let cause = emit(
            .alertsEvaluated(event), stream: id, run: Position.none, cause: .none)
        for change in changes { emit(change, stream: id, run: Position.none, cause: cause) }
    }

    /// Records what became of a delivery that was waited for.
    mutating func delivered(_ event: AlertDelivered, stream id: StreamID) {
        guard id != .none, Int(id.rawValue) <= control.streams.count,
            let alert = control[id].alerts?.alerts.first(where: { $0.notice == event.notice }),
            alert.pending.contains(where: { $0.channel == event.channel })
        else { return }
        emit(.alertDelivered(event), stream: id, run: Position.none, cause: event.notice)
    }
}

/// One look at a stream with the rules in hand.
private struct AlertLook {
    /// What a rule finds, in words.
    private enum Finding {
        case holds(String)
        case over(String)
        /// Nothing that it goes by has changed.
        case same
    }

    private let event: AlertsEvaluated
    private let stream: StreamState
    private let state: AlertState
    private let now: LogTime

    init(_ event: AlertsEvaluated, _ stream: StreamState, now: LogTime) {
        self.event = event
        self.stream = stream
        state = stream.alerts ?? AlertState(since: now)
        self.now = now
    }

    private var rules: AlertRules { event.rules }

    var isFirst: Bool { stream.alerts == nil }

    /// Whether the fact alone changes what is remembered.
    var movesState: Bool {
        if let total = event.expenses, total != state.expenses?.total { return true }
        let known = rules.channels.map(\.name)
        return state.alerts.contains { alert in
            alert.pending.contains { !known.contains($0.channel) }
        }
    }

    /// Alerts that begin, are told again, or are over, by the numbers of their rules.
    var changes: [Event] {
        AlertRule.allCases.compactMap { rule in
            let standing = state.firing.first { $0.rule == rule }
            switch (finding(rule), standing) {
            case (.holds(let text), nil): return raised(rule, 0, text)
            case (.holds(let text), let standing?): return reminder(standing, text)
            case (.over(let text), let standing?): return recovered(standing, text)
            case (.same, let standing?): return reminder(standing, standing.text)
            case (.over, nil), (.same, nil): return nil
            }
        }
    }

    private func raised(_ rule: AlertRule, _ reminder: UInt32, _ text: String) -> Event {
        .alertRaised(
            AlertRaised(
                rule: rule, reminder: reminder, channels: rules.channels(rule, isRecovery: false),
                text: text.oneLine))
    }

    private func reminder(_ standing: StandingAlert, _ text: String) -> Event? {
        guard let remindMs = rules.remindMs, now >= standing.noticeAt.adding(ms: remindMs) else {
            return nil
        }
        return raised(standing.rule, standing.reminders &+ 1, text)
    }

    private func recovered(_ standing: StandingAlert, _ text: String) -> Event {
        .alertRecovered(
            AlertRecovered(
                rule: standing.rule, raised: standing.raised,
                channels: rules.channels(standing.rule, isRecovery: true), text: text.oneLine))
    }

    private func finding(_ rule: AlertRule) -> Finding {
        let found: Finding? =
            switch rule {
            case .failed: rules.failed ? ended(.failed) : nil
            case .partial: rules.partial ? ended(.partial) : nil
            case .parked: rules.parkedMs.map(parked)
            case .noSuccess: rules.noSuccessMs.map(unsuccessful)
            case .rateLimited: rules.rateLimitedPpm.map(refused)
            case .expensesMoved: rules.expensesMovedPpm.map(moved)
            }
        return found ?? .over("it is no longer watched")
    }

    private func ended(_ outcome: RunOutcome) -> Finding {
        guard let verdict = state.verdict else { return .same }
        let run = "run r\(verdict.run.rawValue)"
        switch verdict.outcome {
        case outcome where outcome == .failed: return .holds("\(run) failed: \(verdict.text)")
        case outcome: return .holds("\(run) was completed in part: \(verdict.text)")
        case .failed: return .over("\(run) failed: \(verdict.text)")
        case .partial: return .over("\(run) was completed in part: \(verdict.text)")
        default: return .over("\(run) was completed")
        }
    }

    private func parked(_ ms: Int64) -> Finding {
        guard let since = state.parkedSince else { return .over("no record is parked any more") }
        let count = stream.counts.parked
        let records = count == 1 ? "1 record is parked" : "\(count) records are parked"
        let text = "\(records); there have always been some since \(since.rfc3339())"
        return now >= since.adding(ms: ms) ? .holds(text) : .over(text)
    }

    private func unsuccessful(_ ms: Int64) -> Finding {
        let last = stream.lastCompletedAt
        let text =
            last.map { "the last run was completed at \($0.rfc3339())" }
            ?? "no run was completed since \(state.since.rfc3339())"
        return now >= (last ?? state.since).adding(ms: ms) ? .holds(text) : .over(text)
    }

    /// A single refusal says nothing of a rate, however few the requests are.
    private func refused(_ ppm: UInt64) -> Finding {
        guard state.requests > 0 else { return .same }
        let text = "\(state.rateLimited) of \(state.requests) requests were refused with 429"
        let (share, overflows) = state.rateLimited.multipliedReportingOverflow(by: 1_000_000)
        let (bound, isBeyond) = state.requests.multipliedReportingOverflow(by: ppm)
        let isOver = !isBeyond && (overflows || share > bound)
        return isOver && state.rateLimited > 1 ? .holds(text) : .over(text)
    }

    private func moved(_ ppm: UInt64) -> Finding {
        guard let total = event.expenses, let moved = event.movedPpm else { return .same }
        let before = state.expenses?.total ?? ""
        let percent = "\(moved / 10_000).\(moved % 10_000 / 1_000)"
        let text = "the expenses total moved by \(percent)%, from \(before) to \(total)"
        return moved > ppm ? .holds(text) : .over(text)
    }
}

extension String {
    private static let mostScalars = 500

    /// The text as one line of bounded length: controls, and what reorders text on a screen, become
    /// spaces.
    fileprivate var oneLine: String {
        var line = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(Self.mostScalars) {
            line.append(scalar.isControl ? " " : scalar)
        }
        return String(line)
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
