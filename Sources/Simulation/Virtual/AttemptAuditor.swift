internal import SyncCore

/// Keeps account of what each record is to blame for, and judges by it which ones are charged,
/// asked alone and given up (invariant 8).
///
/// Only a failed request for one record alone counts. Refusals, an API that isn't there, a broken
/// network and a wrong token are nobody's fault, whatever the log makes of them.
struct AttemptAuditor {
    private struct Account {
        /// Failed requests for it alone since its header changed, its details came, or somebody
        /// put it back.
        var failures = 0
        /// Requests for it that a crash left without an answer, since one said something about it,
        /// whatever its header does. One that says nothing shows that the program got over it, and
        /// lets it fall to what makes a suspect.
        var crashes = 0
        var isParked = false
        /// Somebody took it out of the queue.
        var isDropped = false
    }

    /// Whose fault it is that a request brought nothing.
    private enum Blame {
        case nobody
        /// Somebody may not read one of them, or anything.
        case forbidden
        /// - Parameter isFinal: the server says that it hasn't got the record.
        case records(isFinal: Bool)
        case crash
    }

    /// A request that brought nothing for these records.
    private struct Outcome {
        let intent: Position
        let missed: [Ordinal]
        let isLone: Bool
        let isAlone: Bool
        let blame: Blame
    }

    /// So many crashes let a record be asked for alone, and as many more park it.
    private static let crashes = 3

    private let retry: RetryPolicy
    private var attempts: Int { retry.attempts }
    private var accounts: [Ordinal: Account] = [:]
    private var open: [Position: (ordinals: [Ordinal], isAlone: Bool)] = [:]
    private var last: Outcome?
    /// A failure was charged to nobody because it ends the run.
    private var owesStop = false

    init(_ retry: RetryPolicy) { self.retry = retry }

    /// - Parameter isStopping: the invocation has been told to stop, this event counted in.
    mutating func take(
        _ logged: LoggedEvent, isStopping: Bool, _ violations: inout Violations
    ) {
        let at = logged.position.rawValue
        if owesStop {
            owesStop = false
            violations.expect(
                isStopping, 8, "a failure before \(at) is charged to nobody, and the run goes on")
        }
        switch logged.event {
        case .requestIntended(let event): intended(event, logged.position, &violations)
        case .rateLimited(let event): close(event.intent, .nobody)
        case .requestFailed(let event): close(event.intent, Self.blame(event))
        case .requestAbandoned(let event): abandoned(event)
        case .detailsFetched(let event): fetched(event)
        case .healthChecked(let event): open[event.intent] = nil
        case .pageFetched(let event):
            open[event.intent] = nil
            for entry in event.entries {
                accounts[entry.ordinal]?.failures = 0
                accounts[entry.ordinal]?.isParked = false
                accounts[entry.ordinal]?.isDropped = false
            }
        case .detailsRequeued(let event):
            requeued(event, at, &violations)
            checkDue(event, since: logged.time, at, &violations)
            last = nil
        case .recordParked(let event):
            parked(event, at, &violations)
            last = nil
        case .queueRetried(let event):
            for record in event.records { accounts[record.ordinal] = nil }
        case .queueDropped(let event):
            for record in event.records { accounts[record.ordinal] = Account(isDropped: true) }
        default: break
        }
    }

    private static func blame(_ event: RequestFailed) -> Blame {
        switch (event.exchange.status, event.answer.failure) {
        case (403, _): .forbidden
        case (401, _), (429, _), (503, _), (_, .network), (_, .unavailable), (_, .auth):
            .nobody
        case (404, _), (410, _): .records(isFinal: true)
        default: .records(isFinal: false)
        }
    }

    // MARK: Requests and their outcomes

    private mutating func intended(
        _ event: RequestIntended, _ position: Position, _ violations: inout Violations
    ) {
        let at = position.rawValue
        violations.expect(
            !open.values.contains(where: \.isAlone) && (!event.isAlone || open.isEmpty), 8,
            "the request at \(at) is beside one that may crash the program")
        var ordinals: [Ordinal] = []
        if case .detail(let asked) = event.target { ordinals = asked.map(\.ordinal) }
        open[position] = (ordinals, event.isAlone)
        violations.expect(
            !event.isAlone || ordinals.count == 1, 8,
            "\(ordinals.count) records are asked for alone at \(at)")
        for ordinal in ordinals {
            let account = accounts[ordinal] ?? Account()
            let name = "record \(ordinal.rawValue)"
            violations.expect(!account.isParked, 8, "\(name) is asked for at \(at), though parked")
            violations.expect(
                !account.isDropped, 8, "\(name) is asked for at \(at), though dropped")
            violations.expect(
                account.failures < attempts, 8,
                "\(name) is asked for at \(at), though it failed \(account.failures) times")
            violations.expect(
                event.isAlone == (account.crashes >= Self.crashes), 8,
                "\(name) is asked for \(event.isAlone ? "alone" : "beside others") at \(at) after "
                    + "\(account.crashes) crashes")
        }
    }

    private mutating func close(_ intent: Position, _ blame: Blame) {
        guard let request = open.removeValue(forKey: intent), !request.ordinals.isEmpty else {
            return
        }
        last = Outcome(
            intent: intent, missed: request.ordinals, isLone: request.ordinals.count == 1,
            isAlone: request.isAlone, blame: blame)
        for ordinal in request.ordinals {
            let crashes = accounts[ordinal]?.crashes ?? 0
            accounts[ordinal]?.crashes = min(crashes, Self.crashes)
        }
    }

    private mutating func abandoned(_ event: RequestAbandoned) {
        let isAlone = open[event.intent]?.isAlone ?? false
        let ordinals = open.removeValue(forKey: event.intent)?.ordinals ?? []
        for ordinal in ordinals {
            accounts[ordinal, default: Account()].crashes += 1
        }
        last = Outcome(
            intent: event.intent, missed: ordinals, isLone: ordinals.count == 1, isAlone: isAlone,
            blame: .crash)
    }

    private mutating func fetched(_ event: DetailsFetched) {
        guard let request = open.removeValue(forKey: event.intent) else { return }
        var missed: [Ordinal] = []
        for result in event.results {
            if result.outcome.isFound {
                accounts[result.ordinal] = nil
            } else {
                missed.append(result.ordinal)
            }
        }
        guard !missed.isEmpty else { return }
        last = Outcome(
            intent: event.intent, missed: missed, isLone: request.ordinals.count == 1,
            isAlone: request.isAlone, blame: .records(isFinal: false))
    }

    // MARK: What follows from them

    private mutating func requeued(
        _ event: DetailsRequeued, _ at: UInt64, _ violations: inout Violations
    ) {
        guard let last, last.intent == event.intent else {
            violations.note(8, "records are put back at \(at), though nothing failed")
            return
        }
        let records = event.parts.flatMap { $0.map(\.ordinal) }
        violations.expect(
            records.sorted() == last.missed.sorted(), 8,
            "other records are put back at \(at) than those that the request missed")
        switch last.blame {
        case .records: charged(event, last, records, at, &violations)
        case .forbidden:
            owesStop = true
            violations.expect(
                event.kind == .alone || event.kind == .postponed && last.isLone, 8,
                "records that may not be read are put back at \(at) as \(event.kind)")
        case .nobody, .crash:
            violations.expect(
                event.kind == .returned || event.kind == .postponed, 8,
                "records are put back at \(at) as \(event.kind), though none is to blame")
        }
        guard event.kind.blames else { return }
        for ordinal in records { accounts[ordinal]?.crashes = 0 }
    }

    /// One of the records is to blame, or was missed.
    private mutating func charged(
        _ event: DetailsRequeued, _ last: Outcome, _ records: [Ordinal], _ at: UInt64,
        _ violations: inout Violations
    ) {
        switch event.kind {
        case .returned, .postponed: owesStop = true
        case .attempt:
            violations.expect(
                last.isLone, 8, "a batch is charged to its records at \(at)")
            for ordinal in records {
                accounts[ordinal, default: Account()].failures += 1
                let failures = accounts[ordinal]?.failures ?? 0
                violations.expect(
                    failures < attempts, 8,
                    "record \(ordinal.rawValue) is put back at \(at), though it failed "
                        + "\(failures) times")
            }
        case .whole, .split, .alone:
            violations.expect(
                !last.isLone, 8, "a record that failed alone is not charged with it at \(at)")
        }
    }

    /// What is asked again waits for no longer than is configured.
    private func checkDue(
        _ event: DetailsRequeued, since time: LogTime, _ at: UInt64, _ violations: inout Violations
    ) {
        var least: Int64 = 0
        switch event.kind {
        case .returned, .postponed: return
        case .alone: break
        case .whole, .split, .attempt:
            let records = event.parts.joined().map { accounts[$0.ordinal]?.failures ?? 0 }
            let failures = event.kind == .attempt ? records.max() ?? 1 : 1
            least = StandingWait.exponential(
                retry.baseMs, retry.multiplier, failures, cap: retry.maxMs)
        }
        let wait = event.due.since(time) / .nsPerMs
        violations.expect(
            (least...least + least / 10).contains(wait), 10,
            "what is put back at \(at) waits for \(wait) ms, not \(least)")
    }

    private mutating func parked(
        _ event: RecordParked, _ at: UInt64, _ violations: inout Violations
    ) {
        let ordinal = event.record.ordinal
        let account = accounts[ordinal] ?? Account()
        let name = "record \(event.record.id)"
        var crashes = 0
        defer { accounts[ordinal] = Account(crashes: crashes, isParked: true) }
        guard let last, last.intent == event.intent, last.missed == [ordinal], last.isLone else {
            violations.note(8, "\(name) is parked at \(at), but not after a request for it alone")
            return
        }
        switch last.blame {
        case .nobody, .forbidden:
            violations.note(8, "\(name) is parked at \(at) for what is nobody's fault")
        case .crash:
            // Once its header changes it may show that it is mended, alone.
            crashes = account.crashes
            violations.expect(
                last.isAlone && crashes >= 2 * Self.crashes, 8,
                "\(name) is parked at \(at) after \(crashes) crashes")
            violations.expect(
                Int(event.attempts) == account.failures, 8,
                "\(name) is parked at \(at) with \(event.attempts) attempts, not "
                    + "\(account.failures)")
        case .records(let isFinal):
            let failures = account.failures + 1
            violations.expect(
                failures == attempts || isFinal && failures < attempts, 8,
                "\(name) is parked at \(at) after \(failures) attempts of \(attempts)")
            violations.expect(
                Int(event.attempts) == failures, 8,
                "\(name) is parked at \(at) with \(event.attempts) attempts, not \(failures)")
        }
    }
}

extension DetailsRequeued.Kind {
    /// Whether the records failed, and wait for another try: the checkers' own reading, apart from
    /// that of the folds which they judge.
    var blames: Bool { self != .returned && self != .postponed }
}
