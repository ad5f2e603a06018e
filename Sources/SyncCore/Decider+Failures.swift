extension Decider {
    /// A request brought nothing: whose fault that is decides what follows.
    mutating func failed(_ event: RequestFailed) {
        let request = control.request(event.intent)
        let position = emit(.requestFailed(event), cause: event.intent)
        guard let invocation = control.invocation, let request else { return }
        let answer = event.answer
        if answer.failure == .auth {
            giveBack(request, cause: position)
            stop(.auth, answer.text, cause: position)
        } else if request.endpoint == .health {
            stop(answer.failure.stopReason, answer.text, cause: position)
        } else if answer.failure.isOfAPI {
            giveBack(request, cause: position)
            backOff(Int(invocation.apiFailures), answer, intent: event.intent, cause: position)
        } else if request.endpoint == .list {
            let failures = Int(control[invocation.stream].pass?.failures ?? 1)
            if answer.failure.isPermanent {
                stop(answer.failure.stopReason, answer.text, cause: position)
            } else {
                backOff(failures, answer, intent: event.intent, cause: position)
            }
        } else {
            detailsFailed(request, answer, cause: position)
        }
    }

    /// Waits before anything is asked again; after too many failures in a row, gives up.
    private mutating func backOff(
        _ failures: Int, _ answer: FailureAnswer, intent: Position, cause: Position
    ) {
        guard let invocation = control.invocation else { return }
        let retry = invocation.policy.retry
        if failures >= retry.attempts {
            stop(
                answer.failure.stopReason, "\(answer.text) (\(failures) times in a row)",
                cause: cause)
            return
        }
        let own = jittered(
            retry.waitMs(afterFailures: failures), seed: invocation.seed, intent: intent)
        let wait = max(own, answer.waitMs ?? 0)
        emit(
            .backoffApplied(
                BackoffApplied(
                    kind: .failure, until: now.adding(ms: wait), waitMs: wait,
                    step: UInt32(clamping: failures))),
            cause: cause)
    }

    /// A batch that failed charges no record: it is asked again whole, then cut in two, until the
    /// record that breaks it stands alone.
    private mutating func detailsFailed(
        _ request: InFlightRequest, _ answer: FailureAnswer, cause: Position
    ) {
        guard let invocation = control.invocation else { return }
        let retry = invocation.policy.retry
        let asked = records(of: request)
        if Int(invocation.failures) >= retry.attempts * Self.failuresInARow {
            giveBack(request, cause: cause)
            stop(
                answer.failure.stopReason,
                "\(answer.text) (\(invocation.failures) failed requests in a row)", cause: cause)
            return
        }
        let error = RecordError(code: answer.code, text: answer.text)
        if asked.count == 1, let only = asked.first {
            charge(
                only, intent: request.intent, error: error,
                isFinal: answer.failure == .notFound, cause: cause)
            return
        }
        let wait = jittered(
            retry.waitMs(afterFailures: 1), seed: invocation.seed, intent: request.intent)
        let due = now.adding(ms: wait)
        let wasAskedWhole = asked.allSatisfy {
            rows.byOrdinal[$0.ordinal]?.queue?.isSplitNext ?? false
        }
        if wasAskedWhole {
            let half = (asked.count + 1) / 2
            requeue(
                request.intent, .split, parts: [Array(asked[..<half]), Array(asked[half...])],
                due: due, error: error, cause: cause)
        } else {
            requeue(
                request.intent, .whole, parts: [asked], due: due, error: error, cause: cause)
        }
    }

    /// So many times `retry.attempts` failed detail requests in a row mean that it isn't the
    /// records.
    private static let failuresInARow = 4
}

extension FailureClass {
    /// Why a run ends that can't get past such failures.
    fileprivate var stopReason: StopReason {
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
