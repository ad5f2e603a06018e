extension Decider {
    /// The server's limit was hit: nothing is sent until the cooldown is over.
    mutating func limited(
        _ event: RateLimited, _ request: InFlightRequest, _ invocation: InvocationState
    ) {
        let limits = invocation.policy.limits
        let cause = RefusalCause(
            control.limiter, limits.windows, sentNs: request.sentNs, now: nowNs,
            waitMs: event.waitMs, others: control.inFlight.count - 1)
        let lesson =
            event.intent > control.limiter.cooldownAt
            ? cause?.lesson(control.limiter) : nil
        let step = strike(event.intent, cause?.window.periodNs ?? limits.largestPeriodNs)
        let position = emit(.rateLimited(event), cause: event.intent)
        if let lesson { emit(.limitLearned(lesson), cause: position) }
        let own = exponential(
            base: limits.cooldownMs, multiplier: limits.backoffMultiplier, steps: Int(step) - 1,
            cap: max(limits.largestPeriodNs / .nsPerMs, 1))
        let until = coolDown(
            invocation, own: own, asked: event.waitMs ?? 0, step: step, intent: event.intent,
            cause: position)
        // One that is always refused must not hold up the others.
        giveBack(request, .postponed, cause: position)
        // A check of the health is one request: that it was refused is the answer.
        if invocation.mode == .health {
            stop(
                .unavailable,
                "the API refuses requests: \(event.exchange.status), and is not asked again before "
                    + until.rfc3339(), cause: position)
        }
    }

    /// Which refusal in a row this is.
    ///
    /// Refusals of requests that were on the wire together are one: the multiplier is for those who
    /// ask again too early.
    ///
    /// - Parameter periodNs: that of the window that was hit; a whole one without a refusal ends
    ///   the row.
    private func strike(_ intent: Position, _ periodNs: Int64) -> UInt32 {
        let limiter = control.limiter
        let isInARow = limiter.lastLimitedNs.map { nowNs.saturatingAdd(-$0) < periodNs }
        guard isInARow == true else { return 1 }
        return intent > limiter.cooldownAt
            ? limiter.strikes.saturatingAdd(1) : max(limiter.strikes, 1)
    }

    /// Sends nothing for a while, unless a longer wait stands already.
    ///
    /// - Parameters:
    ///   - own: our own wait, in milliseconds; up to a tenth more is drawn.
    ///   - asked: what the server asks for. A second more at the most is drawn: a tenth of an hour
    ///     would be lost for nothing.
    /// - Returns: the end of the cooldown in force.
    @discardableResult
    mutating func coolDown(
        _ invocation: InvocationState, own: Int64, asked: Int64, step: UInt32,
        intent: Position, cause: Position
    ) -> LogTime {
        let jitter = jittered(1_000, seed: invocation.seed, intent: intent) - 1_000
        let wait = max(
            jittered(own, seed: invocation.seed, intent: intent),
            asked.saturatingAdd(asked > 0 ? 10 * jitter : 0))
        let until = now.adding(ms: wait)
        let standing = control.limiter.cooldownUntilNs.map { control.time(atBootNs: $0) }
        if let standing, standing >= until, step == control.limiter.strikes { return standing }
        emit(
            .backoffApplied(
                BackoffApplied(
                    kind: .cooldown, until: max(until, standing ?? until), waitMs: wait, step: step)
            ), cause: cause)
        return max(until, standing ?? until)
    }

    /// A request was admitted that was on the wire with a refused one: the window that refused
    /// admits one more than was learned.
    mutating func admitted(
        _ intent: Position, _ invocation: InvocationState, cause: Position
    ) {
        let windows = invocation.policy.limits.windows
        for known in control.limiter.learned
        where intent < known.position && known.requests < known.ceiling
            && windows.contains(where: known.isAbout)
        {
            emit(
                .limitLearned(
                    LimitLearned(
                        kind: .admitted, window: known.window, periodNs: known.periodNs,
                        requests: UInt32(clamping: known.requests + 1),
                        ceiling: UInt32(clamping: known.ceiling),
                        confirmations: known.confirmations)),
                cause: cause)
        }
    }

    /// Drops what was learned, if the invocation asks for it, and a wait that no window explains:
    /// a server that named a wait of centuries by mistake must not hold up a store for ever.
    mutating func forgetLimits(
        _ options: RunOptions, _ limits: LimitPolicy, cause: Position
    ) {
        guard options.forgetLimits else { return }
        let learned = control.limiter.learned.map(\.window)
        let endsWait = control.limiter.waits(beyond: limits.largestPeriodNs, now: nowNs)
        guard !learned.isEmpty || endsWait || control.limiter.suspected != nil else { return }
        emit(
            .limitsForgotten(LimitsForgotten(windows: learned, endsWait: endsWait)), cause: cause)
    }
}
