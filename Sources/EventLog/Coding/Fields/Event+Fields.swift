package import SyncCore

extension Event {
    /// The texts of its records, in the order in which blocks hold them.
    package var bodies: [ArraySlice<UInt8>] {
        switch self {
        case .pageFetched(let page): page.entries.map(\.body)
        case .detailsFetched(let details): details.bodies
        default: []
        }
    }

    /// Whose texts those are.
    package var textOwners: [RequestIntended.Asked] {
        switch self {
        case .pageFetched(let page):
            page.entries.map { RequestIntended.Asked(ordinal: $0.ordinal, id: $0.id) }
        case .detailsFetched(let details):
            details.results.compactMap { result in
                guard case .changed = result.outcome else { return nil }
                return RequestIntended.Asked(ordinal: result.ordinal, id: result.id)
            }
        default: []
        }
    }

    /// Writes the fields of the event; of its records' texts only the lengths.
    package func writeFields(to writer: inout FieldWriter) {
        switch self {
        case .storeBound(let event): event.write(to: &writer)
        case .streamDeclared(let event): event.write(to: &writer)
        case .clockAnchored(let event): event.write(to: &writer)
        case .runRequested(let event): event.write(to: &writer)
        case .runStarted(let event): event.write(to: &writer)
        case .runResumed(let event): event.write(to: &writer)
        case .passOpened(let event): event.write(to: &writer)
        case .passAbandoned(let event): event.write(to: &writer)
        case .requestIntended(let event): event.write(to: &writer)
        case .pageFetched(let event): event.write(to: &writer)
        case .detailsFetched(let event): event.write(to: &writer)
        case .healthChecked(let event): event.write(to: &writer)
        case .healthRequested(let event): event.write(to: &writer)
        case .rateLimited(let event): event.write(to: &writer)
        case .requestFailed(let event): event.write(to: &writer)
        case .requestAbandoned(let event): event.write(to: &writer)
        case .backoffApplied(let event): event.write(to: &writer)
        case .detailsRequeued(let event): event.write(to: &writer)
        case .recordParked(let event): event.write(to: &writer)
        case .passCompleted(let event): event.write(to: &writer)
        case .cancelRequested(let event): event.write(to: &writer)
        case .storageMeasured(let event): event.write(to: &writer)
        case .queueRetried(let event): event.write(to: &writer)
        case .queueDropped(let event): event.write(to: &writer)
        case .runStopping(let event): event.write(to: &writer)
        case .runCompleted(let event): event.write(to: &writer)
        case .runInterrupted(let event): event.write(to: &writer)
        case .limitLearned(let event): event.write(to: &writer)
        case .limitsForgotten(let event): event.write(to: &writer)
        case .redacted(let event): event.write(to: &writer)
        case .logCompacted(let event): event.write(to: &writer)
        case .dictionaryTrained(let event): event.write(to: &writer)
        case .alertsEvaluated(let event): event.write(to: &writer)
        case .alertRaised(let event): event.write(to: &writer)
        case .alertRecovered(let event): event.write(to: &writer)
        case .alertDelivered(let event): event.write(to: &writer)
        }
    }

    /// Reads an event of a type.
    init(
        _ type: EventType, from reader: inout FieldReader, bodies: BodyLoader
    ) throws(FieldError) {
        switch type {
        case .storeBound: self = .storeBound(try StoreBound(from: &reader))
        case .streamDeclared: self = .streamDeclared(try StreamDeclared(from: &reader))
        case .clockAnchored: self = .clockAnchored(try ClockAnchored(from: &reader))
        case .runRequested: self = .runRequested(try RunRequested(from: &reader))
        case .runStarted: self = .runStarted(try RunStarted(from: &reader))
        case .runResumed: self = .runResumed(try RunResumed(from: &reader))
        case .passOpened: self = .passOpened(try PassOpened(from: &reader))
        case .passAbandoned: self = .passAbandoned(try PassAbandoned(from: &reader))
        case .requestIntended: self = .requestIntended(try RequestIntended(from: &reader))
        case .pageFetched:
            self = .pageFetched(try PageFetched(from: &reader, bodies: bodies))
        case .detailsFetched:
            self = .detailsFetched(try DetailsFetched(from: &reader, bodies: bodies))
        case .healthChecked: self = .healthChecked(try HealthChecked(from: &reader))
        case .healthRequested: self = .healthRequested(try HealthRequested(from: &reader))
        case .rateLimited: self = .rateLimited(try RateLimited(from: &reader))
        case .requestFailed: self = .requestFailed(try RequestFailed(from: &reader))
        case .requestAbandoned: self = .requestAbandoned(try RequestAbandoned(from: &reader))
        case .backoffApplied: self = .backoffApplied(try BackoffApplied(from: &reader))
        case .detailsRequeued: self = .detailsRequeued(try DetailsRequeued(from: &reader))
        case .recordParked: self = .recordParked(try RecordParked(from: &reader))
        case .passCompleted: self = .passCompleted(try PassCompleted(from: &reader))
        case .cancelRequested: self = .cancelRequested(try CancelRequested(from: &reader))
        case .storageMeasured: self = .storageMeasured(try StorageMeasured(from: &reader))
        case .queueRetried: self = .queueRetried(try QueueRetried(from: &reader))
        case .queueDropped: self = .queueDropped(try QueueDropped(from: &reader))
        case .runStopping: self = .runStopping(try RunStopping(from: &reader))
        case .runCompleted: self = .runCompleted(try RunCompleted(from: &reader))
        case .runInterrupted: self = .runInterrupted(try RunInterrupted(from: &reader))
        case .limitLearned: self = .limitLearned(try LimitLearned(from: &reader))
        case .limitsForgotten: self = .limitsForgotten(try LimitsForgotten(from: &reader))
        case .redacted: self = .redacted(try Redacted(from: &reader))
        case .logCompacted: self = .logCompacted(try LogCompacted(from: &reader))
        case .dictionaryTrained: self = .dictionaryTrained(try DictionaryTrained(from: &reader))
        case .alertsEvaluated: self = .alertsEvaluated(try AlertsEvaluated(from: &reader))
        case .alertRaised: self = .alertRaised(try AlertRaised(from: &reader))
        case .alertRecovered: self = .alertRecovered(try AlertRecovered(from: &reader))
        case .alertDelivered: self = .alertDelivered(try AlertDelivered(from: &reader))
        }
    }

    /// The lengths of an event's texts, without the rest of it.
    static func bodyLengths(
        _ type: EventType, _ meta: UnsafeRawBufferPointer
    ) throws(FieldError) -> [Int] {
        var reader = FieldReader(meta)
        switch type {
        case .pageFetched: return try PageFetched.bodyLengths(from: &reader)
        case .detailsFetched: return try DetailsFetched.bodyLengths(from: &reader)
        default: return []
        }
    }
}
