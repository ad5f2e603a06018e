/// Fact: a detail response came; one event a response, one result an identity asked for.
package struct DetailsFetched: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// New or different content, verbatim JSON.
        case changed(fingerprint: Fingerprint, body: ArraySlice<UInt8>)
        /// The same content as the one at `RecordRow.detailPosition`.
        case same
        /// The answer doesn't mention it.
        case absent
        case failed(RecordError)

        package var isFound: Bool {
            switch self {
            case .changed, .same: true
            case .absent, .failed: false
            }
        }
    }

    package struct Result: Sendable, Equatable {
        package let ordinal: Ordinal
        package let id: RecordID
        /// The state the record was in before.
        package let was: RecordState
        package let outcome: Outcome

        package init(ordinal: Ordinal, id: RecordID, was: RecordState, outcome: Outcome) {
            self.ordinal = ordinal
            self.id = id
            self.was = was
            self.outcome = outcome
        }
    }

    package let intent: Position
    package let exchange: Exchange
    package let results: [Result]

    package init(intent: Position, exchange: Exchange, results: [Result]) {
        self.intent = intent
        self.exchange = exchange
        self.results = results
    }
}

/// A record named by an event about the queue, with the state it was in before.
package struct QueuedRecord: Sendable, Equatable {
    package let ordinal: Ordinal
    package let id: RecordID
    package let was: RecordState

    package init(ordinal: Ordinal, id: RecordID, was: RecordState) {
        self.ordinal = ordinal
        self.id = id
        self.was = was
    }
}

/// Decision: records whose request brought nothing go back to the queue.
package struct DetailsRequeued: Sendable, Equatable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// As they were: the request failed for a reason that says nothing about them.
        case returned = 1
        /// The batch is asked again whole, once.
        case whole = 2
        /// The batch is cut in two, each part is asked again by itself.
        case split = 3
        /// Asked again alone: the answer missed it or said that it failed, or the credentials were
        /// refused for it or a companion.
        case alone = 4
        /// A single record failed: an attempt is charged to it.
        case attempt = 5
        /// As they were, but at the end of their class: the API or the network failed, and one of
        /// them may be why.
        case postponed = 6

        /// Whether the records wait for another try because they failed.
        var isCharged: Bool {
            switch self {
            case .returned, .postponed: false
            case .whole, .split, .alone, .attempt: true
            }
        }
    }

    package let intent: Position
    package let kind: Kind
    /// The records by the group in which they are asked again.
    package let parts: [[QueuedRecord]]
    package let due: LogTime
    package let error: RecordError?

    package init(
        intent: Position, kind: Kind, parts: [[QueuedRecord]], due: LogTime, error: RecordError?
    ) {
        self.intent = intent
        self.kind = kind
        self.parts = parts
        self.due = due
        self.error = error
    }
}

/// Decision: a record is given up until someone asks again or its header changes.
package struct RecordParked: Sendable, Equatable {
    package let record: QueuedRecord
    package let intent: Position
    package let attempts: UInt16
    package let error: RecordError

    package init(
        record: QueuedRecord, intent: Position, attempts: UInt16, error: RecordError
    ) {
        self.record = record
        self.intent = intent
        self.attempts = attempts
        self.error = error
    }
}

/// Fact: someone asked that records be tried again, with fresh attempts.
package struct QueueRetried: Sendable, Equatable {
    package let records: [QueuedRecord]
    package let requester: Requester

    package init(records: [QueuedRecord], requester: Requester) {
        self.records = records
        self.requester = requester
    }
}

/// Fact: someone took records out of the queue, until their header changes.
package struct QueueDropped: Sendable, Equatable {
    package let records: [QueuedRecord]
    package let requester: Requester

    package init(records: [QueuedRecord], requester: Requester) {
        self.records = records
        self.requester = requester
    }
}
