import EventLog
import Presentation
import Projections
import ReadModels
import SyncCore

/// What runs did, each or in groups, as it is printed.
struct RunListing: ReportListing {
    private struct Row {
        let name: String
        let figures: RunFigures
        /// Nil for a row of several.
        let run: RunReport?
    }

    private let by: ReportCommand.Runs.Grouping
    private let position: Position
    private let rows: [Row]
    /// The earlier rows, where there are too many.
    private let rest: Row?
    private let total: RunFigures

    /// - Parameter runs: the oldest first.
    init(
        by: ReportCommand.Runs.Grouping, runs: [RunReport], atMost most: Int, position: Position
    ) {
        self.by = by
        self.position = position
        var all: [Row] = []
        switch by {
        case .run:
            all = runs.map {
                Row(name: $0.run.run.runText ?? "", figures: $0.figures, run: $0)
            }
        case .day, .mode:
            var groups = RunGroups()
            for run in runs {
                let day = String(run.run.startedAt.toTheSecond.prefix { $0 != "T" })
                groups.add(run.figures, to: by == .day ? day : run.run.mode.name)
            }
            all = groups.rows.map { Row(name: $0.name, figures: $0.figures, run: nil) }
        }
        // Modes have no order in time: those that asked for most are told.
        if by == .mode, all.count > most {
            all.sort { $0.figures.counters.requests > $1.figures.counters.requests }
        }
        rows = Array(by == .mode ? all.prefix(most) : all.suffix(most))
        let others = by == .mode ? all.dropFirst(rows.count) : all.dropLast(rows.count)
        func sum(_ rows: some Sequence<Row>) -> RunFigures {
            rows.reduce(into: RunFigures()) { $0.add($1.figures) }
        }
        rest =
            others.isEmpty
            ? nil
            : Row(name: Self.words(UInt64(others.count), by), figures: sum(others), run: nil)
        total = sum(all)
    }

    /// `(before: 61 days)`, `(the rest: 2 modes)`
    private static func words(_ count: UInt64, _ by: ReportCommand.Runs.Grouping) -> String {
        let which = by == .mode ? "the rest" : "before"
        return "(\(which): \(count.grouped) \(by.rawValue)\(count == 1 ? "" : "s"))"
    }

    /// The rows and the rest, in the order in which they are told.
    private var told: [Row] {
        let others = rest.map { [$0] } ?? []
        return by == .mode ? rows + others : others + rows
    }

    private var heading: String {
        "\(total.runs.grouped) \(total.runs == 1 ? "run" : "runs")"
            + (by == .run ? "" : " by \(by.rawValue)") + ", up to position "
            + position.rawValue.grouped
    }

    // MARK: For people

    private static func time(_ ns: Int64) -> String { TimeSpan.text(seconds: ns / .nsPerSecond) }

    private static func outcomes(_ figures: RunFigures) -> String {
        figures.outcomes.sorted { $0.key < $1.key }.map { "\($0.value.grouped) \($0.key)" }
            .joined(separator: ", ")
    }

    func table(_ terminal: TerminalPlot) -> [String] {
        var columns = [TextTable.Column(by.rawValue, .left)]
        columns +=
            by == .run
            ? ["started", "mode", "outcome"].map { TextTable.Column($0, .left) }
            : [TextTable.Column("runs"), TextTable.Column("outcomes", .left)]
        let numbers = [
            "requests", "new", "changed", "detailed", "failed", "429s", "waits", "waited", "took",
        ]
        columns += numbers.map { TextTable.Column($0) }
        let sum = Row(name: "total", figures: total, run: nil)
        let all = told + [sum]
        return [heading]
            + TextTable(columns, all.map(cells)).lines(isUnicode: terminal.isUnicode)
    }

    private func cells(_ row: Row) -> [String] {
        let figures = row.figures
        let counters = figures.counters
        var cells = [row.name]
        if let run = row.run {
            cells += [run.run.startedAt.toTheSecond, run.run.mode.name, run.outcomeWords]
        } else if by == .run {
            cells += ["", "", Self.outcomes(figures)]
        } else {
            cells += [figures.runs.grouped, Self.outcomes(figures)]
        }
        let numbers = [
            counters.requests, counters.new, counters.changed, counters.detailed, counters.failed,
            counters.rateLimited, figures.waits,
        ]
        return cells + numbers.map(\.grouped)
            + [Self.time(figures.waitNs), Self.time(figures.durationNs)]
    }

    private var chart: BarChart {
        let bars = told.map { row -> BarChart.Row in
            // What many come to together is no bar beside those of one.
            if row.name == rest?.name {
                return .gap(
                    "\(row.name), \(row.figures.counters.requests.grouped) requests together")
            }
            let label = row.run.map { "\(row.name) \($0.run.startedAt.toTheSecond)" } ?? row.name
            let requests = row.figures.counters.requests
            return BarChart.Row.bar(
                label: label, value: PlotValue(requests), text: requests.grouped)
        }
        return BarChart(title: "requests by \(by.rawValue)", rows: bars)
    }

    func plot(_ terminal: TerminalPlot) -> [String] {
        var lines = terminal.lines(chart)
        if by != .mode, rows.count > 1 {
            let trend = rows.suffix(terminal.width - 9)
            let requests = trend.map { PlotValue($0.figures.counters.requests) }
            let refused = trend.map { PlotValue($0.figures.counters.rateLimited) }
            lines += [
                "requests \(terminal.sparkline(requests))",
                "429s     \(terminal.sparkline(refused))",
            ]
        }
        lines.append(
            "total    \(total.counters.requests.grouped) requests, "
                + "\(total.counters.rateLimited.grouped) x 429, in \(heading)")
        return lines
    }

    var svg: String { SVGPlot.document(chart) }

    // MARK: For programs

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "report"), ("report", "runs"), ("by", .string(by.rawValue)),
            ("position", .number(position.rawValue)),
            (
                "rows",
                .array(
                    rows.map { row in
                        if let run = row.run { return run.json }
                        return .object([(by.rawValue, .string(row.name))] + Self.members(row))
                    })
            ), ("rest", rest.map { .object(Self.members($0)) } ?? .null),
            (
                "total",
                .object(Self.members(Row(name: "total", figures: total, run: nil)))
            ),
        ])
    }

    private static func members(_ row: Row) -> [(String, JSONText)] {
        let figures = row.figures
        return [
            ("runs", .number(figures.runs)),
            (
                "outcomes",
                .object(
                    figures.outcomes.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })
            ), ("requests", SummaryReport.requests(figures.counters)),
            ("records", SummaryReport.records(figures.counters)),
            ("rateLimited", .number(figures.counters.rateLimited)),
            ("waits", .number(figures.waits)), ("waitSeconds", .seconds(ns: figures.waitNs)),
            ("durationSeconds", .seconds(ns: figures.durationNs)),
            ("floorSeconds", .seconds(ns: figures.floorNs)),
        ]
    }

    var csv: [[String]] {
        let numbers = [
            "list_requests", "detail_requests", "other_requests", "new", "changed", "unchanged",
            "detailed", "failed", "rate_limited", "waits", "wait_seconds", "duration_seconds",
        ]
        let header =
            by == .run ? ["run", "started_at", "mode", "outcome"] : [by.rawValue, "runs"]
        return [header + numbers] + told.map(csvCells)
    }

    private func csvCells(_ row: Row) -> [String] {
        let figures = row.figures
        let counters = figures.counters
        var cells = [CSVText.cell(row.name)]
        if by == .run {
            cells +=
                row.run.map { [$0.run.startedAt.rfc3339(), $0.run.mode.name, $0.outcome] }
                ?? ["", "", ""]
        } else {
            cells.append(String(figures.runs))
        }
        let numbers = [
            counters.listRequests, counters.detailRequests, counters.otherRequests, counters.new,
            counters.changed, counters.unchanged, counters.detailed, counters.failed,
            counters.rateLimited, figures.waits,
        ]
        let seconds = [figures.waitNs, figures.durationNs].map { JSONText.seconds(ns: $0).line }
        return cells + numbers.map { String($0) } + seconds
    }
}

extension RunReport {
    var figures: RunFigures {
        var figures = RunFigures()
        figures.runs = 1
        figures.outcomes = [outcome: 1]
        figures.counters = counters
        figures.waits = run.waits
        figures.waitNs = run.waitNs
        figures.durationNs = run.durationNs
        figures.floorNs = run.floorNs
        return figures
    }
}
