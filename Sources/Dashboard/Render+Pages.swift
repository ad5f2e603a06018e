internal import Presentation

/// The names of facts are as wide as the longest one, within reason, and mostly as in `status`.
private func put(
    _ facts: [Snapshot.Fact], from row: Int, through last: Int, _ frame: inout Frame
) -> Int {
    let width = min(max((facts.map { TextWidth.columns($0.name) }.max() ?? 0) + 1, 10), 14)
    var row = row
    for fact in facts where row <= last {
        frame.put(fact.name, row: row, column: 0, width: width - 1, .faint)
        frame.put(fact.text, row: row, column: width, Style(fact.tone))
        row += 1
    }
    return row
}

// MARK: Overview

func putOverview(_ snapshot: Snapshot, _ layout: Layout, _ frame: inout Frame) {
    let last = layout.first + layout.rows - 1
    var row = layout.first
    if let progress = snapshot.progress {
        put(progress, row: row, &frame)
        row += 1
    }
    row = put(snapshot.overview, from: row, through: last, &frame)
    for gauge in snapshot.gauges where row <= last {
        put(gauge, names: snapshot.gauges, row: row, &frame)
        row += 1
    }
    row = putPace(snapshot.pace, after: row, through: last, &frame)
    // What is left of a large screen.
    guard last - row >= 5 else { return }
    let events = snapshot.events
    put(events.rows, of: events.columns, from: row + 1, through: last, selected: nil, &frame)
}

private func put(_ progress: Snapshot.Progress, row: Int, _ frame: inout Frame) {
    let width = min(max(frame.size.columns - TextWidth.columns(progress.estimate) - 3, 8), 100)
    let share = progress.total == 0 ? 1 : Double(progress.done) / Double(progress.total)
    let end = putBar(share, row: row, column: 0, width: width, .init(ink: .green), &frame)
    if !progress.estimate.isEmpty { frame.put(progress.estimate, row: row, column: end + 1) }
}

/// - Returns: the column behind it.
private func putBar(
    _ share: Double, row: Int, column: Int, width: Int, _ style: Style, _ frame: inout Frame
) -> Int {
    let room = max(width - 2, 1)
    // What isn't zero is seen, and what isn't full doesn't look so.
    let filled = max(Int((min(max(share, 0), 1) * Double(room)).rounded(.down)), share > 0 ? 1 : 0)
    let (full, rest) = frame.look.isUnicode ? ("█", "░") : ("#", ".")
    var place = frame.put("[", row: row, column: column, .faint)
    place = frame.put(String(repeating: full, count: filled), row: row, column: place, style)
    place = frame.put(
        String(repeating: rest, count: room - filled), row: row, column: place, .faint)
    return frame.put("]", row: row, column: place, .faint)
}

private func put(
    _ gauge: Snapshot.Gauge, names gauges: [Snapshot.Gauge], row: Int, _ frame: inout Frame
) {
    let name = min(max((gauges.map { TextWidth.columns($0.name) }.max() ?? 0) + 1, 10), 14)
    frame.put(gauge.name, row: row, column: 0, width: name - 1, .faint)
    let text = "\(gauge.used)/\(gauge.limit)" + (gauge.note.isEmpty ? "" : "  \(gauge.note)")
    let width = min(max(frame.size.columns / 3, 8), 42)
    let share = gauge.limit > 0 ? Double(gauge.used) / Double(gauge.limit) : 1
    let ink: Style.Ink = share >= 1 ? .red : share >= 0.8 ? .yellow : .green
    let end = putBar(
        share, row: row, column: name, width: width, Style(ink: ink), &frame)
    frame.put(text, row: row, column: end + 1)
}

/// A blank line, a title, the columns, the refusals and an axis, if there is room for them.
///
/// - Returns: the row behind them.
private func putPace(
    _ pace: Snapshot.Pace, after before: Int, through last: Int, _ frame: inout Frame
) -> Int {
    guard last - before >= 4 else { return before }
    let (row, height) = (before + 1, min(last - before - 3, 16))
    let room = frame.size.columns
    let plot = TerminalPlot(width: room, isUnicode: frame.look.isUnicode)
    let (columns, most) = plot.columns(counts: pace.requests, room: room, height: height)
    let requests = pace.requests.reduce(0, +)
    let refused = pace.refused.reduce(0, +)
    frame.put(
        "\(requests) requests, \(refused) x 429 in the last \(pace.span); "
            + "highest column \(most)", row: row, column: 0, .faint)
    for (index, line) in columns.enumerated() {
        frame.put(line, row: row + 1 + index, column: 0, Style(ink: .cyan))
    }
    let refusals = row + 1 + columns.count
    if refused > 0 {
        frame.put(
            plot.sparkline(counts: pace.refused, room: room), row: refusals, column: 0,
            Style(ink: .red))
    }
    let width = columns.first.map { TextWidth.columns($0) } ?? 0
    guard width >= 20 else { return refusals + 1 }
    frame.put("-\(pace.span)", row: refusals + 1, column: 0, .faint)
    frame.put("now", row: refusals + 1, column: max(width - 3, 0), .faint)
    return refusals + 2
}

// MARK: Budget

func putBudget(_ snapshot: Snapshot, _ layout: Layout, _ frame: inout Frame) {
    let last = layout.first + layout.rows - 1
    var row = layout.first
    for gauge in snapshot.gauges where row <= last {
        put(gauge, names: snapshot.gauges, row: row, &frame)
        row += 1
    }
    if !snapshot.gauges.isEmpty { row += 1 }
    row = put(snapshot.budget, from: row, through: last, &frame)
    _ = putPace(snapshot.pace, after: row, through: last, &frame)
}

// MARK: Lists

func putListing(
    _ listing: Listing, _ state: ViewState, _ layout: Layout, _ frame: inout Frame
) {
    let rows = listing.filtered(state.filter)
    guard !rows.isEmpty else {
        let text = state.filter.isEmpty ? listing.empty : "nothing here has \"\(state.filter)\""
        frame.put(text, row: layout.first, column: 0, .faint)
        return
    }
    put(
        rows, of: listing.columns, from: layout.first, through: layout.messageRow - 1,
        selected: state.selection(rows.count), &frame)
}

/// Titles, and below them the rows around the selected one.
private func put(
    _ rows: [Listing.Row], of columns: [Listing.Column], from first: Int, through last: Int,
    selected: Int?, _ frame: inout Frame
) {
    let shown = shownColumns(columns, within: frame.size.columns)
    put(columns.map(\.title), shown, row: first, .faint, &frame)
    let room = max(last - first, 1)
    let start = min(max((selected ?? 0) - room / 2, 0), max(rows.count - room, 0))
    for (index, row) in rows.dropFirst(start).prefix(room).enumerated() {
        let line = first + 1 + index
        var style = Style(row.tone)
        if start + index == selected {
            style.isReversed = true
            frame.paint(row: line, style)
        }
        put(row.cells, shown, row: line, style, &frame)
    }
}

private struct ShownColumn {
    let index: Int
    let width: Int
}

/// The columns for which there is room; the last one takes the rest.
private func shownColumns(_ columns: [Listing.Column], within room: Int) -> [ShownColumn] {
    var indices = Array(columns.indices)
    func needed() -> Int { indices.reduce(0) { $0 + columns[$1].width + 1 } }
    while needed() > room, indices.count > 1,
        let least = indices.min(by: { columns[$0].weight < columns[$1].weight })
    {
        indices.removeAll { $0 == least }
    }
    let last = indices.last
    let before = indices.dropLast().reduce(0) { $0 + columns[$1].width + 1 }
    return indices.map { index in
        ShownColumn(
            index: index, width: index == last ? max(room - before, 1) : columns[index].width)
    }
}

private func put(
    _ cells: [String], _ columns: [ShownColumn], row: Int, _ style: Style, _ frame: inout Frame
) {
    var place = 0
    for column in columns {
        if cells.indices.contains(column.index) {
            frame.put(cells[column.index], row: row, column: place, width: column.width, style)
        }
        place += column.width + 1
    }
}
