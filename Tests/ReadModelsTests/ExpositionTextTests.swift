import Projections
import ReadModels
import Testing

/// The text format that Prometheus reads, version 0.0.4.
@Suite struct ExpositionTextTests {
    @Test func familiesAreWrittenWithHelpAndType() {
        var requests = MetricFamily("a_requests_total", .counter, "Requests.")
        requests.add(MetricValue(12), .init("endpoint", "list"), .init("code", "200"))
        requests.add(MetricValue(UInt64.max), .init("endpoint", "detail"), .init("code", "none"))
        var position = MetricFamily("a_position", .gauge, "Where.")
        position.add(MetricValue(7))
        let none = MetricFamily("a_nothing", .gauge, "Without a sample it says nothing.")
        #expect(
            ExpositionText.render([requests, none, position]) == """
                # HELP a_requests_total Requests.
                # TYPE a_requests_total counter
                a_requests_total{endpoint="list",code="200"} 12
                a_requests_total{endpoint="detail",code="none"} 18446744073709551615
                # HELP a_position Where.
                # TYPE a_position gauge
                a_position 7

                """)
    }

    @Test func aBoundOfAHistogramCountsAllBelowIt() {
        var durations = DurationHistogram()
        for us: UInt64 in [4_000, 5_000, 7_500, 2_500_001, 130_000_000] { durations.add(us: us) }
        var family = MetricFamily("a_seconds", .histogram, "How long.")
        family.add(durations, .init("endpoint", "list"))
        let lines = ExpositionText.render([family]).split(separator: "\n").map(String.init)
        #expect(lines[1] == "# TYPE a_seconds histogram")
        let expected: [(String, Int)] = [
            ("0.005", 2), ("0.01", 3), ("0.025", 3), ("0.05", 3), ("0.1", 3), ("0.25", 3),
            ("0.5", 3), ("1", 3), ("2.5", 3), ("5", 4), ("10", 4), ("30", 4), ("60", 4),
            ("120", 4), ("+Inf", 5),
        ]
        #expect(
            lines.dropFirst(2).dropLast(2)
                == expected.map { bound, count in
                    "a_seconds_bucket{endpoint=\"list\",le=\"\(bound)\"} \(count)"
                }[...])
        #expect(
            lines.suffix(2) == [
                "a_seconds_sum{endpoint=\"list\"} 132.516501",
                "a_seconds_count{endpoint=\"list\"} 5",
            ])
    }

    @Test func whatWouldEndALabelOrALineIsEscaped() {
        var family = MetricFamily("a", .gauge, "A \\ and\na \"line\".")
        family.add(MetricValue(1), .init("stream", "o\\s\n\"é{}"))
        #expect(
            ExpositionText.render([family]) == """
                # HELP a A \\\\ and\\na "line".
                # TYPE a gauge
                a{stream="o\\\\s\\n\\"é{}"} 1

                """)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (-250_000_000, "-0.25"),
            (1_700_000_000_000_000_000, "1700000000"), (.max, "9223372036.854775807"),
            (.min, "-9223372036.854775808"),
        ] as [(Int64, String)])
    func secondsAreExact(ns: Int64, text: String) {
        #expect(MetricValue(ns: ns).text == text)
    }
}
