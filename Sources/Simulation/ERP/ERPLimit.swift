/// A limit on requests in a window of time, as a server enforces it.
package struct ERPLimit: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// At most `requests` in any `windowNs`, wherever it is placed.
        case sliding
        /// At most `requests` between two multiples of `windowNs`, shifted by `phaseNs`.
        case fixed(phaseNs: Int64)
        /// A bucket of `requests` tokens that fills evenly within `windowNs`; full at first.
        case tokenBucket

        package var name: String {
            switch self {
            case .sliding: "sliding"
            case .fixed: "fixed"
            case .tokenBucket: "tokenBucket"
            }
        }
    }

    package let requests: Int
    package let windowNs: Int64
    package let kind: Kind

    /// `requests` and `seconds` are at least 1 and one millisecond; smaller ones are raised.
    package init(requests: Int, seconds: Double, kind: Kind = .sliding) {
        self.requests = max(1, requests)
        self.windowNs = max(1_000_000, Int64((seconds * 1e9).rounded()))
        self.kind = kind
    }

    package var seconds: Double { Double(windowNs) / 1e9 }
}

/// From an arrival on, a server admits another share of its limits.
package struct ERPLimitChange: Sendable, Equatable {
    /// The first arrival, counted from 1, that it holds for.
    package let arrival: Int
    /// Of each limit's requests; at most 1.
    package let share: Double

    package init(arrival: Int, share: Double) {
        self.arrival = arrival
        self.share = share
    }
}

/// Somebody else who uses the same quota: bursts of requests at regular times.
package struct ERPSecondClient: Sendable, Equatable {
    package let burst: Int
    package let everyNs: Int64
    /// When the first burst comes.
    package let phaseNs: Int64
    /// It is gone after so many arrivals of the first client.
    package let lastArrival: Int

    package init(burst: Int, everyNs: Int64, phaseNs: Int64, lastArrival: Int) {
        self.burst = burst
        self.everyNs = max(1, everyNs)
        self.phaseNs = phaseNs
        self.lastArrival = lastArrival
    }
}
