internal import SyncCore

/// How long many things took: how many lie in each of some fixed spans of time, and the sum.
package struct DurationHistogram: Sendable, Equatable {
    /// The upper ends of the spans in milliseconds, each itself included; what takes longer is in
    /// one more.
    ///
    /// From a server next door to one that is about to be given up: a request is, after two minutes
    /// unless that is configured.
    package static let boundsMs: [UInt64] = [
        5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000,
    ]

    /// How many there are in each span, the one without an end last.
    package private(set) var counts: [UInt64]
    package private(set) var sumUs: UInt64

    package init() {
        counts = [UInt64](repeating: 0, count: Self.boundsMs.count + 1)
        sumUs = 0
    }

    /// - Returns: nil for another number of spans.
    init?(counts: [UInt64], sumUs: UInt64) {
        guard counts.count == Self.boundsMs.count + 1 else { return nil }
        self.counts = counts
        self.sumUs = sumUs
    }

    package var count: UInt64 { counts.reduce(0, +) }

    package mutating func add(us: UInt64) {
        let index = Self.boundsMs.firstIndex { us <= $0 * 1_000 } ?? Self.boundsMs.count
        counts[index] += 1
        sumUs = sumUs.saturatingAdd(us)
    }
}
