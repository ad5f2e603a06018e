/// What the shell does once the events of a decision are durable.
package enum Effect: Sendable, Equatable {
    case send(SourceRequest)
    /// Tell the core again when this moment has come.
    case wake(at: LogTime)
    /// The invocation is over.
    case finish(RunCompleted)
}

extension [Effect] {
    /// The moment that the core wants to be told of.
    package var wake: LogTime? {
        for effect in self.reversed() {
            if case .wake(let time) = effect { return time }
        }
        return nil
    }
}

/// What the core makes of one input: a step of the log, and what follows from it.
package struct Decision: Sendable, Equatable {
    /// Empty when the input changes nothing.
    package var events: [LoggedEvent] = []
    package var effects: [Effect] = []

    package init() {}
}

/// Decides what follows from a fact, or from the time that went by.
///
/// Pure: the same values give the same decision, live, in replay and in simulation.
/// - Parameters:
///   - fact: an input as the log records it, and its stream; nil when time went by.
///   - rows: those named by `needsToDecide`.
///   - wake: the moment that the last look at the time asked to be woken at; recorded where it has
///     come, so that replay can tell a decision that was late from one that was due later.
package func decide(
    _ control: ControlState, fact: Event?, stream: StreamID, rows: CoreRows, now: LogTime,
    wake: LogTime? = nil
) -> Decision {
    var decider = Decider(control: control, rows: rows, now: now)
    if fact == nil, let wake, wake <= now { decider.due = wake }
    if let fact {
        decider.follow(fact, stream: stream)
    } else {
        decider.advance()
    }
    return decider.decision
}

/// The working state of one decision.
package struct Decider {
    /// Grows with each change of the rules, so that replay can tell a change of mind from damage.
    package static let version: UInt32 = 5
    /// The first version that records since when a decision was due.
    package static let firstWithDue: UInt32 = 5

    var control: ControlState
    let rows: CoreRows
    let now: LogTime
    /// The moment that was waited for, until an event records it.
    var due: LogTime?
    var decision = Decision()

    init(control: ControlState, rows: CoreRows, now: LogTime) {
        self.control = control
        self.rows = rows
        self.now = now
    }

    var nowNs: Int64 { control.bootNs(at: now) }

    /// Adds an event to the step and folds it, so that what follows sees it.
    @discardableResult
    mutating func emit(
        _ event: Event, stream: StreamID? = nil, run: Position? = nil, cause: Position
    ) -> Position {
        let position = control.position.next
        let logged = LoggedEvent(
            position: position, time: now, stream: stream ?? control.invocation?.stream ?? .none,
            run: run ?? control.invocation?.run ?? .none, cause: cause,
            startsStep: decision.events.isEmpty, event: event)
        apply(logged, to: &control)
        decision.events.append(logged)
        return position
    }

    /// Ends the invocation in an orderly way: no further request; the first reason stands.
    mutating func stop(
        _ reason: StopReason, _ text: String, resumeAt: LogTime? = nil, cause: Position
    ) {
        guard let invocation = control.invocation, invocation.stopping == nil else { return }
        let event = RunStopping(reason: reason, text: text, resumeAt: resumeAt, due: takeDue())
        emit(.runStopping(event), cause: cause)
    }

    /// The first event that follows from a wait says since when it was due.
    mutating func takeDue() -> LogTime? {
        defer { due = nil }
        return due
    }

    mutating func follow(_ fact: Event, stream: StreamID) {
        switch fact {
        case .clockAnchored(let event): anchored(event)
        case .runRequested(let event): requested(event, stream: stream)
        case .pageFetched(let event):
            answered(fact, stream, event.intent) { $0.fetched(event, $1, $2) }
        case .detailsFetched(let event):
            answered(fact, stream, event.intent) { $0.fetched(event, $1, $2) }
        case .rateLimited(let event):
            answered(fact, stream, event.intent) { $0.limited(event, $1, $2) }
        case .requestFailed(let event):
            answered(fact, stream, event.intent) { $0.failed(event, $1, $2) }
        case .healthChecked(let event): emit(fact, stream: stream, cause: event.intent)
        case .cancelRequested(let event):
            let position = emit(fact, cause: .none)
            let name = event.requester == nil ? event.signal.name : "request"
            stop(event.signal, "stopped by \(name)", cause: position)
        case .storageMeasured: emit(fact, cause: .none)
        case .healthRequested, .storeBound, .streamDeclared, .queueRetried, .queueDropped,
            .redacted, .logCompacted,
            .dictionaryTrained:
            emit(fact, stream: stream, cause: .none)
        case .alertsEvaluated(let event): evaluated(event, stream: stream)
        case .alertDelivered(let event): delivered(event, stream: stream)
        default: preconditionFailure("\(fact.type.name) is a decision, not a fact")
        }
    }

    /// Follows the outcome of a request of the invocation that runs; any other is only recorded.
    private mutating func answered(
        _ fact: Event, _ stream: StreamID, _ intent: Position,
        _ follow: (inout Decider, InFlightRequest, InvocationState) -> Void
    ) {
        guard let request = control.request(intent), let invocation = control.invocation else {
            emit(fact, stream: stream, cause: intent)
            return
        }
        follow(&self, request, invocation)
    }

    /// At an engine's start: what an earlier one had in flight, and its run, are over.
    private mutating func anchored(_ event: ClockAnchored) {
        let position = emit(.clockAnchored(event), stream: StreamID.none, cause: .none)
        guard event.isEngineStart else { return }
        for request in control.inFlight {
            let abandoned = emit(
                .requestAbandoned(
                    RequestAbandoned(intent: request.intent, ordinals: request.ordinals)),
                stream: request.stream, cause: request.intent)
            if request.isAlone { parkIfItCrashes(request, cause: abandoned) }
        }
        if let invocation = control.invocation {
            emit(
                .runInterrupted(RunInterrupted(invocation: invocation.request)), cause: position)
        }
    }

    /// Gives up a record when the program ended time and again while nothing but it was asked for.
    private mutating func parkIfItCrashes(_ request: InFlightRequest, cause: Position) {
        let most = QueueEntry.crashesBeforeAlone
        for record in records(of: request) {
            guard let row = rows.byOrdinal[record.ordinal], let queue = row.queue,
                queue.abandons >= 2 * most - 1
            else { continue }
            emit(
                .recordParked(
                    RecordParked(
                        record: record, intent: request.intent, attempts: row.attempts,
                        error: .crash)),
                stream: request.stream, cause: cause)
        }
    }
}
