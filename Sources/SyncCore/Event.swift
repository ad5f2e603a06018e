/// One thing that happened or was decided; the log is a sequence of these.
package indirect enum Event: Sendable, Equatable {
    case storeBound(StoreBound)
    case streamDeclared(StreamDeclared)
    case clockAnchored(ClockAnchored)
    case runRequested(RunRequested)
    case runStarted(RunStarted)
    case runResumed(RunResumed)
    case passOpened(PassOpened)
    case passAbandoned(PassAbandoned)
    case requestIntended(RequestIntended)
    case pageFetched(PageFetched)
    case detailsFetched(DetailsFetched)
    case healthChecked(HealthChecked)
    case rateLimited(RateLimited)
    case requestFailed(RequestFailed)
    case requestAbandoned(RequestAbandoned)
    case backoffApplied(BackoffApplied)
    case detailsRequeued(DetailsRequeued)
    case recordParked(RecordParked)
    case passCompleted(PassCompleted)
    case cancelRequested(CancelRequested)
    case storageMeasured(StorageMeasured)
    case queueRetried(QueueRetried)
    case queueDropped(QueueDropped)
    case runStopping(RunStopping)
    case runCompleted(RunCompleted)
    case runInterrupted(RunInterrupted)
    case limitLearned(LimitLearned)
    case limitsForgotten(LimitsForgotten)
    case redacted(Redacted)
    case logCompacted(LogCompacted)
    case dictionaryTrained(DictionaryTrained)
    case alertsEvaluated(AlertsEvaluated)
    case alertRaised(AlertRaised)
    case alertRecovered(AlertRecovered)
    case alertDelivered(AlertDelivered)
    case healthRequested(HealthRequested)
}

/// The stable number and name of each kind of event.
package enum EventType: UInt16, Sendable, CaseIterable {
    case storeBound = 1
    case streamDeclared = 2
    case clockAnchored = 3
    case runRequested = 4
    case runStarted = 5
    case runResumed = 6
    case passOpened = 7
    case passAbandoned = 8
    case requestIntended = 9
    case pageFetched = 10
    case detailsFetched = 11
    case healthChecked = 12
    case rateLimited = 13
    case requestFailed = 14
    case requestAbandoned = 15
    case backoffApplied = 16
    case detailsRequeued = 17
    case recordParked = 18
    case passCompleted = 19
    case cancelRequested = 20
    case storageMeasured = 21
    case queueRetried = 22
    case queueDropped = 23
    case runStopping = 24
    case runCompleted = 25
    case runInterrupted = 26
    case limitLearned = 27
    case limitsForgotten = 28
    case redacted = 29
    case logCompacted = 30
    case dictionaryTrained = 31
    case alertsEvaluated = 32
    case alertRaised = 33
    case alertRecovered = 34
    case alertDelivered = 35
    case healthRequested = 36

    /// The name that people see, for example `PageFetched`.
    package var name: String {
        switch self {
        case .storeBound: "StoreBound"
        case .streamDeclared: "StreamDeclared"
        case .clockAnchored: "ClockAnchored"
        case .runRequested: "RunRequested"
        case .runStarted: "RunStarted"
        case .runResumed: "RunResumed"
        case .passOpened: "PassOpened"
        case .passAbandoned: "PassAbandoned"
        case .requestIntended: "RequestIntended"
        case .pageFetched: "PageFetched"
        case .detailsFetched: "DetailsFetched"
        case .healthChecked: "HealthChecked"
        case .rateLimited: "RateLimited"
        case .requestFailed: "RequestFailed"
        case .requestAbandoned: "RequestAbandoned"
        case .backoffApplied: "BackoffApplied"
        case .detailsRequeued: "DetailsRequeued"
        case .recordParked: "RecordParked"
        case .passCompleted: "PassCompleted"
        case .cancelRequested: "CancelRequested"
        case .storageMeasured: "StorageMeasured"
        case .queueRetried: "QueueRetried"
        case .queueDropped: "QueueDropped"
        case .runStopping: "RunStopping"
        case .runCompleted: "RunCompleted"
        case .runInterrupted: "RunInterrupted"
        case .limitLearned: "LimitLearned"
        case .limitsForgotten: "LimitsForgotten"
        case .redacted: "Redacted"
        case .logCompacted: "LogCompacted"
        case .dictionaryTrained: "DictionaryTrained"
        case .alertsEvaluated: "AlertsEvaluated"
        case .alertRaised: "AlertRaised"
        case .alertRecovered: "AlertRecovered"
        case .alertDelivered: "AlertDelivered"
        case .healthRequested: "HealthRequested"
        }
    }

    /// Whether it records a fact (an input that mattered) rather than a decision.
    package var isFact: Bool {
        switch self {
        case .storeBound, .streamDeclared, .clockAnchored, .runRequested, .pageFetched,
            .detailsFetched, .healthChecked, .rateLimited, .requestFailed, .cancelRequested,
            .storageMeasured, .queueRetried, .queueDropped, .redacted, .logCompacted,
            .dictionaryTrained, .alertsEvaluated, .alertDelivered, .healthRequested:
            true
        case .runStarted, .runResumed, .passOpened, .passAbandoned, .requestIntended,
            .requestAbandoned, .backoffApplied, .detailsRequeued, .recordParked, .passCompleted,
            .runStopping, .runCompleted, .runInterrupted, .limitLearned, .limitsForgotten,
            .alertRaised, .alertRecovered:
            false
        }
    }
}

extension Event {
    package var type: EventType {
        switch self {
        case .storeBound: .storeBound
        case .streamDeclared: .streamDeclared
        case .clockAnchored: .clockAnchored
        case .runRequested: .runRequested
        case .runStarted: .runStarted
        case .runResumed: .runResumed
        case .passOpened: .passOpened
        case .passAbandoned: .passAbandoned
        case .requestIntended: .requestIntended
        case .pageFetched: .pageFetched
        case .detailsFetched: .detailsFetched
        case .healthChecked: .healthChecked
        case .rateLimited: .rateLimited
        case .requestFailed: .requestFailed
        case .requestAbandoned: .requestAbandoned
        case .backoffApplied: .backoffApplied
        case .detailsRequeued: .detailsRequeued
        case .recordParked: .recordParked
        case .passCompleted: .passCompleted
        case .cancelRequested: .cancelRequested
        case .storageMeasured: .storageMeasured
        case .queueRetried: .queueRetried
        case .queueDropped: .queueDropped
        case .runStopping: .runStopping
        case .runCompleted: .runCompleted
        case .runInterrupted: .runInterrupted
        case .limitLearned: .limitLearned
        case .limitsForgotten: .limitsForgotten
        case .redacted: .redacted
        case .logCompacted: .logCompacted
        case .dictionaryTrained: .dictionaryTrained
        case .alertsEvaluated: .alertsEvaluated
        case .alertRaised: .alertRaised
        case .alertRecovered: .alertRecovered
        case .alertDelivered: .alertDelivered
        case .healthRequested: .healthRequested
        }
    }

    /// Who asked for it; nil for what nobody asks for, or asks in person.
    package var requester: Requester? {
        switch self {
        case .runRequested(let event): event.requester
        case .cancelRequested(let event): event.requester
        case .healthRequested(let event): event.requester
        case .queueRetried(let event): event.requester
        case .queueDropped(let event): event.requester
        case .redacted(let event): event.requester
        case .logCompacted(let event): event.requester
        default: nil
        }
    }
}

/// An event with its place in the log: what a fold is fed.
package struct LoggedEvent: Sendable, Equatable {
    package let position: Position
    package let time: LogTime
    package let stream: StreamID
    /// The run it belongs to: the position of that run's `RunRequested`; `.none` outside of runs.
    package let run: Position
    /// The event that led to this one; `.none` for an input from outside.
    package let cause: Position
    /// Whether it is the first of the events that one decision made together.
    package let startsStep: Bool
    package let event: Event

    package init(
        position: Position, time: LogTime, stream: StreamID, run: Position, cause: Position,
        startsStep: Bool, event: Event
    ) {
        self.position = position
        self.time = time
        self.stream = stream
        self.run = run
        self.cause = cause
        self.startsStep = startsStep
        self.event = event
    }
}
