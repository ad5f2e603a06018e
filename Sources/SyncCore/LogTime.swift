/// A moment as the log records it: nanoseconds of UTC since 1970-01-01T00:00:00Z.
///
/// Within one clock anchor it advances exactly as the boot clock does, so it never goes back there.
package struct LogTime: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(nanoseconds: Int64) { rawValue = nanoseconds }

    package static let zero = LogTime(nanoseconds: 0)

    package static func < (left: LogTime, right: LogTime) -> Bool {
        left.rawValue < right.rawValue
    }

    package func adding(ms: Int64) -> LogTime {
        LogTime(nanoseconds: rawValue.saturatingAdd(ms.saturatingMultiply(1_000_000)))
    }

    package func adding(ns: Int64) -> LogTime {
        LogTime(nanoseconds: rawValue.saturatingAdd(ns))
    }

    /// The nanoseconds from `earlier` to this moment; negative when it lies after.
    package func since(_ earlier: LogTime) -> Int64 {
        rawValue.saturatingAdd(-max(earlier.rawValue, -Int64.max))
    }
}

extension Int64 {
    package static var nsPerSecond: Int64 { 1_000_000_000 }
    package static var nsPerMs: Int64 { 1_000_000 }
}

extension FixedWidthInteger {
    /// The sum, held at the limits of the type: a wait of centuries must not crash a sync.
    package func saturatingAdd(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    /// The product, held at the limits of the type.
    package func saturatingMultiply(_ other: Self) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
