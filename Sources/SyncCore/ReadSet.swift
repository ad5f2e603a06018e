/// The core rows that a decision needs: bounded, and read in the writer's own view.
package struct ReadSet: Sendable, Equatable {
    package var stream: StreamID
    /// Rows by identity, with whether the pass `seenIn` has seen them.
    package var ids: [RecordID] = []
    package var seenIn: UInt32 = 0
    /// Rows by ordinal.
    package var ordinals: [Ordinal] = []
    /// The first so many entries of the classes new and changed, in the order of the queue.
    package var waiting = 0
    /// The order of the stream's identities, which the queue's keys were made by.
    package var idOrder = IDOrder.none
    /// The first so many retried entries that are due by `dueBy`, and when the next is due.
    package var retries = 0
    package var dueBy: LogTime = .zero
    /// Retried entries that are due later than this are due now: no wait is so long, so the wall
    /// clock was set back since.
    package var dueBeyond = LogTime(nanoseconds: .max)

    package init(stream: StreamID) { self.stream = stream }
}

/// The rows that a `ReadSet` names, as they are.
package struct CoreRows: Sendable, Equatable {
    package var byID: [RecordID: RecordRow] = [:]
    /// Which of them the pass has seen.
    package var seen: Set<Ordinal> = []
    package var byOrdinal: [Ordinal: RecordRow] = [:]
    package var waiting: [RecordRow] = []
    package var retries: [RecordRow] = []
    /// More retried entries are due than were read: the last group may be cut.
    package var retriesAreCut = false
    /// When the first retried entry that isn't due yet will be.
    package var nextDue: LogTime?

    package init() {}
}

/// What the shell tells the core.
package enum Input: Sendable, Equatable {
    /// A request's outcome.
    case answered(intent: Position, SourceAnswer)
    /// A fact as it is: a run is asked for, the clock is anchored, someone cancels.
    case fact(Event, stream: StreamID)
    /// Time went by: send what may be sent, finish what is done.
    case timeReached
}

/// How many retried entries are looked at to serve the newest first.
private let retryHorizon = 1_024

/// The rows that `classify` needs for an answer.
package func needsToClassify(
    _ control: ControlState, intent: Position, answer: SourceAnswer
) -> ReadSet {
    guard let request = control.request(intent) else { return ReadSet(stream: .none) }
    var needs = ReadSet(stream: request.stream)
    if case .page(let page) = answer.content {
        needs.ids = page.records.map(\.id)
        needs.seenIn = control[request.stream].pass?.number ?? 0
    } else {
        needs.ordinals = request.ordinals
    }
    return needs
}

/// The rows that `decide` needs after a fact, or when time went by (`fact` is nil).
package func needsToDecide(_ control: ControlState, fact: Event?, now: LogTime) -> ReadSet {
    if case .clockAnchored(let event)? = fact { return needsToStart(control, event) }
    guard let invocation = control.invocation else { return ReadSet(stream: .none) }
    var needs = ReadSet(stream: invocation.stream)
    switch fact {
    case .detailsFetched(let event):
        needs.ordinals = event.results.lazy.filter { !$0.outcome.isFound }.map(\.ordinal)
    case .rateLimited(let event): needs.add(control.request(event.intent))
    case .requestFailed(let event): needs.add(control.request(event.intent))
    case nil:
        guard let detail = invocation.policy.detail, invocation.sendsDetails(control) else {
            break
        }
        let free = max(detail.concurrency - control.inFlight.count, 0)
        needs.waiting = free * detail.batch
        needs.idOrder = control[invocation.stream].idOrder ?? .none
        // Whether it is worth looking at them depends on the rows that are read first; a queue
        // without retried entries answers at once.
        if control[invocation.stream].counts.retrying > 0 {
            needs.retries = max(retryHorizon, 2 * free * detail.batch)
            needs.dueBy = now
            needs.dueBeyond = now.adding(ms: invocation.policy.retry.longestWaitMs)
        }
    default: break
    }
    return needs
}

/// The records that an engine which is gone asked for alone: they may have crashed it.
///
/// One request at most is alone.
private func needsToStart(_ control: ControlState, _ event: ClockAnchored) -> ReadSet {
    guard event.isEngineStart, let request = control.inFlight.first(where: \.isAlone) else {
        return ReadSet(stream: .none)
    }
    var needs = ReadSet(stream: request.stream)
    needs.add(request)
    return needs
}

extension ReadSet {
    fileprivate mutating func add(_ request: InFlightRequest?) {
        if let request { ordinals = request.ordinals }
    }
}

extension InvocationState {
    /// Whether list pages are still to be asked for.
    func sendsList(_ control: ControlState) -> Bool {
        guard mode != .detailsOnly, mode != .health, control[stream].pass != nil else {
            return false
        }
        return options.maxRecords.map { taken < $0 } ?? true
    }

    /// Whether details may be asked for: the list comes first.
    func sendsDetails(_ control: ControlState) -> Bool {
        mode != .health && policy.detail != nil && !options.noDetails && stopping == nil
            && !sendsList(control)
    }
}
