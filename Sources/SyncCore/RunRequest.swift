/// What a run does: the four modes of a sync, and the one request of a health check.
package enum RunMode: UInt8, Sendable, CaseIterable {
    case incremental = 1
    case full = 2
    case resume = 3
    case detailsOnly = 4
    case health = 5

    package var name: String {
        switch self {
        case .incremental: "incremental"
        case .full: "full"
        case .resume: "resume"
        case .detailsOnly: "details-only"
        case .health: "health"
        }
    }
}

/// The options of one invocation; a later one doesn't inherit them.
package struct RunOptions: Sendable, Equatable {
    package var noDetails: Bool
    /// At most so many records of the list (in details-only: details).
    package var maxRecords: UInt64?
    package var maxDurationMs: Int64?
    /// The longest wait that the run sits out; beyond it, it pauses.
    package var patienceMs: Int64
    /// Give up an open pass whose pinned keys changed.
    package var abandon: Bool
    /// Drop the limits that were learned from refusals.
    package var forgetLimits: Bool

    package init(
        noDetails: Bool = false, maxRecords: UInt64? = nil, maxDurationMs: Int64? = nil,
        patienceMs: Int64 = 7_200_000, abandon: Bool = false, forgetLimits: Bool = false
    ) {
        self.noDetails = noDetails
        self.maxRecords = maxRecords
        self.maxDurationMs = maxDurationMs
        self.patienceMs = patienceMs
        self.abandon = abandon
        self.forgetLimits = forgetLimits
    }
}

/// How a run ended.
package enum RunOutcome: UInt8, Sendable, CaseIterable {
    case completed = 1
    case paused = 2
    case partial = 3
    case interrupted = 4
    case failed = 5

    package var name: String {
        switch self {
        case .completed: "completed"
        case .paused: "paused"
        case .partial: "partial"
        case .interrupted: "interrupted"
        case .failed: "failed"
        }
    }
}

/// Why a run ended as it did.
package enum StopReason: UInt8, Sendable, CaseIterable {
    case nothingToResume = 1
    case max = 2
    case budget = 3
    case maxDuration = 4
    case patience = 5
    case parked = 6
    case drift = 7
    case sigint = 8
    case sigterm = 9
    case auth = 10
    case unavailable = 11
    case unusable = 12
    case stalled = 13
    case idOrder = 14
    case diskFull = 15

    package var name: String {
        switch self {
        case .nothingToResume: "nothingToResume"
        case .max: "max"
        case .budget: "budget"
        case .maxDuration: "maxDuration"
        case .patience: "patience"
        case .parked: "parked"
        case .drift: "drift"
        case .sigint: "sigint"
        case .sigterm: "sigterm"
        case .auth: "auth"
        case .unavailable: "unavailable"
        case .unusable: "unusable"
        case .stalled: "stalled"
        case .idOrder: "idOrder"
        case .diskFull: "diskFull"
        }
    }

    /// The exit code that people script against, for a run that ended for this reason.
    package var exitCode: Int32 {
        switch self {
        case .nothingToResume, .max: 0
        case .budget, .maxDuration: 5
        case .patience, .unavailable: 6
        case .parked, .drift: 3
        case .sigint: 130
        case .sigterm: 143
        case .auth: 4
        case .idOrder: 2
        case .unusable, .stalled, .diskFull: 1
        }
    }

    /// The outcome that goes with this reason.
    package var outcome: RunOutcome {
        switch self {
        case .nothingToResume: .completed
        case .max, .budget, .maxDuration, .patience: .paused
        case .parked, .drift: .partial
        case .sigint, .sigterm: .interrupted
        case .auth, .unavailable, .unusable, .stalled, .idOrder, .diskFull: .failed
        }
    }
}

/// What an invocation, or a run over all its invocations, did.
package struct RunCounters: Sendable, Equatable {
    package var listRequests: UInt64 = 0
    package var detailRequests: UInt64 = 0
    package var otherRequests: UInt64 = 0
    /// Records that list pages held, repeated ones included.
    package var seen: UInt64 = 0
    package var new: UInt64 = 0
    package var changed: UInt64 = 0
    package var unchanged: UInt64 = 0
    package var detailed: UInt64 = 0
    /// Records parked: given up until someone asks again or their header changes.
    package var failed: UInt64 = 0
    package var deleted: UInt64 = 0
    package var rateLimited: UInt64 = 0

    package init() {}

    package var requests: UInt64 {
        listRequests.saturatingAdd(detailRequests).saturatingAdd(otherRequests)
    }

    mutating func count(request endpoint: Endpoint) {
        switch endpoint {
        case .list: listRequests += 1
        case .detail: detailRequests += 1
        case .health: otherRequests += 1
        }
    }

    /// Adds what another invocation of the same run did.
    /// Sums stay within the type: a log that was tampered with must not end the program.
    package mutating func add(_ other: RunCounters) {
        listRequests = listRequests.saturatingAdd(other.listRequests)
        detailRequests = detailRequests.saturatingAdd(other.detailRequests)
        otherRequests = otherRequests.saturatingAdd(other.otherRequests)
        seen = seen.saturatingAdd(other.seen)
        new = new.saturatingAdd(other.new)
        changed = changed.saturatingAdd(other.changed)
        unchanged = unchanged.saturatingAdd(other.unchanged)
        detailed = detailed.saturatingAdd(other.detailed)
        failed = failed.saturatingAdd(other.failed)
        deleted = deleted.saturatingAdd(other.deleted)
        rateLimited = rateLimited.saturatingAdd(other.rateLimited)
    }
}
