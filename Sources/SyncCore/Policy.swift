/// A sliding window of the API's limits: at most `requests` arrivals in any `periodNs`.
package struct RateWindow: Sendable, Equatable {
    package let name: String
    package let requests: Int
    package let periodNs: Int64

    package init(name: String, requests: Int, periodNs: Int64) {
        self.name = name
        self.requests = requests
        self.periodNs = periodNs
    }

    /// How long after a response its slot is held.
    ///
    /// The period, and one part in 10,000 and 1 ms more: the server's clock may run faster than
    /// ours, and timers are not exact.
    package var holdNs: Int64 {
        periodNs.saturatingAdd(periodNs / 10_000).saturatingAdd(.nsPerMs)
    }
}

/// The resolved `rateLimits` of the configuration.
package struct LimitPolicy: Sendable, Equatable {
    package var windows: [RateWindow]
    /// The first wait after a 429 that names none.
    package var cooldownMs: Int64
    /// What each further 429 multiplies the wait by.
    package var backoffMultiplier: Double
    /// How long a request whose response never came may still be on its way.
    package var deliveryBoundMs: Int64

    package init(
        windows: [RateWindow], cooldownMs: Int64 = 60_000, backoffMultiplier: Double = 2,
        deliveryBoundMs: Int64 = 10_000
    ) {
        self.windows = windows
        self.cooldownMs = cooldownMs
        self.backoffMultiplier = backoffMultiplier
        self.deliveryBoundMs = deliveryBoundMs
    }

    /// The largest period, or an hour when no window is configured.
    package var largestPeriodNs: Int64 {
        windows.map(\.periodNs).max() ?? 3_600 * .nsPerSecond
    }
}

/// How a pass walks the list; the stop rule depends on it, the request itself is the source's.
package enum PagingKind: UInt8, Sendable, CaseIterable {
    case page = 1
    case offset = 2
    /// Keyset paging: each request asks for what lies above the last identity.
    case idAfter = 3

    /// Whether rows that move while the list is paged can't be missed.
    package var isKeyset: Bool { self == .idAfter }
}

/// The order in which the list comes, as configured.
package enum ListOrder: UInt8, Sendable, CaseIterable {
    case ascending = 1
    case descending = 2
    case unknown = 3
}

/// How an incremental run asks for what is new.
package enum IncrementalKind: UInt8, Sendable, CaseIterable {
    /// By a filter on the identity, above the high-water mark.
    case idAfter = 1
    /// No filter: the whole list is walked, and fingerprints tell what changed.
    case none = 2
}

/// How details are asked for.
package struct DetailPolicy: Sendable, Equatable {
    /// Identities a request, at least 1.
    package var batch: Int
    /// Requests in flight at once, at least 1.
    package var concurrency: Int

    package init(batch: Int, concurrency: Int) {
        self.batch = batch
        self.concurrency = concurrency
    }
}

/// How failures are retried.
package struct RetryPolicy: Sendable, Equatable {
    /// How often one record, or one page, is tried before it is given up.
    package var attempts: Int
    package var baseMs: Int64
    package var multiplier: Double
    package var maxMs: Int64

    package init(
        attempts: Int = 5, baseMs: Int64 = 1_000, multiplier: Double = 2, maxMs: Int64 = 60_000
    ) {
        self.attempts = attempts
        self.baseMs = baseMs
        self.multiplier = multiplier
        self.maxMs = maxMs
    }

    /// No wait between two tries is longer, jitter included.
    var longestWaitMs: Int64 { maxMs.saturatingAdd(maxMs / 10).saturatingAdd(1_000) }

    /// The wait before the try that follows `failures` failures (at least 1), without jitter.
    package func waitMs(afterFailures failures: Int) -> Int64 {
        exponential(base: baseMs, multiplier: multiplier, steps: failures - 1, cap: maxMs)
    }
}

/// `base * multiplier^steps`, held below `cap`.
func exponential(base: Int64, multiplier: Double, steps: Int, cap: Int64) -> Int64 {
    var wait = Double(base)
    for _ in 0..<min(max(steps, 0), 64) where wait < Double(cap) { wait *= multiplier }
    return wait >= Double(cap) ? cap : Int64(wait)
}

/// A configuration key that an open list pass depends on, with its value as text, free of secrets.
package struct PinnedKey: Sendable, Equatable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// Everything of the configuration that a decision depends on, resolved; part of `RunRequested`.
package struct Policy: Sendable, Equatable {
    package var limits: LimitPolicy
    package var paging: PagingKind
    package var pageSize: Int
    package var order: ListOrder
    package var incremental: IncrementalKind
    /// The configured order of identities; nil lets the first page decide.
    package var idOrder: IDOrder?
    /// Nil for a stream that has headers only.
    package var detail: DetailPolicy?
    package var retry: RetryPolicy
    package var pinned: [PinnedKey]

    /// Whether something asks for what lies above an identity.
    var needsIDOrder: Bool { paging.isKeyset || incremental == .idAfter }

    package init(
        limits: LimitPolicy, paging: PagingKind, pageSize: Int, order: ListOrder = .unknown,
        incremental: IncrementalKind = .none, idOrder: IDOrder? = nil, detail: DetailPolicy?,
        retry: RetryPolicy = RetryPolicy(), pinned: [PinnedKey] = []
    ) {
        self.limits = limits
        self.paging = paging
        self.pageSize = pageSize
        self.order = order
        self.incremental = incremental
        self.idOrder = idOrder
        self.detail = detail
        self.retry = retry
        self.pinned = pinned
    }
}

extension Policy {
    /// Whether nothing that follows from its numbers leaves their types: so it is for whatever a
    /// configuration can say, and not for everything that a log may hold that was tampered with.
    package var isComputable: Bool {
        let times = 0...Int64.max / 8
        let counts = 0...Int(Int32.max)
        let factors = 0...1e9
        return limits.windows.allSatisfy {
            counts.contains($0.requests) && times.contains($0.periodNs)
        }
            && times.contains(limits.cooldownMs) && times.contains(limits.deliveryBoundMs)
            && factors.contains(limits.backoffMultiplier) && counts.contains(pageSize)
            && counts.contains(retry.attempts) && times.contains(retry.baseMs)
            && factors.contains(retry.multiplier) && times.contains(retry.maxMs)
            && (detail.map { counts.contains($0.batch) && counts.contains($0.concurrency) } ?? true)
    }
}
