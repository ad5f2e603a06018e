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
    package var identities = ERPIdentities()
    /// The bearer token that every request under `/api` must carry; nil lets everybody in.
    package var token: String?
    /// Arrivals, ascending, from which on the token before is refused and another one is needed.
    package var tokenChanges: [Int] = []
    /// The status of a request without the right token.
    package var strangerStatus = 401
    /// Whether answers repeat the credentials of their request: in errors, in a header that people
    /// use to find a request again, and in every record.
    package var echoesToken = false
    /// Spells echoed credentials in bodies in all the ways of `TokenSpelling`, in turn.
    package var spellsTokens = false
    package var limits: [ERPLimit] = []
    /// Whether refused requests fill the windows too, as some servers have it.
    package var refusedCount = false
    /// In order of their arrivals.
    package var limitChanges: [ERPLimitChange] = []
    package var secondClient: ERPSecondClient?
    /// Each refusal has one of these forms, drawn by arrival number.
    package var retryAfter: [RetryAfterForm] = [.seconds]
    /// Whether answers say what the server's clock shows.
    package var sendsDate = true
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
        case zero
        case negative
        case pastDate
        case garbage
        /// Thirty days, in seconds or as a date; only while faults occur.
        case huge
        case hugeDate

        /// Whether it tells how long to wait, and nothing longer.
        package var isRight: Bool { self == .seconds || self == .httpDate }
    }
}
