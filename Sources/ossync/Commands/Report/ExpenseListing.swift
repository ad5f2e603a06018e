import Presentation
import ReadModels
import Records
import SyncCore

/// The expenses in groups, as they are printed.
struct ExpenseListing: ReportListing {
    let question: ExpenseQuestion
    let report: ExpenseReport
    let position: Position
    /// Nil for now.
    let at: LogTime?
    /// The point that is compared with; nil when none is.
    let compared: (position: Position, time: LogTime)?

    // MARK: Names

    /// What a row is: a group, the sum of many, or what could not be grouped.
    private enum Kind: String {
        case value, missing, unreadable, rest, total
    }

    private var unit: CalendarUnit? {
        if case .calendar(let unit, _) = report.grouping { unit } else { nil }
    }

    /// The group as the API or the calendar names it; nil for what has no name.
    private func name(_ row: ExpenseReport.Row) -> String? {
        switch row.key {
        case .period(let number): unit?.label(number)
        case .value(let text), .number(let text): text
        case .missing, .unreadable, nil: nil
        }
    }

    private func kind(_ row: ExpenseReport.Row) -> Kind {
        switch row.key {
        case .period, .value, .number: .value
        case .missing: .missing
        case .unreadable: .unreadable
        case nil: .rest
        }
    }

    /// The same for people, without controls.
    private func label(_ row: ExpenseReport.Row) -> String {
        if let name = name(row)?.withoutControls { return name.isEmpty ? "(empty)" : name }
        let what = question.date ?? question.by
        switch kind(row) {
        case .missing: return "(no \(what))"
        case .unreadable: return "(unreadable \(what))"
        case .value, .rest, .total:
            let noun = unit?.rawValue ?? "group"
            let groups = "\(row.groups.grouped) \(row.groups == 1 ? noun : noun + "s")"
            return unit == nil ? "(the rest: \(groups))" : "(before: \(groups))"
        }
    }

    /// In the order in which they are told.
    private var rows: [ExpenseReport.Row] {
        let rest = report.rest.map { [$0] } ?? []
        return (unit == nil ? report.rows + rest : rest + report.rows) + report.leftOver
    }

    private var title: String {
        let by = question.date.map { "\(question.by) of \($0)" } ?? question.by
        return "\(question.stream): \(question.amount) by \(by)"
    }

    private var heading: String {
        var text = "\(title), at position \(position.rawValue.grouped)"
        if let at { text += ", as of \(at.toTheSecond)" }
        if let compared {
            text +=
                compared.position == .none
                ? ", compared with nothing: that is before the first event"
                : ", compared with position \(compared.position.rawValue.grouped) "
                    + "(\(compared.time.toTheSecond))"
        }
        return text
    }

    // MARK: For people

    /// Of one column all amounts have as many digits behind the point.
    private func amount(_ value: ExactDecimal) -> String {
        (value.rescaled(to: report.scale) ?? value).description
    }

    private func signed(_ value: ExactDecimal) -> String {
        (value.isNegative || value.isZero ? "" : "+") + amount(value)
    }

    func table(_ terminal: TerminalPlot) -> [String] {
        let all = rows + [report.total]
        let hasMissing = all.contains { $0.figures.withoutAmount > 0 }
        let hasUnreadable = all.contains { $0.figures.unreadable > 0 }
        var columns = [
            TextTable.Column(question.by.withoutControls, .left), TextTable.Column("records"),
        ]
        if hasMissing { columns.append(TextTable.Column("without amount")) }
        if hasUnreadable { columns.append(TextTable.Column("unreadable")) }
        let amounts = report.isCompared ? ["before", "after", "difference"] : ["total"]
        columns += amounts.map { TextTable.Column($0) }
        let cells = all.enumerated().map { index, row in
            var cells = [
                index == all.count - 1 ? "total" : label(row), row.figures.records.grouped,
            ]
            if hasMissing { cells.append(row.figures.withoutAmount.grouped) }
            if hasUnreadable { cells.append(row.figures.unreadable.grouped) }
            if let before = row.before { cells.append(amount(before.total)) }
            cells.append(amount(row.figures.total))
            if let difference = row.difference { cells.append(signed(difference)) }
            return cells
        }
        return [heading] + TextTable(columns, cells).lines(isUnicode: terminal.isUnicode)
    }

    /// The totals, or what was added to them, as bars; stretches of the calendar without records
    /// are told.
    private var chart: BarChart {
        var bars: [BarChart.Row] = []
        var last: Int64?
        for row in rows {
            // What many units come to together is no bar beside those of one.
            if unit != nil, row.key == nil {
                bars.append(.gap("\(label(row)), \(amount(row.figures.total)) together"))
                continue
            }
            if case .period(let number) = row.key, let unit {
                if let last, number > last + 1 {
                    let missing = UInt64(number - last - 1)
                    let noun = missing == 1 ? unit.rawValue : unit.rawValue + "s"
                    bars.append(.gap("\(missing.grouped) \(noun) without records"))
                }
                last = number
            }
            let value = row.difference ?? row.figures.total
            bars.append(
                .bar(
                    label: label(row), value: PlotValue(value),
                    text: report.isCompared ? signed(value) : amount(value)))
        }
        let what = report.isCompared ? ", what changed" : ""
        return BarChart(title: title.withoutControls + what, rows: bars)
    }

    func plot(_ terminal: TerminalPlot) -> [String] {
        var lines = terminal.lines(chart)
        if unit != nil, !report.isCompared, report.rows.count > 1 {
            let trend = report.rows.suffix(terminal.width - 7).map { PlotValue($0.figures.total) }
            lines.append("trend  " + terminal.sparkline(trend))
        }
        var end = "total  \(amount(report.total.figures.total)) in "
        end += "\(report.total.figures.amounts.grouped) records"
        let others = report.total.figures.records - report.total.figures.amounts
        if others > 0 { end += ", \(others.grouped) more without an amount" }
        if let difference = report.total.difference { end += " (\(signed(difference)))" }
        return lines + [end]
    }

    var svg: String { SVGPlot.document(chart) }

    // MARK: For programs

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "report"), ("report", "expenses"),
            ("stream", .string(question.stream)), ("by", .string(question.by)),
            ("amount", .string(question.amount)), ("date", .optional(question.date)),
            ("position", .number(position.rawValue)), ("at", .optional(at?.rfc3339())),
            (
                "compare",
                compared.map {
                    .object([
                        ("position", .number($0.position.rawValue)),
                        (
                            "at",
                            .optional($0.position == .none ? nil : $0.time.rfc3339())
                        ),
                    ])
                } ?? .null
            ),
            (
                "groups",
                .array(
                    (report.rows + report.leftOver).map { row in
                        .object(
                            [
                                ("group", .optional(name(row))),
                                ("kind", .string(kind(row).rawValue)),
                            ] + figures(row))
                    })
            ),
            (
                "rest",
                report.rest.map {
                    .object([("groups", .number($0.groups))] + figures($0))
                } ?? .null
            ), ("total", .object(figures(report.total))),
        ])
    }

    private func figures(_ row: ExpenseReport.Row) -> [(String, JSONText)] {
        var members: [(String, JSONText)] = [
            ("records", .number(row.figures.records)),
            ("withoutAmount", .number(row.figures.withoutAmount)),
            ("unreadable", .number(row.figures.unreadable)),
            ("total", .string(row.figures.total.description)),
        ]
        if let before = row.before, let difference = row.difference {
            members += [
                ("recordsBefore", .number(before.records)),
                ("before", .string(before.total.description)),
                ("after", .string(row.figures.total.description)),
                ("difference", .string(difference.description)),
            ]
        }
        return members
    }

    private func csvName(_ row: ExpenseReport.Row) -> String {
        if case .number(let text) = row.key { return text }
        return CSVText.cell(name(row) ?? "")
    }

    /// A column may be added up, so there is no row of the total.
    var csv: [[String]] {
        var header = [
            CSVText.cell(question.by), "kind", "groups", "records", "without_amount", "unreadable",
        ]
        header +=
            report.isCompared ? ["records_before", "before", "after", "difference"] : ["total"]
        return [header]
            + rows.map { row in
                var cells = [
                    csvName(row), kind(row).rawValue, String(row.groups),
                    String(row.figures.records), String(row.figures.withoutAmount),
                    String(row.figures.unreadable),
                ]
                if let before = row.before, let difference = row.difference {
                    cells += [
                        String(before.records), before.total.description,
                        row.figures.total.description, difference.description,
                    ]
                } else {
                    cells.append(row.figures.total.description)
                }
                return cells
            }
    }
}
