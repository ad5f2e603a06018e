extension Decider {
    /// Begins what was asked for, or goes on with what is open.
    mutating func requested(_ event: RunRequested, stream: StreamID) {
        let position = emit(
            .runRequested(event), stream: stream, run: control.position.next, cause: .none)
        forgetLimits(event.options, event.policy.limits, cause: position)
        guard let invocation = control.invocation else { return }
        switch event.mode {
        case .health, .detailsOnly:
            emit(.runStarted(RunStarted(mode: event.mode)), cause: position)
        case .full: startPass(.full, invocation, cause: position)
        case .incremental:
            if resumePass(event, invocation, cause: position) { return }
            startPass(.incremental, invocation, cause: position)
        case .resume:
            if resumePass(event, invocation, cause: position) { return }
            resumeQueue(event, invocation, cause: position)
        }
    }

    /// Goes on with the open pass, under its run, or gives it up and begins it anew; false when
    /// there is none.
    private mutating func resumePass(
        _ event: RunRequested, _ invocation: InvocationState, cause: Position
    ) -> Bool {
        guard let pass = control[invocation.stream].pass else { return false }
        if event.options.abandon, pass.pinned != event.policy.pinned {
            startPass(
                event.mode == .resume ? pass.mode : event.mode, invocation, cause: cause)
            return true
        }
        emit(.runResumed(RunResumed(run: pass.run, mode: pass.mode)), cause: cause)
        return true
    }

    private mutating func resumeQueue(
        _ event: RunRequested, _ invocation: InvocationState, cause: Position
    ) {
        let stream = control[invocation.stream]
        if let unfinished = stream.unfinished {
            // Even with nothing left to ask for: how it ended was never said.
            emit(
                .runResumed(RunResumed(run: unfinished.run, mode: unfinished.mode)), cause: cause)
        } else if stream.counts.waiting > 0, event.policy.detail != nil {
            emit(.runStarted(RunStarted(mode: .resume)), cause: cause)
        } else {
            let text = "there is nothing to resume"
            complete(RunStopping(reason: .nothingToResume, text: text), cause: cause)
        }
    }

    private mutating func startPass(
        _ mode: RunMode, _ invocation: InvocationState, cause: Position
    ) {
        if let open = control[invocation.stream].pass {
            emit(.passAbandoned(PassAbandoned(number: open.number)), cause: cause)
        }
        let started = emit(.runStarted(RunStarted(mode: mode)), cause: cause)
        openPass(mode, invocation, cause: started)
    }

    /// Begins a walk over the list, or over what lies above the high-water mark.
    mutating func openPass(_ mode: RunMode, _ invocation: InvocationState, cause: Position) {
        let stream = control[invocation.stream]
        let policy = invocation.policy
        var filter = ListFilter.all
        if mode == .incremental, let mark = stream.mark(for: policy) { filter = .idAfter(mark) }
        let isNewGeneration = mode == .full || stream.generation == 0
        emit(
            .passOpened(
                PassOpened(
                    number: stream.lastPass + 1,
                    generation: stream.generation + (isNewGeneration ? 1 : 0), mode: mode,
                    filter: filter, pinned: policy.pinned)),
            cause: cause)
    }

    /// Ends the invocation now; nothing may be in flight.
    mutating func complete(_ stopping: RunStopping?, cause: Position) {
        guard let invocation = control.invocation else { return }
        let completed = RunCompleted(
            outcome: stopping?.reason.outcome ?? .completed, reason: stopping?.reason,
            text: stopping?.text ?? "completed", resumeAt: stopping?.resumeAt,
            counters: invocation.counters,
            durationNs: max(nowNs.saturatingAdd(-invocation.startedNs), 0),
            floorNs: invocation.floor.floorNs)
        emit(.runCompleted(completed), cause: cause)
        decision.effects.append(.finish(completed))
    }
}

/// Why a run can't begin: nothing was sent and nothing written.
package struct RunRefusal: Error, Sendable, Equatable {
    /// One clear line.
    package let text: String
    package let hint: String
}

/// Checks a request for a run against what the store holds, before anything is appended.
///
/// - Returns: nil when the run may begin; a refusal is a configuration error (exit 2).
package func refusal(
    _ control: ControlState, _ event: RunRequested, stream id: StreamID
) -> RunRefusal? {
    guard event.mode != .health, id != .none, control.streams.count >= Int(id.rawValue) else {
        return nil
    }
    let stream = control[id]
    if let fixed = stream.idOrder, let wanted = event.policy.idOrder, fixed != wanted {
        return RunRefusal(
            text: "idOrder of stream \(stream.name) is \(fixed) in this store, but \(wanted) in "
                + "the configuration",
            hint: "set idOrder: \(fixed), or begin a new store")
    }
    if stream.idOrder == IDOrder.none, event.mode != .detailsOnly, event.policy.needsIDOrder {
        return RunRefusal(
            text: "idAfter needs ordered ids, but those of stream \(stream.name) have no order in "
                + "this store",
            hint: "page by number or offset with incremental: none, or set idOrder for a new store")
    }
    let goesOn = event.mode == .incremental || event.mode == .resume
    guard goesOn, !event.options.abandon, let pass = stream.pass,
        let key = changedKey(pass.pinned, event.policy.pinned)
    else { return nil }
    return RunRefusal(
        text: "\(key) changed since the open list pass of stream \(stream.name) began, so its "
            + "cursor can't be gone on with",
        hint: "change it back, or give the pass up with --abandon")
}

private func changedKey(_ old: [PinnedKey], _ new: [PinnedKey]) -> String? {
    for key in old where !new.contains(key) { return key.key }
    for key in new where !old.contains(key) { return key.key }
    return nil
}
