internal import SyncCore

/// Keeps account of what is to be told of each record and of the stream, by plain rules, and
/// compares it with what the folds of the core make of the same events (invariant 5).
///
/// What went wrong with a request is taken from the answer to it, not from what was decided then.
struct RowAuditor {
    /// What is known of one record.
    private struct Account: Equatable {
        var state = RecordState.pending
        /// That of the pass that brought its header.
        var generation: UInt32 = 0
        var attempts = 0
        /// When an answer last said something about it.
        var attemptedAt: LogTime?
        /// What went wrong then.
        var error: RecordError?
    }

    private var accounts: [Ordinal: Account] = [:]
    /// The same by the fold of the core.
    private var rows: [Ordinal: RecordRow] = [:]
    /// Whole passes so far: the first one, and each that was asked for as such.
    private var generation: UInt32 = 0
    /// Requests by intent, and why those brought nothing that failed.
    private var targets: [Position: RequestIntended.Target] = [:]
    private var failures: [Position: RecordError] = [:]
    private var isHealthCheck = false
    private var lastError: String?
    private var lastCompletedAt: LogTime?

    /// - Parameter control: what the events, this one counted in, lead to.
    mutating func take(
        _ logged: LoggedEvent, _ control: ControlState, _ violations: inout Violations
    ) {
        let at = logged.position.rawValue
        noteRecords(logged)
        noteStream(logged)
        logged.event.forEachTouchedRow { ordinal, touch in
            rows[ordinal] = applyRow(
                rows[ordinal], touch, position: logged.position, time: logged.time)
            if let row = rows[ordinal] { compare(row, at: "at \(at)", &violations) }
        }
        guard let stream = control.streams.first else { return }
        violations.expect(
            stream.lastError == lastError, 5,
            "the last error at \(at) is \(stream.lastError ?? "none"), not \(lastError ?? "none")")
        violations.expect(
            stream.lastCompletedAt == lastCompletedAt, 5,
            "the last completion at \(at) is \(stream.lastCompletedAt?.rawValue ?? 0), not "
                + "\(lastCompletedAt?.rawValue ?? 0)")
        violations.expect(
            stream.generation == generation, 5,
            "the generation at \(at) is \(stream.generation), not \(generation)")
    }

    /// Compares a row that is stored.
    func compare(_ row: RecordRow, at place: String, _ violations: inout Violations) {
        let told = Account(
            state: row.state, generation: row.generation, attempts: Int(row.attempts),
            attemptedAt: row.attemptedAt, error: row.error)
        let account = accounts[row.ordinal]
        violations.expect(
            told == account, 5,
            "the row of record \(row.id) \(place) says \(told), not "
                + "\(account.map { "\($0)" } ?? "anything")")
    }

    // MARK: Records

    private mutating func noteRecords(_ logged: LoggedEvent) {
        switch logged.event {
        case .passOpened(let event):
            if generation == 0 || event.mode == .full { generation += 1 }
        case .pageFetched(let event):
            for entry in event.entries {
                let last = accounts[entry.ordinal]?.attemptedAt
                accounts[entry.ordinal] = Account(generation: generation, attemptedAt: last)
            }
        case .requestIntended(let event): targets[logged.position] = event.target
        case .requestFailed(let event):
            failures[event.intent] = RecordError(code: event.answer.code, text: event.answer.text)
        case .detailsFetched(let event):
            for result in event.results { note(result, logged.time) }
        case .detailsRequeued(let event): requeued(event, logged.time)
        case .recordParked(let event): parked(event, logged.time)
        case .queueRetried(let event):
            for record in event.records {
                accounts[record.ordinal]?.state = .pending
                accounts[record.ordinal]?.attempts = 0
            }
        case .queueDropped(let event):
            for record in event.records { accounts[record.ordinal]?.state = .dropped }
        default: break
        }
    }

    private mutating func note(_ result: DetailsFetched.Result, _ time: LogTime) {
        accounts[result.ordinal]?.attemptedAt = time
        switch result.outcome {
        case .changed, .same:
            accounts[result.ordinal]?.state = .synced
            accounts[result.ordinal]?.attempts = 0
            accounts[result.ordinal]?.error = nil
        case .absent: accounts[result.ordinal]?.error = .absent
        case .failed(let error): accounts[result.ordinal]?.error = error
        }
    }

    /// Those that are to blame wait for another try; the others are as they were.
    private mutating func requeued(_ event: DetailsRequeued, _ time: LogTime) {
        guard event.kind.blames else { return }
        for record in event.parts.joined() {
            accounts[record.ordinal]?.state = .retrying
            accounts[record.ordinal]?.attemptedAt = time
            if event.kind == .attempt { accounts[record.ordinal]?.attempts += 1 }
            if let failure = failures[event.intent] { accounts[record.ordinal]?.error = failure }
        }
    }

    private mutating func parked(_ event: RecordParked, _ time: LogTime) {
        let ordinal = event.record.ordinal
        let wasAbandoned = event.error == .crash
        accounts[ordinal]?.state = .parked
        accounts[ordinal]?.attemptedAt = time
        if wasAbandoned {
            accounts[ordinal]?.error = .crash
        } else {
            // That it was answered, and how, is in the log.
            accounts[ordinal]?.attempts += 1
            if let failure = failures[event.intent] { accounts[ordinal]?.error = failure }
        }
    }

    // MARK: The stream

    /// What stopped or troubled a run last, until one completes; a check of the health is no run.
    private mutating func noteStream(_ logged: LoggedEvent) {
        switch logged.event {
        case .runRequested(let event): isHealthCheck = event.mode == .health
        case .requestFailed(let event):
            if targets[event.intent] != .health { lastError = event.answer.text }
        case .recordParked(let event):
            lastError = accounts[event.record.ordinal]?.error?.text
        case .runStopping(let event):
            if Self.failing.contains(event.reason), !isHealthCheck { lastError = event.text }
        case .runCompleted(let event):
            guard event.outcome == .completed, event.reason == nil, !isHealthCheck else { return }
            lastError = nil
            lastCompletedAt = logged.time
        default: break
        }
    }

    /// The reasons that the documentation calls a failure.
    private static let failing: Set<StopReason> = [
        .auth, .unavailable, .unusable, .stalled, .idOrder, .diskFull,
    ]
}
