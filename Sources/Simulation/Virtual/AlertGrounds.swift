internal import SyncCore

/// What alerts go by, kept of the events as a bookkeeper does it, without the folds of the core.
struct AlertGrounds {
    /// When the stream was looked at first; nil before.
    private(set) var since: LogTime?
    /// How the last run ended that says something; one that was paused or stopped doesn't.
    private(set) var verdict: RunOutcome?
    private var requests: UInt64 = 0
    private var refusals: UInt64 = 0
    private var lastCompletedAt: LogTime?
    private var parked: Set<Ordinal> = []
    private var parkedSince: LogTime?
    private var isHealthCheck = false

    mutating func take(_ logged: LoggedEvent) {
        switch logged.event {
        case .alertsEvaluated: since = since ?? logged.time
        case .runRequested(let event): isHealthCheck = event.mode == .health
        case .runCompleted(let event):
            if !isHealthCheck { ended(event, logged.time) }
        default: noteRecords(logged.event)
        }
        if parked.isEmpty || since == nil { parkedSince = nil }
        if !parked.isEmpty, since != nil { parkedSince = parkedSince ?? logged.time }
    }

    private mutating func ended(_ event: RunCompleted, _ time: LogTime) {
        if event.outcome == .completed, event.reason == nil { lastCompletedAt = time }
        guard since != nil else { return }
        if event.counters.requests > 0 {
            (requests, refusals) = (event.counters.requests, event.counters.rateLimited)
        }
        switch event.outcome {
        case .completed: if event.reason != .nothingToResume { verdict = .completed }
        case .partial, .failed: verdict = event.outcome
        case .paused, .interrupted: break
        }
    }

    private mutating func noteRecords(_ event: Event) {
        switch event {
        case .recordParked(let event): parked.insert(event.record.ordinal)
        case .pageFetched(let event): parked.subtract(event.entries.map(\.ordinal))
        case .detailsFetched(let event):
            parked.subtract(event.results.filter(\.outcome.isFound).map(\.ordinal))
        case .queueRetried(let event): parked.subtract(event.records.map(\.ordinal))
        case .queueDropped(let event): parked.subtract(event.records.map(\.ordinal))
        default: break
        }
    }

    /// Whether a rule finds something; nil where nothing says anything new of it.
    func holds(_ rule: AlertRule, _ look: AlertsEvaluated, at now: LogTime) -> Bool? {
        let rules = look.rules
        switch rule {
        case .failed: return rules.failed ? verdict.map { $0 == .failed } : false
        case .partial: return rules.partial ? verdict.map { $0 == .partial } : false
        case .parked: return isOver(rules.parkedMs, since: parkedSince, now)
        case .noSuccess: return isOver(rules.noSuccessMs, since: lastCompletedAt ?? since, now)
        case .rateLimited:
            guard let ppm = rules.rateLimitedPpm else { return false }
            guard requests > 0 else { return nil }
            return refusals > 1 && refusals * 1_000_000 > requests * ppm
        case .expensesMoved:
            guard let ppm = rules.expensesMovedPpm else { return false }
            return look.expenses == nil ? nil : look.movedPpm.map { $0 > ppm }
        }
    }

    private func isOver(_ ms: Int64?, since start: LogTime?, _ now: LogTime) -> Bool {
        guard let ms, let start else { return false }
        return now >= start.adding(ms: ms)
    }
}
