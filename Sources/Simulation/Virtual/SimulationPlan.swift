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

    package let seed: UInt64
    /// Records at first, those that come later, and those that change before the full run.
    package let records: Int
    package let appended: Int
    package let touched: Int
    package let pageSize: Int
    /// What the server cuts pages to.
    package let serverPageSize: Int
    package let paging: PagingKind
    package let reportsTotal: Bool
    package let incremental: IncrementalKind
    package let identities: ERPIdentities
    package let hasToken: Bool
    /// Arrivals from which on the token before is refused, and the status with which it is.
    package let tokenChanges: [Int]
    package let strangerStatus: Int
    package let batch: Int
    package let concurrency: Int
    /// Details are asked for by `/os/{id}` instead of `/os/details?ids=`; only where `batch` is 1.
    package let detailsByPath: Bool
    package let limits: LimitPolicy
    package let serverLimits: ServerLimits
    /// Shares of the server's limits that it admits, each from an arrival on.
    package let limitChanges: [ERPLimitChange]
    package let secondClient: ERPSecondClient?
    package let retryAfter: [ERPConfiguration.RetryAfterForm]
    package let sendsDate: Bool
    package let retry: RetryPolicy
    /// Until a request arrives: `forwardNs` at most, but for spikes of at most the delivery bound.
    package let forwardNs: Int64
    package let spikeRate: Double
    /// Until the answer to an arrival is there.
    package let answerNs: Int64
    package let answerJitterNs: Int64
    /// Until the client gives up: connecting, without a byte, and altogether.
    package let connectTimeoutNs: Int64
    package let idleTimeoutNs: Int64
    package let timeoutNs: Int64
    package let faults: ERPFaults
    /// Requests that never leave because no connection comes about.
    package let connectFailureRate: Double
    /// At most so many crashes, with about `crashGap` steps between them.
    package let crashes: Int
    package let crashGap: Int
    /// Crashes come one upon the other, with no rest between, and requests are late to arrive.
    package let isStorm: Bool
    /// The share of crashes that are reboots.
    package let rebootShare: Double
    /// At most so many requests to stop, by SIGTERM.
    package let cancels: Int
    /// At most so many times the disk is nearly full.
    package let diskFills: Int
    /// Invocations that carry a bound of their own (`--max`, `--no-details`, `--max-duration`).
    package let boundedInvocations: Int
    /// Of the first invocations; later ones have the default.
    package let patienceMs: Int64
    /// The pace of a real API and of a schedule: minutes and hours in place of seconds.
    package let isRealistic: Bool
    /// An invocation follows the one before after so long a pause, or up to twice as long.
    package let pauseMs: Int
    /// At most so many times the machine is suspended while a run waits, for `suspendMs` at most.
    package let suspends: Int
    package let suspendMs: Int
    /// The true time at the start, in nanoseconds of UTC.
    package let startNs: Int64
    /// Each boot begins in the year 2000, until the time is set.
    package let losesTime: Bool
    /// How much faster than true the machine's boot clock runs, in millionths.
    package let bootDriftPPM: Int64
    /// The wall clock is set by so much at step `wallStepAt`, or soon after it.
    package let wallStepNs: Int64
    package let wallStepAt: Int
    /// The server's clock is so far from the true time.
    package let serverSkewNs: Int64
}

extension SimulationPlan: CustomStringConvertible {
    /// One line a property, in the order of their declaration.
    package var description: String {
        Mirror(reflecting: self).children.map { child in
            "\(child.label ?? ""): \(child.value)"
        }.joined(separator: "\n")
    }
}
