package import SyncCore

/// What was done over the life of a store, as sums that only grow: a fold of the whole log.
///
/// Bounded by the streams and by what the API answers; nothing in it goes by record.
package struct LogTotals: Sendable, Equatable {
    /// Requests of one kind that came to the same.
    package struct Answer: Sendable, Hashable {
        package let stream: StreamID
        package let endpoint: Endpoint
        /// The HTTP status; 0 when no response came, nil when the engine was gone before it could.
        package let status: UInt16?
    }

    /// Requests of one kind.
    package struct Call: Sendable, Hashable {
        package let stream: StreamID
        package let endpoint: Endpoint
    }

    /// Invocations that ended alike.
    package struct Run: Sendable, Hashable {
        package let stream: StreamID
        /// What the run was asked to do that they belong to.
        package let mode: RunMode
        package let outcome: RunOutcome
    }

    /// A stream and what a run of it does.
    package struct Sync: Sendable, Hashable {
        package let stream: StreamID
        package let mode: RunMode
    }

    /// Records that were stored, each time they were.
    package struct Records: Sendable, Equatable {
        /// New or changed headers.
        package var headers: UInt64 = 0
        package var details: UInt64 = 0
    }

    package internal(set) var answers: [Answer: UInt64] = [:]
    /// Of requests whose outcome is known, those that got no response too.
    package internal(set) var durations: [Call: DurationHistogram] = [:]
    /// How long requests were held back. Time in which no engine ran is in none of them.
    package internal(set) var waitNs: [WaitReason: Int64] = [:]
    package internal(set) var records: [StreamID: Records] = [:]
    package internal(set) var runs: [Run: UInt64] = [:]
    /// When the last run was completed that left nothing to do.
    package internal(set) var successes: [Sync: LogTime] = [:]

    init() {}

    /// Takes the event that follows.
    ///
    /// - Parameters:
    ///   - endpoint: that of the request that the event is about.
    ///   - control: the state before it.
    mutating func take(_ event: LoggedEvent, _ endpoint: Endpoint?, before control: ControlState) {
        if !event.isEngineStart, let wait = control.wait(until: event.time) {
            waitNs[wait.reason] = (waitNs[wait.reason] ?? 0).saturatingAdd(wait.ns)
        }
        switch event.event {
        case .pageFetched(let page):
            records[event.stream, default: Records()].headers += UInt64(page.entries.count)
        case .detailsFetched(let details):
            let found = details.results.count { $0.outcome.isFound }
            records[event.stream, default: Records()].details += UInt64(found)
        case .runCompleted(let completed):
            end(control.invocation, completed.outcome)
            if completed.outcome == .completed, completed.reason == nil {
                succeed(control.invocation, at: event.time)
            }
        case .runInterrupted: end(control.invocation, .interrupted)
        default: break
        }
        if event.event.answeredIntent != nil, let endpoint { count(event, endpoint) }
    }

    private mutating func count(_ event: LoggedEvent, _ endpoint: Endpoint) {
        let exchange = event.event.exchange
        let answer = Answer(stream: event.stream, endpoint: endpoint, status: exchange?.status)
        answers[answer, default: 0] += 1
        guard let exchange else { return }
        let call = Call(stream: event.stream, endpoint: endpoint)
        durations[call, default: DurationHistogram()].add(us: exchange.latencyUs)
    }

    private mutating func end(_ invocation: InvocationState?, _ outcome: RunOutcome) {
        guard let invocation else { return }
        let run = Run(stream: invocation.stream, mode: invocation.mode, outcome: outcome)
        runs[run, default: 0] += 1
    }

    /// A check of the health syncs nothing.
    private mutating func succeed(_ invocation: InvocationState?, at time: LogTime) {
        guard let invocation, invocation.mode != .health else { return }
        successes[Sync(stream: invocation.stream, mode: invocation.mode)] = time
    }
}

extension LoggedEvent {
    /// Whether nobody was there between the event before it and this one.
    fileprivate var isEngineStart: Bool {
        if case .clockAnchored(let anchor) = event { anchor.isEngineStart } else { false }
    }
}
