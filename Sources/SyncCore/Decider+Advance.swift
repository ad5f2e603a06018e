extension Decider {
    /// Sends what may be sent now, says when to look again, and ends what is done.
    mutating func advance() {
        guard let invocation = control.invocation else { return }
        var picker = BatchPicker(rows: rows, order: control[invocation.stream].idOrder ?? .none)
        var cause = invocation.request
        while let current = control.invocation {
            if current.stopping != nil {
                if control.inFlight.isEmpty { complete(current.stopping, cause: cause) }
                return
            }
            let next = nextTarget(current, &picker)
            if case .done = next {
                complete(ending(current), cause: cause)
                return
            }
            if stopsAtBound(current) { continue }
            switch next {
            case .send(let target, let isAlone, let reason):
                cause = send(target, isAlone: isAlone, cause: reason)
            case .wake(let time, let isBudget):
                wake(at: time, isBudget: isBudget, current)
                return
            case .wait, .done: return
            }
        }
    }

    private enum Next {
        case send(RequestIntended.Target, isAlone: Bool = false, cause: Position)
        /// Only an outcome can change anything.
        case wait
        /// - Parameter isBudget: our own limits set the wait, and not the server or a failure.
        case wake(LogTime, isBudget: Bool)
        case done
    }

    /// Stops an invocation that has something left to do, but reached a bound of time or disk.
    private mutating func stopsAtBound(_ invocation: InvocationState) -> Bool {
        if control.inFlightAllowed == 0 {
            stop(
                .diskFull,
                "too little free space to store another answer: no request is sent; "
                    + "free some space and run `ossync sync --mode resume`",
                cause: invocation.request)
            return true
        }
        if let deadline = invocation.deadlineNs, nowNs >= deadline {
            stop(.maxDuration, "--max-duration is reached", cause: invocation.request)
            return true
        }
        return false
    }

    private func nextTarget(_ invocation: InvocationState, _ picker: inout BatchPicker) -> Next {
        let inFlight = control.inFlight.count
        if invocation.mode == .health {
            if inFlight > 0 { return .wait }
            if invocation.healthDone { return .done }
            return gated(invocation) { .send(.health, cause: invocation.request) }
        }
        if let asked = invocation.healthAsked, maySendHealth(invocation, picker) {
            return .send(.health, cause: asked)
        }
        if invocation.sendsList(control) {
            guard inFlight == 0, let pass = control[invocation.stream].pass else { return .wait }
            return gated(invocation) {
                .send(
                    .list(cursor: pass.cursor, filter: pass.filter),
                    cause: max(pass.lastEvent, invocation.request))
            }
        }
        let room = invocation.roomForDetails(control)
        guard room > 0 else {
            return inFlight > 0 ? .wait : .done
        }
        guard !picker.isEmpty else { return idle(picker) }
        guard invocation.hasRoomInFlight(control) else { return .wait }
        if picker.nextIsAlone, inFlight > 0 { return .wait }
        return gated(invocation) {
            let batch = picker.take(room)
            return .send(.detail(batch.asked), isAlone: batch.isAlone, cause: batch.cause)
        }
    }

    /// Whether a check of the health that somebody waits for is sent now: while the run has work
    /// of its own, which it neither holds up nor ends.
    private func maySendHealth(_ invocation: InvocationState, _ picker: BatchPicker) -> Bool {
        let hasDetails = invocation.roomForDetails(control) > 0
        let hasWork =
            !control.inFlight.isEmpty || invocation.sendsList(control)
            || hasDetails && (!picker.isEmpty || picker.nextDue != nil)
        guard hasWork, invocation.hasRoomInFlight(control) else { return false }
        return gate(invocation).map { $0 <= nowNs } ?? false
    }

    /// Nothing can be asked for now.
    private func idle(_ picker: BatchPicker) -> Next {
        if !control.inFlight.isEmpty { return .wait }
        return picker.nextDue.map { .wake($0, isBudget: false) } ?? .done
    }

    /// Sends, if the limits admit a request now.
    private func gated(_ invocation: InvocationState, _ send: () -> Next) -> Next {
        guard let gate = gate(invocation) else { return .wait }
        if gate <= nowNs { return send() }
        let asked = max(control.limiter.cooldownUntilNs ?? .min, invocation.backoffUntilNs ?? .min)
        return .wake(control.time(atBootNs: gate), isBudget: asked < gate)
    }

    /// The boot-clock reading from which a request may be sent; nil when only a response frees a
    /// slot.
    private func gate(_ invocation: InvocationState) -> Int64? {
        guard
            let slot = control.limiter.earliest(
                windows: invocation.policy.limits.windows, held: control.inFlight.count,
                now: nowNs)
        else { return nil }
        let free = control.limiter.free(under: invocation.policy.limits, now: slot)
        return max(free, invocation.backoffUntilNs ?? free)
    }

    private mutating func send(
        _ target: RequestIntended.Target, isAlone: Bool, cause: Position
    ) -> Position {
        let event = RequestIntended(target: target, isAlone: isAlone, due: takeDue())
        let intent = emit(.requestIntended(event), cause: cause)
        decision.effects.append(.send(event.request(intent: intent)))
        return intent
    }

    /// Asks to be told when a wait is over, or ends a run whose patience it exceeds.
    ///
    /// Waits between refusals in a row count as one: a server that only ever says "later" must not
    /// hold a run for ever.
    private mutating func wake(at time: LogTime, isBudget: Bool, _ invocation: InvocationState) {
        let wait = time.since(now)
        let patience = invocation.options.patienceMs.saturatingMultiply(.nsPerMs)
        let refused = invocation.refusedSinceNs.map { nowNs.saturatingAdd(-$0) } ?? 0
        if wait.saturatingAdd(refused) > patience {
            let isOneWait = wait > patience
            let next = "the next request may be sent in \(wait / .nsPerSecond) s"
            stop(
                isOneWait && isBudget ? .budget : .patience,
                isOneWait
                    ? "\(next), which is longer than --patience\(doubt(invocation))"
                    : "\(next), after \(refused / .nsPerSecond) s in which the API refused every "
                        + "one: together longer than --patience",
                resumeAt: time, cause: invocation.request)
            if control.inFlight.isEmpty {
                complete(control.invocation?.stopping, cause: control.position)
            }
            return
        }
        let deadline = invocation.deadlineNs.map { control.time(atBootNs: $0) }
        decision.effects.append(.wake(at: min(time, deadline ?? time)))
    }

    /// What helps where the wait can't have been meant.
    private func doubt(_ invocation: InvocationState) -> String {
        let longest = invocation.policy.limits.largestPeriodNs
        return control.limiter.waits(beyond: longest, now: nowNs)
            ? " and than any window; `ossync sync --forget-limits` ends it" : ""
    }

    /// How an invocation ends that has nothing more to do.
    private func ending(_ invocation: InvocationState) -> RunStopping? {
        let stream = control[invocation.stream]
        guard invocation.mode != .health else { return nil }
        let hasMoreList = stream.pass != nil && invocation.mode != .detailsOnly
        let hasMoreDetails =
            invocation.policy.detail != nil && !invocation.options.noDetails
            && stream.counts.waiting > 0
        if invocation.options.maxRecords != nil, hasMoreList || hasMoreDetails {
            return RunStopping(reason: .max, text: "--max is reached")
        }
        if let drift = invocation.drift { return RunStopping(reason: .drift, text: drift) }
        let parked = min(parked(by: invocation), stream.counts.parked)
        guard parked > 0 else { return nil }
        return RunStopping(
            reason: .parked,
            text: "\(parked) \(parked == 1 ? "record was" : "records were") given up: see "
                + "`ossync queue list`")
    }

    /// Records that the run gave up, in this invocation and in those it goes on from.
    private func parked(by invocation: InvocationState) -> UInt64 {
        let own = invocation.counters.failed + invocation.untoldFailures
        guard let earlier = control[invocation.stream].unfinished, earlier.run == invocation.run
        else { return own }
        return earlier.counters.failed + own
    }
}

extension InvocationState {
    /// Whether another request may be sent beside those in flight; the list goes alone.
    func hasRoomInFlight(_ control: ControlState) -> Bool {
        let concurrency = sendsList(control) ? 1 : policy.detail?.concurrency ?? 1
        let most = min(concurrency, Int(control.inFlightAllowed ?? .max))
        return control.inFlight.count < most && !control.inFlight.contains(where: \.isAlone)
    }

    /// The boot-clock reading at which `--max-duration` is over.
    var deadlineNs: Int64? {
        options.maxDurationMs.map { startedNs.saturatingAdd($0.saturatingMultiply(.nsPerMs)) }
    }

    /// How many records the next detail request may ask for: a batch, or what `--max` still admits,
    /// each counted once it is done or on its way.
    func roomForDetails(_ control: ControlState) -> Int {
        guard sendsDetails(control), let batch = policy.detail?.batch else { return 0 }
        guard let most = options.maxRecords else { return batch }
        let asked = control.inFlight.reduce(0) { $0 + UInt64($1.asked.count) }
        let used = counters.detailed + counters.failed + asked
        return most > used ? min(batch, Int(clamping: most - used)) : 0
    }
}
