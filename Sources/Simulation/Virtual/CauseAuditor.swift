internal import SyncCore

/// Judges what each event names as the one that led to it: `why` and the audit follow these.
struct CauseAuditor {
    private var types: [Position: EventType] = [:]
    /// The outcome of each request, by its intent.
    private var outcomes: [Position: Position] = [:]

    mutating func take(_ logged: LoggedEvent, _ violations: inout Violations) {
        let type = logged.event.type
        let cause = logged.cause
        defer { types[logged.position] = type }
        let intent = Self.intent(of: logged.event)
        let holds: Bool
        if Self.isInput(type) {
            holds = cause == .none
        } else if let intent, type.isFact || type == .requestAbandoned {
            holds = cause == intent
            outcomes[intent] = logged.position
        } else if let intent {
            // What is decided of a request follows from its outcome.
            holds = outcomes[intent] == cause
        } else {
            holds =
                cause < logged.position && types[cause].map(Self.causes(of: type).contains) ?? false
        }
        violations.expect(
            holds, 6,
            "the \(type.name) at \(logged.position.rawValue) names "
                + "\(types[cause]?.name ?? "nothing") at \(cause.rawValue) as its cause")
    }

    /// Whether it comes from outside, and nothing in the log led to it.
    private static func isInput(_ type: EventType) -> Bool {
        switch type {
        case .storeBound, .streamDeclared, .clockAnchored, .runRequested, .cancelRequested,
            .storageMeasured, .queueRetried, .queueDropped, .redacted, .logCompacted,
            .dictionaryTrained, .alertsEvaluated, .healthRequested:
            true
        default: false
        }
    }

    private static func intent(of event: Event) -> Position? {
        switch event {
        case .detailsRequeued(let event): event.intent
        case .recordParked(let event): event.intent
        default: event.answeredIntent
        }
    }

    /// What may lead to a decision that is not of one request.
    private static func causes(of type: EventType) -> Set<EventType> {
        switch type {
        case .runStarted, .runResumed, .passAbandoned, .limitsForgotten: [.runRequested]
        case .passOpened: [.runStarted, .passCompleted]
        case .passCompleted: [.pageFetched]
        case .requestIntended:
            // What put its records into the queue, or moved its pass.
            [
                .runRequested, .passOpened, .pageFetched, .requestIntended, .passCompleted,
                .healthRequested,
            ]
        case .backoffApplied: [.rateLimited, .requestFailed]
        case .limitLearned: [.rateLimited, .detailsFetched]
        case .runInterrupted: [.clockAnchored]
        case .runStopping:
            [.runRequested, .cancelRequested, .pageFetched, .rateLimited, .requestFailed]
        case .runCompleted: [.runRequested, .requestIntended, .runStopping]
        case .alertRaised, .alertRecovered: [.alertsEvaluated]
        case .alertDelivered: [.alertRaised, .alertRecovered]
        default: []
        }
    }
}
