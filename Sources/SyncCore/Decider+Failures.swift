extension Decider {
    /// A request brought nothing: whose fault that is decides what follows.
    mutating func failed(
        _ event: RequestFailed, _ request: InFlightRequest, _ earlier: InvocationState
    ) {
        let position = emit(.requestFailed(event), cause: event.intent)
        // With this failure counted.
        let invocation = control.invocation ?? earlier
        let answer = event.answer
        // A wait that the server names holds for everything, and outlives the invocation.
        if let wait = answer.waitMs {
            coolDown(
                invocation, own: 0, asked: wait, step: control.limiter.strikes,
                intent: event.intent,
                cause: position)
        }
        if request.endpoint == .health {
            // Beside a run, that it failed is the answer: what the run asks for may fare better.
            guard invocation.mode == .health else { return }
            stop(answer.failure.stopReason, answer.text, cause: position)
        } else if answer.failure == .auth {
            refused(request, event, cause: position)
            stop(answer.failure.stopReason, answer.text, cause: position)
        } else if answer.failure.isOfAPI {
            giveBack(request, .postponed, cause: position)
            guard earlier.isNewRound(event.intent) else { return }
            backOff(invocation, Int(invocation.apiFailures), answer, event.intent, cause: position)
        } else if request.endpoint == .list {
            let failures = Int(control[invocation.stream].pass?.failures ?? 1)
            if answer.failure.isPermanent {
                stop(answer.failure.stopReason, answer.text, cause: position)
            } else {
                backOff(invocation, failures, answer, event.intent, cause: position)
            }
        } else {
            detailsFailed(request, invocation, answer, cause: position)
        }
    }

    /// The credentials were refused: for everything, or for one of these records.
    ///
    /// A run that ends at a record that nobody may read must not be followed by one that asks for
    /// it first: it is asked for after all others, and its companions without it.
    private mutating func refused(
        _ request: InFlightRequest, _ event: RequestFailed, cause: Position
    ) {
        guard event.exchange.status == 403, !request.asked.isEmpty else {
            giveBack(request, cause: cause)
            return
        }
        let records = records(of: request)
        if records.count == 1, records[0].was == .retrying {
            giveBack(request, .postponed, cause: cause)
            return
        }
        requeue(
            request.intent, .alone, parts: records.map { [$0] }, due: now,
            error: RecordError(code: event.answer.code, text: event.answer.text), cause: cause)
    }

    /// Waits before anything is asked again; after too many failures in a row, gives up.
    private mutating func backOff(
        _ invocation: InvocationState, _ failures: Int, _ answer: FailureAnswer,
        _ intent: Position, cause: Position
    ) {
        if failures >= invocation.policy.retry.attempts {
            stop(
                answer.failure.stopReason, "\(answer.text) (\(failures) times in a row)",
                cause: cause)
        } else {
            pause(invocation, afterFailures: failures, intent: intent, cause: cause)
        }
    }

    private mutating func pause(
        _ invocation: InvocationState, afterFailures failures: Int, intent: Position,
        cause: Position
    ) {
        let wait = jittered(
            invocation.policy.retry.waitMs(afterFailures: failures), seed: invocation.seed,
            intent: intent)
        let until = now.adding(ms: wait)
        let standing = invocation.backoffUntilNs.map { control.time(atBootNs: $0) }
        emit(
            .backoffApplied(
                BackoffApplied(
                    kind: .failure, until: max(until, standing ?? until), waitMs: wait,
                    step: UInt32(clamping: failures))),
            cause: cause)
    }

    /// A batch that failed charges no record: it is asked again whole, then cut in two, until the
    /// record that breaks it stands alone.
    private mutating func detailsFailed(
        _ request: InFlightRequest, _ invocation: InvocationState, _ answer: FailureAnswer,
        cause: Position
    ) {
        let retry = invocation.policy.retry
        let asked = records(of: request)
        let isGone = answer.failure == .notFound && asked.count == 1
        let suggestsOutage = invocation.suggestsOutage(request.intent, isGone ? [] : asked)
        let failures = Int(invocation.failures) + 1
        if suggestsOutage, failures >= retry.attempts * Self.failuresInARow {
            giveBack(request, cause: cause)
            stop(
                answer.failure.stopReason, "\(answer.text) (\(failures) times in a row)",
                cause: cause)
            return
        }
        let error = RecordError(code: answer.code, text: answer.text)
        if asked.count == 1, let only = asked.first {
            charge(
                only, invocation, intent: request.intent, error: error, isFinal: isGone,
                cause: cause)
        } else {
            askBatchAgain(asked, invocation, request.intent, error: error, cause: cause)
        }
        if suggestsOutage, failures >= retry.attempts {
            pause(
                invocation, afterFailures: failures - retry.attempts + 1, intent: request.intent,
                cause: cause)
        }
    }

    /// A batch that failed for the first time is asked again whole, then in halves.
    private mutating func askBatchAgain(
        _ asked: [QueuedRecord], _ invocation: InvocationState, _ intent: Position,
        error: RecordError, cause: Position
    ) {
        let wait = jittered(
            invocation.policy.retry.waitMs(afterFailures: 1), seed: invocation.seed,
            intent: intent)
        let due = now.adding(ms: wait)
        let wasAskedWhole = asked.allSatisfy {
            rows.byOrdinal[$0.ordinal]?.queue?.isSplitNext == true
        }
        if wasAskedWhole {
            let half = (asked.count + 1) / 2
            requeue(
                intent, .split, parts: [Array(asked[..<half]), Array(asked[half...])],
                due: due, error: error, cause: cause)
        } else {
            requeue(intent, .whole, parts: [asked], due: due, error: error, cause: cause)
        }
    }

    /// So many times `retry.attempts` failures in a row, with growing waits, mean that it isn't the
    /// records.
    private static let failuresInARow = 4
}

extension FailureClass {
    /// Why a run ends that can't get past such failures.
    package var stopReason: StopReason {
        switch self {
        case .network, .unavailable, .timeout, .server: .unavailable
        case .auth: .auth
        case .client, .notFound, .unusable, .tooLarge, .redirect: .unusable
        case .idOrder: .idOrder
        }
    }

    /// Whether asking for the same page again can't help.
    fileprivate var isPermanent: Bool {
        switch self {
        case .client, .notFound, .redirect, .tooLarge, .idOrder: true
        case .network, .timeout, .unavailable, .server, .auth, .unusable: false
        }
    }
}
