/// One request that reached the simulated ERP, as it remembers it.
package struct ERPArrival: Sendable, Equatable {
    package enum Endpoint: String, Sendable, CaseIterable {
        case list
        case detail
        case health
        /// Anything else under `/api`, requests that are not understood included.
        case other
    }

    /// What was asked for.
    package enum Target: Sendable, Equatable {
        /// Records above `above`, less the first `offset` of them, at most `limit`.
        case page(above: Int64, offset: Int, limit: Int)
        case details([Int64])
        case none
    }

    /// Counted from 1 over the life of the server.
    package let number: Int
    package let timeNs: Int64
    package let endpoint: Endpoint
    package let target: Target
    /// The HTTP status; 0 when the connection was dropped.
    package let status: Int
    package let fault: ERPFault?
    /// Whether the fault is one of the records asked for, and comes each time.
    package let isPoison: Bool
    /// How a refusal said when to come again.
    package let retryAfter: ERPConfiguration.RetryAfterForm?
    /// What it was refused for; empty where the limits themselves refuse it.
    package let refusedFor: [Hindrance]
    /// The order that was changed just before.
    package let updated: Int64?

    /// Something without which a refused request had been admitted.
    package enum Hindrance: Sendable, CaseIterable {
        case secondClient
        case loweredLimits
        /// Refused requests that count.
        case refusedRequests
    }

    package init(
        number: Int, timeNs: Int64, endpoint: Endpoint, target: Target, status: Int,
        fault: ERPFault?, isPoison: Bool = false,
        retryAfter: ERPConfiguration.RetryAfterForm? = nil, refusedFor: [Hindrance] = [],
        updated: Int64? = nil
    ) {
        self.number = number
        self.timeNs = timeNs
        self.endpoint = endpoint
        self.target = target
        self.status = status
        self.fault = fault
        self.isPoison = isPoison
        self.retryAfter = retryAfter
        self.refusedFor = refusedFor
        self.updated = updated
    }
}

/// The arrivals of a server in the order of their times, and what can be said about them.
package struct ERPArrivals: Sendable {
    package private(set) var entries: [ERPArrival] = []
    private let capacity: Int
    /// How many arrivals were forgotten because there were more than the capacity.
    package private(set) var forgotten = 0

    init(capacity: Int) { self.capacity = max(2, capacity) }

    mutating func record(_ arrival: ERPArrival) {
        if entries.count == capacity {
            forgotten += capacity / 2
            entries.removeFirst(capacity / 2)
        }
        entries.append(arrival)
    }

    package mutating func removeAll() {
        entries.removeAll()
        forgotten = 0
    }

    package func count(_ endpoint: ERPArrival.Endpoint) -> Int {
        entries.reduce(0) { $0 + ($1.endpoint == endpoint ? 1 : 0) }
    }

    package func count(status: Int) -> Int {
        entries.reduce(0) { $0 + ($1.status == status ? 1 : 0) }
    }

    /// The most arrivals that any window of this length holds, wherever it begins.
    ///
    /// A window is half open: two arrivals exactly `inWindowNs` apart are never in one.
    package func maximumArrivals(
        inWindowNs length: Int64, where isCounted: (ERPArrival) -> Bool = { _ in true }
    ) -> Int {
        entries.lazy.filter(isCounted).map(\.timeNs).mostInWindow(ofNs: length)
    }

    /// How many times each identity was asked for in detail.
    package func detailRequestsByID() -> [Int64: Int] {
        var counts: [Int64: Int] = [:]
        for arrival in entries {
            guard case .details(let ids) = arrival.target else { continue }
            for id in ids { counts[id, default: 0] += 1 }
        }
        return counts
    }
}

extension Sequence<Int64> {
    /// The most of these ascending times that any half-open window of this length holds.
    func mostInWindow(ofNs length: Int64) -> Int {
        var times: [Int64] = []
        var first = 0
        var most = 0
        for time in self {
            times.append(time)
            while times[first] <= time - length { first += 1 }
            most = Swift.max(most, times.count - first)
        }
        return most
    }
}
