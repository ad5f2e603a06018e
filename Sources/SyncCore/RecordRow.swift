/// Where a record stands with its details.
package enum RecordState: UInt8, Sendable, CaseIterable {
    /// Not known yet.
    case unknown = 0
    /// Details fetched after the header's last change.
    case synced = 1
    /// Waiting for its first try since the header appeared or changed.
    case pending = 2
    /// Failed at least once, waiting for another try.
    case retrying = 3
    /// Given up after bounded attempts.
    case parked = 4
    /// Taken out of the queue by hand, until the header changes.
    case dropped = 5

    package var name: String {
        switch self {
        case .unknown: "unknown"
        case .synced: "synced"
        case .pending: "pending"
        case .retrying: "retrying"
        case .parked: "parked"
        case .dropped: "dropped"
        }
    }
}

/// What went wrong with a record at its last try.
package struct RecordError: Sendable, Equatable {
    package let code: String
    package let text: String

    package init(code: String, text: String) {
        self.code = code
        self.text = text
    }
}

/// A record's place in the detail queue.
package struct QueueEntry: Sendable, Equatable {
    /// `.pending`, `.retrying`, `.parked` or `.dropped`.
    package var state: RecordState
    /// Whether details were fetched before: it is queued because its header changed.
    package var isChange: Bool
    /// How often it was put back without an answer; each time it goes to the end of its class.
    package var deferrals: UInt8 = 0
    /// How often the program ended while it was asked for, and no answer came since.
    package var abandons: UInt8 = 0
    /// When it may be asked again, for a retried entry.
    package var due: LogTime = .zero
    /// The failed intent whose identities are asked again together, and which part of it.
    package var group: Position = .none
    package var part: UInt16 = 0
    /// Whether that group was asked whole a second time: its next failure splits it.
    package var isSplitNext: Bool = false
    /// A request for it is on the wire: the entry is not in the index of what waits.
    package var inFlight: Bool = false

    package init(state: RecordState, isChange: Bool) {
        self.state = state
        self.isChange = isChange
    }

    /// After so many crashes while it was asked for, a record is asked for with nothing else in
    /// flight; after as many more of these, it is parked.
    package static let crashesBeforeAlone: UInt8 = 3

    /// Whether its answer may be what crashes the program.
    package var isCrashSuspect: Bool { abandons >= Self.crashesBeforeAlone }
}

/// What the core keeps about one record: no business data, only what decisions need.
package struct RecordRow: Sendable, Equatable {
    package let ordinal: Ordinal
    package let id: RecordID
    package var headerFingerprint: Fingerprint
    /// The event that holds the latest header; its last change.
    package var headerPosition: Position
    /// The generation in which the header last changed.
    package var generation: UInt32
    package var detailFingerprint: Fingerprint?
    /// The event that holds the latest detail, if there was one.
    package var detailPosition: Position = .none
    /// Tries charged to this record alone since its header appeared or changed.
    package var attempts: UInt16 = 0
    package var attemptedAt: LogTime?
    package var error: RecordError?
    /// Nil when its details are synced.
    package var queue: QueueEntry?

    package init(
        ordinal: Ordinal, id: RecordID, headerFingerprint: Fingerprint, headerPosition: Position,
        generation: UInt32
    ) {
        self.ordinal = ordinal
        self.id = id
        self.headerFingerprint = headerFingerprint
        self.headerPosition = headerPosition
        self.generation = generation
    }

    package var state: RecordState { queue?.state ?? .synced }
    package var detailsSynced: Bool { queue == nil }
}
