package import Projections

/// A metric with all its samples, as Prometheus knows it.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// It only grows.
        case counter
        case gauge
        /// Counts by upper bound, each with those below it, and the sum.
        case histogram
    }

    package struct Label: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package struct Sample: Sendable, Equatable {
        /// The family's name; of a histogram, with what the sample is of it.
        package let name: String
        package let labels: [Label]
        package let value: MetricValue
    }

    /// With its unit last, and `_total` behind that where it is a counter.
    package let name: String
    package let kind: Kind
    /// One sentence.
    package let help: String
    package private(set) var samples: [Sample] = []

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    package mutating func add(_ value: MetricValue, _ labels: Label...) {
        samples.append(Sample(name: name, labels: labels, value: value))
    }

    /// Adds the samples of a histogram: a bound in seconds counts all that took no longer.
    package mutating func add(_ durations: DurationHistogram, _ labels: Label...) {
        var (below, bounds) = (
            UInt64(0), DurationHistogram.boundsMs.map { MetricValue(ms: $0).text }
        )
        bounds.append("+Inf")
        for (bound, count) in zip(bounds, durations.counts) {
            below += count
            samples.append(
                Sample(
                    name: "\(name)_bucket", labels: labels + [Label("le", bound)],
                    value: MetricValue(below)))
        }
        samples.append(
            Sample(name: "\(name)_sum", labels: labels, value: MetricValue(us: durations.sumUs)))
        samples.append(Sample(name: "\(name)_count", labels: labels, value: MetricValue(below)))
    }
}

/// A number as it is written: plain digits, and a fraction where there is one.
package struct MetricValue: Sendable, Equatable {
    package let text: String

    package init(_ value: some BinaryInteger) { text = String(value) }

    /// Seconds, from milliseconds.
    package init(ms: UInt64) { text = Self.decimal(ms, digits: 3) }

    /// Seconds, from microseconds.
    package init(us: UInt64) { text = Self.decimal(us, digits: 6) }

    /// Seconds, from nanoseconds.
    package init(ns: Int64) {
        text = (ns < 0 ? "-" : "") + Self.decimal(ns.magnitude, digits: 9)
    }

    /// - Parameter digits: how many of them are behind the point.
    private static func decimal(_ value: UInt64, digits: Int) -> String {
        let padding = String(repeating: "0", count: max(digits + 1 - String(value).count, 0))
        let all = padding + String(value)
        let fraction = String(all.suffix(digits).reversed().drop { $0 == "0" }.reversed())
        let whole = String(all.dropLast(digits))
        return fraction.isEmpty ? whole : "\(whole).\(fraction)"
    }
}
