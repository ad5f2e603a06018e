/// What is remembered of a stream that is watched: bounded by the number of rules and channels.
///
/// It is folded from where the stream was first evaluated on: in logs from before there is none.
package struct AlertState: Sendable, Equatable {
    /// When the stream was looked at first.
    package let since: LogTime
    /// The last run that was completed, in part or whole, or failed; others leave it as it was.
    package var verdict: RunVerdict?
    /// Of the last invocation that sent anything.
    package var requests: UInt64 = 0
    package var rateLimited: UInt64 = 0
    /// Since when there has always been a parked record.
    package var parkedSince: LogTime?
    package var expenses: ObservedTotal?
    /// Those that stand, and those that are over but were not told to everybody.
    package var alerts: [StandingAlert] = []

    package init(since: LogTime) { self.since = since }

    /// The alerts that stand.
    package var firing: [StandingAlert] { alerts.filter(\.isFiring) }
}

/// How a run ended.
package struct RunVerdict: Sendable, Equatable {
    /// Its `RunCompleted`.
    package let end: Position
    package let run: Position
    package let outcome: RunOutcome
    package let text: String

    package init(end: Position, run: Position, outcome: RunOutcome, text: String) {
        self.end = end
        self.run = run
        self.outcome = outcome
        self.text = text
    }
}

/// A sum of expenses, and the end of the run after which it was seen.
package struct ObservedTotal: Sendable, Equatable {
    package let end: Position
    package let total: String

    package init(end: Position, total: String) {
        self.end = end
        self.total = total
    }
}

/// An alert, and who is still to be told of it.
package struct StandingAlert: Sendable, Equatable {
    package let rule: AlertRule
    /// The event that began it, and when.
    package let raised: Position
    package let raisedAt: LogTime
    package var reminders: UInt32 = 0
    /// False once it is over.
    package var isFiring = true
    /// The last event that is to be told, and when; what was to be told before has lost its sense.
    package var notice: Position
    package var noticeAt: LogTime
    package var text: String
    package var pending: [PendingDelivery]

    package init(
        rule: AlertRule, raised: Position, raisedAt: LogTime, text: String,
        pending: [PendingDelivery]
    ) {
        self.rule = rule
        self.raised = raised
        self.raisedAt = raisedAt
        notice = raised
        noticeAt = raisedAt
        self.text = text
        self.pending = pending
    }
}

/// A channel that was not told of an alert yet.
package struct PendingDelivery: Sendable, Equatable {
    package let channel: String
    /// How often it could not be told, each time after several tries.
    package var failures: UInt32 = 0
    package var triedAt: LogTime = .zero

    package init(channel: String) { self.channel = channel }

    private static let longestPauseMs: Int64 = 3_600_000

    /// Whether it is to be tried now: at once after the first failure, then after a minute, two,
    /// four, and so on up to an hour.
    package func isDue(at now: LogTime) -> Bool {
        guard failures > 1 else { return true }
        let pauseMs = min(Int64(60_000) << Int64(min(failures - 2, 10)), Self.longestPauseMs)
        // A clock that was set back must not silence it.
        return now < triedAt || triedAt.adding(ms: pauseMs) <= now
    }
}

// MARK: - Folding

extension ControlState {
    mutating func fold(_ event: AlertsEvaluated, _ logged: LoggedEvent) {
        var state = self[logged.stream].alerts ?? AlertState(since: logged.time)
        if let total = event.expenses, let verdict = state.verdict {
            state.expenses = ObservedTotal(end: verdict.end, total: total)
        }
        let known = event.rules.channels.map(\.name)
        for index in state.alerts.indices {
            state.alerts[index].pending.removeAll { !known.contains($0.channel) }
        }
        state.forget()
        self[logged.stream].alerts = state
    }

    mutating func fold(_ event: AlertRaised, _ logged: LoggedEvent) {
        guard var state = self[logged.stream].alerts else { return }
        let pending = event.channels.map { PendingDelivery(channel: $0) }
        let index = state.alerts.firstIndex { $0.rule == event.rule }
        if let index, event.reminder > 0 {
            state.alerts[index].reminders = event.reminder
            state.alerts[index].tell(logged, event.text, pending)
        } else {
            if let index { state.alerts.remove(at: index) }
            state.alerts.append(
                StandingAlert(
                    rule: event.rule, raised: logged.position, raisedAt: logged.time,
                    text: event.text, pending: pending))
        }
        self[logged.stream].alerts = state
    }

    mutating func fold(_ event: AlertRecovered, _ logged: LoggedEvent) {
        guard var state = self[logged.stream].alerts,
            let index = state.alerts.firstIndex(where: { $0.rule == event.rule })
        else { return }
        state.alerts[index].isFiring = false
        state.alerts[index].tell(
            logged, event.text, event.channels.map { PendingDelivery(channel: $0) })
        state.forget()
        self[logged.stream].alerts = state
    }

    mutating func fold(_ event: AlertDelivered, _ logged: LoggedEvent) {
        guard var state = self[logged.stream].alerts,
            let index = state.alerts.firstIndex(where: { $0.notice == event.notice }),
            let place = state.alerts[index].pending.firstIndex(where: {
                $0.channel == event.channel
            })
        else { return }
        if event.isDelivered {
            state.alerts[index].pending.remove(at: place)
        } else {
            state.alerts[index].pending[place].failures &+= 1
            state.alerts[index].pending[place].triedAt = logged.time
        }
        state.forget()
        self[logged.stream].alerts = state
    }

    /// Remembers how an invocation ended.
    mutating func note(_ event: RunCompleted, _ logged: LoggedEvent) {
        guard self[logged.stream].alerts != nil else { return }
        if event.counters.requests > 0 {
            self[logged.stream].alerts?.requests = event.counters.requests
            self[logged.stream].alerts?.rateLimited = event.counters.rateLimited
        }
        switch event.outcome {
        case .completed where event.reason == .nothingToResume: break
        case .completed, .partial, .failed:
            self[logged.stream].alerts?.verdict = RunVerdict(
                end: logged.position, run: logged.run, outcome: event.outcome, text: event.text)
        case .paused, .interrupted: break
        }
    }

    /// Remembers since when there are parked records.
    mutating func noteParked(_ logged: LoggedEvent) {
        // After every event: no copy is made of the stream.
        let index = Int(logged.stream.rawValue) - 1
        guard streams.indices.contains(index), streams[index].alerts != nil else { return }
        let hasParked = streams[index].counts.parked > 0
        guard hasParked != (streams[index].alerts?.parkedSince != nil) else { return }
        streams[index].alerts?.parkedSince = hasParked ? logged.time : nil
    }
}

extension StandingAlert {
    fileprivate mutating func tell(
        _ logged: LoggedEvent, _ text: String, _ pending: [PendingDelivery]
    ) {
        notice = logged.position
        noticeAt = logged.time
        self.text = text
        self.pending = pending
    }
}

extension AlertState {
    /// Drops what is over and was told to everybody.
    fileprivate mutating func forget() {
        alerts.removeAll { !$0.isFiring && $0.pending.isEmpty }
    }
}
