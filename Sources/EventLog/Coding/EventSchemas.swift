package import SyncCore

// The schema version of each type of event. A type whose fields change their meaning gets the next
// number here, and a pure function from the older version's fields to the new ones' that
// `EventCoder` calls when it reads one; `LogSchema.format` rises with it, so that an older program
// refuses the store before it touches it.

extension EventType {
    /// The schema version that this program writes, and the only one that it reads.
    package var schemaVersion: UInt16 {
        switch self {
        case .storeBound: 1
        case .streamDeclared: 1
        case .clockAnchored: 1
        case .runRequested: 1
        case .runStarted: 1
        case .runResumed: 1
        case .passOpened: 1
        case .passAbandoned: 1
        case .requestIntended: 1
        case .pageFetched: 1
        case .detailsFetched: 1
        case .healthChecked: 1
        case .healthRequested: 1
        case .rateLimited: 1
        case .requestFailed: 1
        case .requestAbandoned: 1
        case .backoffApplied: 1
        case .detailsRequeued: 1
        case .recordParked: 1
        case .passCompleted: 1
        case .cancelRequested: 1
        case .storageMeasured: 1
        case .queueRetried: 1
        case .queueDropped: 1
        case .runStopping: 1
        case .runCompleted: 1
        case .runInterrupted: 1
        case .limitLearned: 1
        case .limitsForgotten: 1
        case .redacted: 1
        case .logCompacted: 1
        case .dictionaryTrained: 1
        case .alertsEvaluated: 1
        case .alertRaised: 1
        case .alertRecovered: 1
        case .alertDelivered: 1
        }
    }
}
