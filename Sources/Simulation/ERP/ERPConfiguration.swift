internal import SyncCore

/// Everything that decides how a simulated ERP behaves; equal configurations behave equally.
package struct ERPConfiguration: Sendable, Equatable {
    /// Draws the records, the latencies and the faults.
    package var seed: UInt64
    /// How many service orders exist at first: identities 1 through `records`.
    package var records: Int
    package var latency = Latency()
    /// The number of records in a page that names no size.
    package var defaultPageSize = 50
    /// The largest page; a greater size is answered with this many, as many APIs do.
    package var maximumPageSize = 1_000
    /// The most identities in one detail request; more are answered with 400.
    package var maximumBatch = 500
    /// Whether pages carry `total`, the number of records that match the query as it was sent.
    package var reportsTotal = true
    /// Whether identities are JSON strings instead of numbers.
    package var idsAreText = false
    /// The bearer token that every request under `/api` must carry; nil lets everybody in.
    package var token: String?
    package var limits: [ERPLimit] = []
    /// Whether refused requests fill the windows too, as some servers have it.
    package var refusedCount = false
    package var retryAfter = RetryAfterForm.seconds
    package var faults = ERPFaults()
    /// What added to the caller's clock gives nanoseconds of UTC, for `Date` and HTTP dates.
    package var wallOffsetNs: Int64 = 1_767_225_600 * 1_000_000_000
    /// How many arrivals are remembered one by one; the oldest are forgotten beyond this.
    package var recordedArrivals = 200_000

    package init(seed: UInt64 = 1, records: Int = 10_000) {
        self.seed = seed
        self.records = records
    }

    /// How long an answer takes: `baseNs`, and up to `jitterNs` more, drawn by arrival number.
    package struct Latency: Sendable, Equatable {
        package var baseNs: Int64
        package var jitterNs: Int64

        package init(baseNs: Int64 = 0, jitterNs: Int64 = 0) {
            self.baseNs = baseNs
            self.jitterNs = jitterNs
        }
    }

    /// How a 429 says when to come again.
    package enum RetryAfterForm: String, Sendable, CaseIterable {
        case seconds
        case httpDate
        case none
    }
}

/// What goes wrong, and how often: rates are shares of all arrivals between 0 and 1.
///
/// Each arrival suffers at most one fault, drawn by seed and arrival number, so the sum of the
/// rates is the share of arrivals that suffer one.
package struct ERPFaults: Sendable, Equatable {
    /// Answered with 500.
    package var serverErrorRate = 0.0
    /// Answered with 503.
    package var unavailableRate = 0.0
    /// The connection is closed without a byte of an answer.
    package var droppedRate = 0.0
    /// The connection is closed in the middle of the body.
    package var truncatedRate = 0.0
    /// Answered with 200 and an HTML page, as proxies and captive portals do.
    package var htmlRate = 0.0
    /// Answered rightly, but only after `stallNs`.
    package var stalledRate = 0.0
    package var stallNs: Int64 = 120 * 1_000_000_000
    /// The seconds that a 503 asks to wait; nil sends no Retry-After with it.
    package var unavailableRetryAfterSeconds: Int?
    /// The last arrival, counted from 1, that may suffer a fault; nil lets them go on for ever.
    package var lastArrival: Int?
    /// Identities whose detail always answers 500, alone and in every batch they are part of.
    package var poisonIDs: Set<Int64> = []
    /// Identities that are listed but have no detail: left out of batches, 404 when asked alone.
    package var missingIDs: Set<Int64> = []

    package init() {}

    /// The fault that arrival `number` suffers, if any.
    func fault(seed: UInt64, arrival number: Int) -> ERPFault? {
        if let lastArrival, number > lastArrival { return nil }
        var left = SeededGenerator.unit(seed, UInt64(number), 0xFA17)
        for (rate, fault) in [
            (serverErrorRate, ERPFault.serverError), (unavailableRate, .unavailable),
            (droppedRate, .dropped), (truncatedRate, .truncated), (htmlRate, .html),
            (stalledRate, .stalled),
        ] {
            if left < rate { return fault }
            left -= rate
        }
        return nil
    }
}

/// A fault that an arrival suffered.
package enum ERPFault: String, Sendable, CaseIterable {
    case serverError
    case unavailable
    case dropped
    case truncated
    case html
    case stalled
}
