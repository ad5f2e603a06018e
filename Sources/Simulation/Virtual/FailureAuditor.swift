internal import SyncCore

/// Counts failures in a row, and judges by them the waits that follow and the runs that give up.
///
/// Failures of requests that were on the wire together are one: a request counts when it was sent
/// after the last one that counted was known. An answer that can be used ends the row. So many
/// times `retry.attempts` failures are too many:
/// - once, of an API that isn't there, or of one list page;
/// - four times, of details, counting those alone that are news: of records that did not fail
///   before, or while none were fetched. From the first `retry.attempts` on everything waits.
struct FailureAuditor {
    /// What a failed request calls for in its step: a wait, or the end of the run.
    private struct Owed {
        let at: Position
        /// The reason that a run gives which ends by it.
        let reason: StopReason
        /// How many failures in a row it makes, as the one or the other counts them.
        var failures = 1...1
        /// So many end the run.
        var most = 1
        /// So many make everything wait for the first time; nil where none do.
        var first: Int?
        /// The invocation had been told to stop before.
        let wasStopping: Bool
        var isMet = false
    }

    private let retry: RetryPolicy
    private(set) var wait = StandingWait()
    private var targets: [Position: RequestIntended.Target] = [:]
    /// Failures in a row: of the API as a whole, of one list page for its own sake, and of details.
    private var api = 0
    private var page = 0
    private var news = 0
    /// The last one that counted.
    private var countedAt = Position.none
    /// Details came in this invocation.
    private var hasDetails = false
    /// Records that failed, and wait to be asked for again.
    private var failed: Set<Ordinal> = []
    private var isStopping = false
    private var isHealthCheck = false
    private var owed: Owed?

    /// So many times `retry.attempts` news mean that it isn't the records.
    private static let outages = 4

    init(_ retry: RetryPolicy) { self.retry = retry }

    mutating func take(
        _ logged: LoggedEvent, _ clocks: MachineClocks, nowNs: Int64,
        _ violations: inout Violations
    ) {
        if logged.startsStep { settle(&violations) }
        switch logged.event {
        case .runRequested(let event):
            reset()
            isHealthCheck = event.mode == .health
            (hasDetails, isStopping, countedAt) = (false, false, .none)
        case .requestIntended(let event):
            targets[logged.position] = event.target
            wait.check(nowNs, "backoff", logged.position, &violations)
        case .requestAbandoned(let event): targets[event.intent] = nil
        case .requestFailed(let event): fail(event, logged.position)
        case .rateLimited(let event):
            guard case .health? = targets.removeValue(forKey: event.intent), isHealthCheck
            else { break }
            owed = Owed(at: logged.position, reason: .unavailable, wasStopping: isStopping)
        case .healthChecked(let event):
            if isHealthCheck { answered(event.intent) }
            targets[event.intent] = nil
        case .pageFetched(let event):
            answered(event.intent)
            for entry in event.entries { failed.remove(entry.ordinal) }
        case .detailsFetched(let event): fetched(event, logged.position)
        case .detailsRequeued(let event):
            guard event.kind.blames else { break }
            for record in event.parts.joined() { failed.insert(record.ordinal) }
        case .recordParked(let event): failed.remove(event.record.ordinal)
        case .queueRetried(let event): for record in event.records { failed.remove(record.ordinal) }
        case .backoffApplied(let event):
            guard event.kind == .failure else { break }
            backOff(event, logged.position, &violations)
            wait.apply(event, logged, clocks, nowNs: nowNs, &violations)
        case .runStopping(let event):
            stop(event, logged.position, &violations)
            isStopping = true
        default: break
        }
    }

    mutating func take(_ reboot: Reboot) { wait.take(reboot) }

    // MARK: Counting

    private mutating func reset() {
        (api, page, news) = (0, 0, 0)
        wait.end()
    }

    private mutating func answered(_ intent: Position) {
        targets[intent] = nil
        reset()
    }

    private mutating func fetched(_ event: DetailsFetched, _ at: Position) {
        answered(event.intent)
        let missed = event.results.filter { !$0.outcome.isFound }.map(\.ordinal)
        // Asked for alone, a record that an answer misses failed.
        if event.results.count == 1, isNews(event.intent, missed) {
            news = 1
            countedAt = at
        }
        for result in event.results where result.outcome.isFound {
            failed.remove(result.ordinal)
            hasDetails = true
        }
    }

    private func isNews(_ intent: Position, _ records: [Ordinal]) -> Bool {
        guard intent > countedAt, !records.isEmpty else { return false }
        return !hasDetails || records.contains { !failed.contains($0) }
    }

    private mutating func fail(_ event: RequestFailed, _ at: Position) {
        guard let target = targets.removeValue(forKey: event.intent) else { return }
        // One that was asked for beside a run says nothing of that.
        if case .health = target, !isHealthCheck { return }
        let failure = event.answer.failure
        var owed = Owed(
            at: at, reason: Self.documented(failure), wasStopping: isStopping)
        defer { self.owed = owed }
        if failure == .auth { return }
        owed.most = .max
        switch (target, failure) {
        case (.health, _): owed.most = 1
        case (_, .network), (_, .unavailable):
            guard event.intent > countedAt else { break }
            api += 1
            countedAt = at
            owed.failures = api...api + page
            (owed.first, owed.most) = (1, retry.attempts)
        case (.list, .timeout), (.list, .server), (.list, .unusable):
            page += 1
            owed.failures = page...api + page
            (owed.first, owed.most) = (1, retry.attempts)
        case (.list, _): owed.most = 1
        case (.detail(let asked), _):
            let isGone = failure == .notFound && asked.count == 1
            guard isNews(event.intent, asked.map(\.ordinal)), !isGone || !hasDetails else { break }
            news += 1
            countedAt = at
            owed.failures = news...news
            (owed.first, owed.most) = (retry.attempts, Self.outages * retry.attempts)
        }
    }

    private static func documented(_ failure: FailureClass) -> StopReason {
        switch failure {
        case .network, .unavailable, .timeout, .server: .unavailable
        case .auth: .auth
        case .client, .notFound, .unusable, .tooLarge, .redirect: .unusable
        case .idOrder: .idOrder
        }
    }

    // MARK: What follows

    private mutating func backOff(
        _ event: BackoffApplied, _ at: Position, _ violations: inout Violations
    ) {
        guard let owed, let first = owed.first, owed.failures.upperBound >= first else {
            return violations.note(10, "the backoff at \(at.rawValue) follows from no failure")
        }
        self.owed?.isMet = true
        let step = Int(event.step)
        let wait = StandingWait.exponential(
            retry.baseMs, retry.multiplier, step, cap: retry.maxMs)
        violations.expect(
            owed.failures.contains(step + first - 1)
                && (wait...wait + wait / 10).contains(event.waitMs), 10,
            "the backoff at \(at.rawValue) is \(event.waitMs) ms in step \(step), not \(wait), "
                + "after \(owed.failures) failures in a row")
        violations.expect(
            owed.failures.lowerBound < owed.most, 8,
            "the run goes on at \(at.rawValue) after \(owed.failures) failures in a row")
    }

    private mutating func stop(
        _ event: RunStopping, _ at: Position, _ violations: inout Violations
    ) {
        switch event.reason {
        case .auth, .unavailable, .unusable, .idOrder: break
        default: return
        }
        let owed = owed
        self.owed?.isMet = true
        guard let owed, owed.reason == event.reason else {
            return violations.note(
                0,
                "the run ends at \(at.rawValue) as \(event.reason.name), though nothing failed "
                    + "in such a way")
        }
        violations.expect(
            owed.failures.upperBound >= owed.most, 0,
            "the run ends at \(at.rawValue) as \(event.reason.name) after \(owed.failures) of "
                + "\(owed.most) failures in a row")
    }

    /// The step is over.
    private mutating func settle(_ violations: inout Violations) {
        guard let owed else { return }
        self.owed = nil
        guard !owed.isMet, !owed.wasStopping else { return }
        let isWaitDue = owed.first.map { $0 <= owed.failures.lowerBound } ?? false
        violations.expect(
            owed.failures.lowerBound < owed.most && !isWaitDue, 10,
            "\(owed.failures) failures in a row, the last at \(owed.at.rawValue), have no backoff "
                + "and don't end the run")
    }
}
