extension ControlState {
    mutating func fold(_ event: RequestIntended, _ logged: LoggedEvent) {
        inFlight.append(
            InFlightRequest(
                intent: logged.position, stream: logged.stream, target: event.target,
                sentNs: bootNs(at: logged.time), isAlone: event.isAlone))
        if case .health = event.target { invocation?.healthAsked = nil }
        guard let windows = invocation?.policy.limits.windows else { return }
        invocation?.counters.count(request: event.endpoint)
        invocation?.floor.count(windows: windows)
    }

    mutating func fold(_ event: RateLimited, _ logged: LoggedEvent) {
        release(event.intent, at: logged.time, isRefused: true)
        invocation?.counters.rateLimited += 1
        let time = bootNs(at: logged.time)
        limiter.lastLimitedNs = time
        if invocation?.refusedSinceNs == nil { invocation?.refusedSinceNs = time }
    }

    mutating func fold(_ event: HealthChecked, _ logged: LoggedEvent) {
        release(event.intent, at: logged.time)
        // Beside a run it says nothing of what that one asks for.
        guard invocation?.mode == .health else { return }
        invocation?.healthDone = true
        resetFailures()
    }

    mutating func fold(_ event: BackoffApplied, _ logged: LoggedEvent) {
        let until = bootNs(at: event.until)
        switch event.kind {
        case .cooldown:
            limiter.cooldownUntilNs = until
            limiter.cooldownAt = logged.position
            limiter.strikes = event.step
        case .failure: invocation?.backoffUntilNs = until
        }
    }

    mutating func fold(_ event: RequestFailed, _ logged: LoggedEvent) {
        let endpoint = request(event.intent)?.endpoint
        release(event.intent, at: logged.time, mayStillArrive: event.answer.arrivalUnknown)
        guard let current = invocation else { return }
        let stream = current.stream
        if endpoint != .health { self[stream].lastError = event.answer.text }
        if endpoint != .health, event.answer.failure.isOfAPI, current.isNewRound(event.intent) {
            invocation?.apiFailures += 1
            invocation?.failureRound = logged.position
        }
        if endpoint == .list { self[stream].pass?.failures += 1 }
    }

    /// An answer came that can be used: whatever failed before is over.
    mutating func resetFailures() {
        invocation?.apiFailures = 0
        invocation?.failures = 0
        invocation?.backoffUntilNs = nil
        invocation?.refusedSinceNs = nil
    }

    /// Takes a request out of flight; its slot runs out from `time` on.
    ///
    /// - Parameters:
    ///   - mayStillArrive: the request may reach the server within the delivery bound.
    ///   - isRefused: the server said that it is over its limit.
    mutating func release(
        _ intent: Position, at time: LogTime, mayStillArrive: Bool = false,
        isRefused: Bool = false
    ) {
        guard let index = inFlight.firstIndex(where: { $0.intent == intent }) else { return }
        let request = inFlight.remove(at: index)
        let limits = invocation?.policy.limits
        let windows = limits?.windows ?? []
        let bound = mayStillArrive ? limits?.deliveryBoundMs ?? 10_000 : 0
        let from = bootNs(at: time.adding(ms: bound))
        if !mayStillArrive, !isRefused { limiter.contradict(request.sentNs, windows) }
        limiter.slots.insert(from, windows: windows)
        if isRefused { limiter.refused.insert(from, windows: windows) }
        guard !mayStillArrive else { return }
        if intent > limiter.cooldownAt { limiter.admittedSince = !isRefused }
        let fading = limiter.latencyNs - limiter.latencyNs / 8
        limiter.latencyNs = max(from.saturatingAdd(-request.sentNs), fading, 0)
    }

    mutating func fold(_ event: LimitLearned, _ logged: LoggedEvent) {
        let index = limiter.learned.firstIndex {
            $0.window == event.window && $0.periodNs == event.periodNs
        }
        switch event.kind {
        case .suspected:
            limiter.suspected = SuspectedLimit(
                window: event.window, requests: Int(event.requests))
        case .admitted:
            if let index { limiter.learned[index].requests = Int(event.requests) }
        case .refused:
            limiter.suspected = nil
            if let index { limiter.learned.remove(at: index) }
            let windows = invocation?.policy.limits.windows ?? []
            let configured = windows.first {
                $0.name == event.window && $0.periodNs == event.periodNs
            }
            limiter.learned.append(
                LearnedLimit(
                    window: event.window, periodNs: event.periodNs,
                    requests: Int(event.requests), ceiling: Int(event.ceiling),
                    position: logged.position, sinceNs: bootNs(at: logged.time),
                    confirmations: event.confirmations,
                    configured: configured?.requests ?? Int(UInt32.max)))
        }
    }
}

extension InvocationState {
    /// Whether a request was sent after the last failure that counts was known.
    func isNewRound(_ intent: Position) -> Bool { intent > failureRound }

    /// Whether the failure of a detail request may mean that the API fails for every record.
    ///
    /// Records that failed before fail again; once others were fetched, that says nothing new.
    ///
    /// - Parameter records: those that failed and may be news; none where it is settled that they
    ///   are to blame (given up, or gone).
    func suggestsOutage(_ intent: Position, _ records: [QueuedRecord]) -> Bool {
        isNewRound(intent)
            && (counters.detailed == 0 || records.contains { $0.was != .retrying })
    }

    mutating func countFailure(at position: Position) {
        failures += 1
        failureRound = position
    }
}

extension FailureClass {
    /// Whether it says that the API as a whole can't be reached, and nothing about one record.
    package var isOfAPI: Bool {
        switch self {
        case .network, .unavailable, .auth: true
        case .timeout, .server, .client, .notFound, .unusable, .tooLarge, .redirect, .idOrder: false
        }
    }
}
