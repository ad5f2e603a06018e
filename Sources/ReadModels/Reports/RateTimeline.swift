internal import SyncCore

/// How many requests were made, and refused, in stretches of time of the same length.
///
/// There are at most `mostStretches`: where more time has passed, each is longer.
package struct RateTimeline: Sendable {
    package struct Stretch: Sendable, Equatable {
        package var requests: UInt64 = 0
        package var refused: UInt64 = 0
    }

    package static let mostStretches: Int64 = 480

    /// The length of a stretch in nanoseconds: one that people count in, up to a day, and then
    /// twice as long each time.
    package private(set) var stretchNs = lengths[0] * Int64.nsPerSecond
    /// In seconds; each is a multiple of the one before it.
    private static let lengths: [Int64] = [
        1, 2, 10, 30, 60, 120, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400,
    ]
    /// By their number since 1970.
    private var stretches: [Int64: Stretch] = [:]
    private var bounds: ClosedRange<Int64>?

    init() {}

    mutating func take(_ ns: Int64, isRefusal: Bool) {
        var number = Self.floor(ns, stretchNs)
        var wider =
            bounds.map { min($0.lowerBound, number)...max($0.upperBound, number) }
            ?? number...number
        while wider.upperBound - wider.lowerBound >= Self.mostStretches {
            let times = widen()
            number = Self.floor(number, times)
            wider = Self.floor(wider.lowerBound, times)...Self.floor(wider.upperBound, times)
        }
        bounds = wider
        if isRefusal {
            stretches[number, default: Stretch()].refused += 1
        } else {
            stretches[number, default: Stretch()].requests += 1
        }
    }

    private static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }

    /// - Returns: how many times as long each stretch is now.
    private mutating func widen() -> Int64 {
        let seconds = stretchNs / .nsPerSecond
        let times = (Self.lengths.first { $0 > seconds } ?? 2 * seconds) / seconds
        stretchNs = stretchNs.saturatingMultiply(times)
        var widened: [Int64: Stretch] = [:]
        for (number, stretch) in stretches {
            widened[Self.floor(number, times), default: Stretch()].requests += stretch.requests
            widened[Self.floor(number, times), default: Stretch()].refused += stretch.refused
        }
        stretches = widened
        return times
    }

    /// When the first stretch begins, in nanoseconds since 1970; nil without any.
    package var firstNs: Int64? { bounds.map { $0.lowerBound * stretchNs } }

    /// When the last one ends.
    package var lastNs: Int64? { bounds.map { ($0.upperBound + 1) * stretchNs } }

    /// All stretches in their order, those without a request too.
    package var all: [Stretch] {
        guard let bounds else { return [] }
        return bounds.map { stretches[$0] ?? Stretch() }
    }
}
