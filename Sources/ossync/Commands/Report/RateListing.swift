import Presentation
import ReadModels
import SyncCore

/// Requests against the limits, as they are printed.
struct RateListing: ReportListing {
    private let fold: RateFold
    private let position: Position
    private let output: Output
    private let isConfigured: Bool
    private let rows: [(part: RateWindowFold, suggestion: RateSuggestion)]

    init(fold: RateFold, configured: [RateWindow], position: Position, output: Output) {
        self.fold = fold
        self.position = position
        self.output = output
        let isConfigured = !configured.isEmpty
        self.isConfigured = isConfigured
        rows = fold.windows.map {
            ($0, RateSuggestion(fold, $0, isConfigured: isConfigured))
        }
    }

    private var total: RateFold.EndpointFigures { fold.total }

    private var endpoints: [(name: String, figures: RateFold.EndpointFigures)] {
        Endpoint.allCases.compactMap { endpoint in
            fold.endpoints[endpoint].map { (endpoint.name, $0) }
        }
    }

    private var waits: [(reason: RateFold.WaitReason, figures: RateFold.WaitFigures)] {
        RateFold.WaitReason.allCases.compactMap { reason in
            fold.waits[reason].map { (reason, $0) }
        }
    }

    // MARK: For people

    private var heading: String {
        var text = "\(total.requests.grouped) requests, \(total.refused.grouped) refused"
        if let first = fold.firstAt, let last = fold.lastAt {
            text += ", from \(first.toTheSecond) to \(last.toTheSecond)"
        }
        return text + ", up to position \(position.rawValue.grouped)"
    }

    /// `87.5%`
    private static func percent(_ perMille: UInt64) -> String {
        "\(perMille / 10).\(perMille % 10)%"
    }

    private static func limit(_ window: RateWindow) -> UInt64 { UInt64(max(window.requests, 0)) }

    func table(_ terminal: TerminalPlot) -> [String] {
        [heading, ""] + windowTable(terminal) + endpointTable(terminal) + waitTable(terminal)
            + suggestions
    }

    private func windowTable(_ terminal: TerminalPlot) -> [String] {
        let columns =
            [TextTable.Column("window", .left)]
            + ["limit", "peak", "median", "used", "refusals", "learned"].map {
                TextTable.Column($0)
            }
        return TextTable(
            columns,
            rows.map { part, _ in
                [
                    part.window.name.withoutControls,
                    isConfigured ? Self.limit(part.window).grouped : "none",
                    part.peak.requests.grouped, part.median.grouped,
                    isConfigured ? Self.percent(part.usedPerMille) : "-", part.lessons.grouped,
                    part.lesson.map { "\($0.requests.grouped) @\($0.position.rawValue)" } ?? "-",
                ]
            }
        ).lines(isUnicode: terminal.isUnicode)
    }

    private func endpointTable(_ terminal: TerminalPlot) -> [String] {
        guard !endpoints.isEmpty else { return [] }
        let columns =
            [TextTable.Column("endpoint", .left)]
            + ["requests", "429s", "failed"].map { TextTable.Column($0) }
        let cells = (endpoints + [("total", total)]).map { name, figures in
            [
                name, figures.requests.grouped, figures.refused.grouped, figures.failed.grouped,
            ]
        }
        return [""] + TextTable(columns, cells).lines(isUnicode: terminal.isUnicode)
    }

    private func waitTable(_ terminal: TerminalPlot) -> [String] {
        guard !waits.isEmpty else { return [] }
        let columns = [
            TextTable.Column("waited for", .left), TextTable.Column("waits"),
            TextTable.Column("time"),
        ]
        let cells = waits.map { reason, figures in
            [
                reason.rawValue, figures.count.grouped,
                TimeSpan.text(seconds: figures.ns / .nsPerSecond),
            ]
        }
        return [""] + TextTable(columns, cells).lines(isUnicode: terminal.isUnicode)
    }

    private var suggestions: [String] {
        [""]
            + rows.map { part, suggestion in
                let text = "\(part.window.name): \(suggestion.words)".withoutControls
                return output.paint(text, suggestion.value == nil ? .green : .yellow)
            }
    }

    /// Bars of each window's peak beside its limit, and the requests and refusals over the time.
    func plot(_ terminal: TerminalPlot) -> [String] {
        var lines = [heading]
        for (part, _) in rows {
            var values = [("peak", part.peak.requests), ("median", part.median)]
            if isConfigured { values.insert(("limit", Self.limit(part.window)), at: 0) }
            let bars = values.map { what, value in
                BarChart.Row.bar(label: what, value: PlotValue(value), text: value.grouped)
            }
            let period = TimeSpan.text(seconds: part.window.periodNs / .nsPerSecond)
            let title = "\(part.window.name.withoutControls): requests in \(period)"
            lines += [""] + terminal.lines(BarChart(title: title, rows: bars))
        }
        let stretches = fold.timeline.all
        if !stretches.isEmpty {
            let room = terminal.width - 9
            lines += [
                "", columnChart.title,
                "requests " + terminal.sparkline(counts: stretches.map(\.requests), room: room),
                "429s     " + terminal.sparkline(counts: stretches.map(\.refused), room: room),
            ]
        }
        return lines + suggestions
    }

    private var columnChart: ColumnChart {
        let seconds = fold.timeline.stretchNs / .nsPerSecond
        return ColumnChart(
            title: "requests each \(TimeSpan.text(seconds: seconds))", markedName: "refused",
            first: Self.text(fold.timeline.firstNs), last: Self.text(fold.timeline.lastNs),
            columns: fold.timeline.all.map {
                ColumnChart.Column(count: $0.requests, marked: min($0.refused, $0.requests))
            })
    }

    private static func text(_ ns: Int64?) -> String {
        ns.map { LogTime(nanoseconds: $0).toTheSecond } ?? ""
    }

    var svg: String { SVGPlot.document(columnChart) }

    // MARK: For programs

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "report"), ("report", "rate"),
            ("position", .number(position.rawValue)),
            ("from", .optional(fold.firstAt?.rfc3339())),
            ("to", .optional(fold.lastAt?.rfc3339())),
            ("requests", .number(total.requests)), ("rateLimited", .number(total.refused)),
            ("failed", .number(total.failed)),
            (
                "refusals",
                .object([
                    ("first", fold.firstRefusal.map { .number($0.rawValue) } ?? .null),
                    ("last", fold.lastRefusal.map { .number($0.rawValue) } ?? .null),
                ])
            ), ("windows", .array(rows.map { json($0.part, $0.suggestion) })),
            (
                "endpoints",
                .object(
                    endpoints.map { name, figures in
                        (
                            name,
                            .object([
                                ("requests", .number(figures.requests)),
                                ("rateLimited", .number(figures.refused)),
                                ("failed", .number(figures.failed)),
                            ])
                        )
                    })
            ),
            (
                "waits",
                .object(
                    waits.map { reason, figures in
                        (
                            reason.rawValue,
                            .object([
                                ("count", .number(figures.count)),
                                ("seconds", .seconds(ns: figures.ns)),
                            ])
                        )
                    })
            ),
        ])
    }

    private func json(_ part: RateWindowFold, _ suggestion: RateSuggestion) -> JSONText {
        let peak = part.peak
        return .object([
            ("window", .string(part.window.name)),
            ("seconds", .number(part.window.periodNs / .nsPerSecond)),
            ("limit", isConfigured ? .number(part.window.requests) : .null),
            ("peak", .number(peak.requests)), ("peakAt", .optional(peak.at?.rfc3339())),
            ("median", .number(part.median)), ("activeWindows", .number(part.activePeriods)),
            (
                "used",
                isConfigured ? .literal(Self.fraction(part.usedPerMille)) : .null
            ), ("accepted", .number(part.acceptedPeak)),
            ("refusals", .number(part.lessons)), ("suspected", .number(part.suspicions)),
            (
                "learned",
                part.lesson.map {
                    .object([
                        ("limit", .number($0.requests)),
                        ("position", .number($0.position.rawValue)),
                    ])
                } ?? .null
            ),
            (
                "suggestion",
                .object([
                    ("key", .optional(suggestion.key)),
                    ("value", suggestion.value.map { .number($0) } ?? .null),
                    ("evidence", .string(suggestion.words)),
                ])
            ),
        ])
    }

    /// `0.875`
    private static func fraction(_ perMille: UInt64) -> String {
        let digits = String(perMille % 1_000)
        return "\(perMille / 1_000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    var csv: [[String]] {
        let header = [
            "window", "seconds", "limit", "requests", "peak", "median", "used", "accepted",
            "refusals", "learned", "suggested", "evidence",
        ]
        return [header]
            + rows.map { part, suggestion in
                [
                    CSVText.cell(part.window.name), "\(part.window.periodNs / .nsPerSecond)",
                    isConfigured ? "\(part.window.requests)" : "", "\(part.requests)",
                    "\(part.peak.requests)", "\(part.median)",
                    isConfigured ? Self.fraction(part.usedPerMille) : "",
                    "\(part.acceptedPeak)", "\(part.lessons)",
                    part.lesson.map { "\($0.requests)" } ?? "",
                    suggestion.value.map { "\($0)" } ?? "", CSVText.cell(suggestion.words),
                ]
            }
    }
}
