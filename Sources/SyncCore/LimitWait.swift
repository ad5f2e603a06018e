/// For what a run waits that has something to ask for.
package enum WaitReason: UInt8, Sendable, CaseIterable {
    /// Our own limits: a window is full, or counts as full after a restore.
    case budget = 1
    /// A refusal, and what the server asked for with it.
    case cooldown = 2
    /// The API as a whole, or the list, failed.
    case failure = 3

    package var name: String {
        switch self {
        case .budget: "budget"
        case .cooldown: "cooldown"
        case .failure: "failure"
        }
    }
}

extension ControlState {
    /// How long, of the time from the last event to the next one, a request was held back, and by
    /// what; nil where none was.
    ///
    /// Of several reasons it is the one that ended last. Records that wait for another try of their
    /// own hold nothing back.
    ///
    /// - Parameter next: the time of the next event.
    package func wait(until next: LogTime) -> (reason: WaitReason, ns: Int64)? {
        guard next > time, let invocation, invocation.mayAsk(self) else { return nil }
        let begin = bootNs(at: time)
        let limits = invocation.policy.limits
        // Without a time, an answer alone frees a slot.
        let slot =
            limiter.earliest(windows: limits.windows, held: inFlight.count, now: begin) ?? .max
        let budget = max(slot, limiter.unknownUntilNs(limits) ?? begin)
        let failure = invocation.backoffUntilNs ?? begin
        let cooldown = limiter.cooldownUntilNs ?? begin
        let end = max(budget, failure, cooldown)
        let ns = min(end, bootNs(at: next)).saturatingAdd(-begin)
        guard ns > 0 else { return nil }
        return (end == budget ? .budget : end == cooldown ? .cooldown : .failure, ns)
    }
}

extension InvocationState {
    /// Whether a request would be sent if the limits admitted it, as far as that can be told
    /// without looking at the queue.
    fileprivate func mayAsk(_ control: ControlState) -> Bool {
        guard stopping == nil else { return false }
        if mode == .health { return control.inFlight.isEmpty && !healthDone }
        if sendsList(control) { return control.inFlight.isEmpty }
        guard roomForDetails(control) > 0 else { return false }
        let asked = control.inFlight.reduce(0) { $0 + UInt64($1.asked.count) }
        return control[stream].counts.waiting > asked && hasRoomInFlight(control)
    }
}
