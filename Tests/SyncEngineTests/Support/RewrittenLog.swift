import EventLog
import SyncCore

extension EventLog {
    /// Facts and decisions as another program would have written them.
    ///
    /// - Parameter change: the event in the place of another; nil where it stays.
    func rewritten(_ change: (LoggedEvent) -> Event?) throws -> EventLog {
        let copy = try ScratchStore().log
        var tail = Position.none
        try snapshot().forEachCommit(after: .none) { commit throws(EventLogError) in
            var writer = try copy.beginWrite(after: tail)
            try writer.append(
                commit.events.map { event in
                    guard let other = change(event) else { return event }
                    return LoggedEvent(
                        position: event.position, time: event.time, stream: event.stream,
                        run: event.run, cause: event.cause, startsStep: event.startsStep,
                        event: other)
                })
            tail = commit.events.last?.position ?? tail
            try writer.commit()
            return true
        }
        return copy
    }
}

extension RunRequested {
    /// The same request under another policy, or by other rules.
    func with(policy: Policy? = nil, deciderVersion: UInt32? = nil) -> RunRequested {
        RunRequested(
            mode: mode, options: options, policy: policy ?? self.policy, seed: seed,
            deciderVersion: deciderVersion ?? self.deciderVersion, requester: requester)
    }
}
