package import SyncCore

/// Everything that a simulation of one seed does, drawn from the seed alone.
///
/// Equal plans run equally: in this process, in another one, and on another machine.
package struct SimulationPlan: Sendable, Equatable {
    /// How the server's limits stand to the client's windows.
    package enum ServerLimits: Sendable, Equatable {
        case none
        /// The client's own windows, sliding.
        case sliding
        /// The client's own windows, fixed, each shifted by so many nanoseconds.
        case fixed(phasesNs: [Int64])
        /// A token bucket for each of the client's windows.
        case tokenBucket
        /// The client's windows with fewer requests: it is refused now and then.
        case stricter(share: Double, refusedCount: Bool)
    }

    package var seed: UInt64
    /// Records at first, those that come later, and those that change before the full run.
    package var records: Int
    package var appended: Int
    package var touched: Int
    package var pageSize: Int
    /// What the server cuts pages to.
    package var serverPageSize: Int
    package var paging: PagingKind
    package var reportsTotal: Bool
    package var incremental: IncrementalKind
    package var identities: ERPIdentities
    package var hasToken: Bool
    /// Arrivals from which on the token before is refused, and the status with which it is.
    package var tokenChanges: [Int]
    package var strangerStatus: Int
    package var batch: Int
    package var concurrency: Int
    /// Details are asked for by `/os/{id}` instead of `/os/details?ids=`; only where `batch` is 1.
    package var detailsByPath: Bool
    package var limits: LimitPolicy
    package var serverLimits: ServerLimits
    /// Shares of the server's limits that it admits, each from an arrival on.
    package var limitChanges: [ERPLimitChange]
    package var secondClient: ERPSecondClient?
    package var retryAfter: [ERPConfiguration.RetryAfterForm]
    package var sendsDate: Bool
    package var retry: RetryPolicy
    /// Until a request arrives: `forwardNs` at most, but for spikes of at most the delivery bound.
    package var forwardNs: Int64
    package var spikeRate: Double
    /// Until the answer to an arrival is there.
    package var answerNs: Int64
    package var answerJitterNs: Int64
    /// Until the client gives up: connecting, without a byte, and altogether.
    package var connectTimeoutNs: Int64
    package var idleTimeoutNs: Int64
    package var timeoutNs: Int64
    package var faults: ERPFaults
    /// Records whose details end the program that reads them.
    package var crashingIDs: Set<Int64>
    /// Requests that never leave because no connection comes about.
    package var connectFailureRate: Double
    /// At most so many crashes, with about `crashGap` steps between them.
    package var crashes: Int
    package var crashGap: Int
    /// Crashes come one upon the other, with no rest between, and requests are late to arrive.
    package var isStorm: Bool
    /// The share of crashes that are reboots.
    package var rebootShare: Double
    /// At most so many requests to stop, by SIGTERM.
    package var cancels: Int
    /// At most so many times the disk is nearly full.
    package var diskFills: Int
    /// Invocations that carry a bound of their own (`--max`, `--no-details`, `--max-duration`).
    package var boundedInvocations: Int
    /// At most so many checks of the API's health between two syncs, by a path of their own or by
    /// the list.
    package var healthChecks: Int
    package var healthByPath: Bool
    /// At most so many requests in the inbox, while a run is under way: for a check of the health,
    /// and to stop.
    package var healthAsks: Int
    package var stopsAsked: Int
    /// At most so many looks at the store for alerts, after a run or between two.
    package var alerts: Int
    /// At most so many invocations that drop what was learned of the limits (`--forget-limits`).
    package var forgets: Int
    /// At most so many times records are put back into the queue, or taken out of it, by hand.
    package var queueChanges: Int
    /// At most so many times limits, batch and concurrency are others from an invocation on; the
    /// limits never more than `limits`.
    package var policyChanges: Int
    /// At most so many times the configuration that an open pass depends on changes, so that it is
    /// given up (`--abandon`).
    package var abandons: Int
    /// At most so many times events are moved into the archive (`log compact`), and texts are taken
    /// out (`log redact`), between two runs.
    package var compactions: Int
    package var redactions: Int
    /// Of the first invocations; later ones have the default.
    package var patienceMs: Int64
    /// The pace of a real API and of a schedule: minutes and hours in place of seconds.
    package var isRealistic: Bool
    /// An invocation follows the one before after so long a pause, or up to twice as long.
    package var pauseMs: Int
    /// At most so many times the machine is suspended while a run waits, for `suspendMs` at most.
    package var suspends: Int
    package var suspendMs: Int
    /// The true time at the start, in nanoseconds of UTC.
    package var startNs: Int64
    /// Each boot begins in the year 2000, until the time is set.
    package var losesTime: Bool
    /// How much faster than true the machine's boot clock runs, in millionths.
    package var bootDriftPPM: Int64
    /// The wall clock is set by so much at step `wallStepAt`, or soon after it.
    package var wallStepNs: Int64
    package var wallStepAt: Int
    /// The server's clock is so far from the true time.
    package var serverSkewNs: Int64
    /// At most so many times a write of the store fails.
    package var diskErrors: Int
    /// At most so many times the projection's files are deleted or damaged.
    package var projectionFaults: Int
    /// The log is opened as a sync opens it, and a reboot takes back what was not synced.
    package var isSynced: Bool
    /// The size that the log's map has at first.
    package var mapKiB: Int
}

extension SimulationPlan: CustomStringConvertible {
    /// One line a property, in the order of their declaration.
    package var description: String {
        Mirror(reflecting: self).children.map { child in
            "\(child.label ?? ""): \(child.value)"
        }.joined(separator: "\n")
    }
}
