internal import Presentation

/// Below this size there is no room for anything.
package let smallestSize = Size(columns: 20, rows: 6)

/// What the screen shows: of the same arguments always the same frame.
package func render(_ snapshot: Snapshot, _ state: ViewState, _ size: Size, _ look: Look) -> Frame {
    var frame = Frame(size, look)
    guard size.columns >= smallestSize.columns, size.rows >= smallestSize.rows else {
        frame.put("too small", row: 0, column: 0)
        return frame
    }
    let layout = Layout(size, state)
    putHeader(snapshot, state, &frame)
    putTabs(snapshot, state, &frame)
    frame.put(snapshot.phase.text, row: 2, column: 0, Style(snapshot.phase.tone))
    switch state.view {
    case .overview: putOverview(snapshot, layout, &frame)
    case .budget: putBudget(snapshot, layout, &frame)
    case .events, .queue, .errors, .runs, .projections:
        putListing(snapshot.listing(state.view) ?? Listing(), state, layout, &frame)
    }
    putMessage(snapshot, state, layout, &frame)
    putKeys(state, layout, &frame)
    if let dialog = state.dialog { putDialog(dialog, state, snapshot, &frame) }
    return frame
}

/// Where things are: three lines at the top, the message and the keys at the bottom, the page
/// between them.
struct Layout {
    /// A message that has more is cut.
    private static let mostMessageRows = 3

    let first = 3
    let rows: Int
    let columns: Int
    /// The rows of the message, or the one of what stands there without a message.
    let message: [String]
    var messageRow: Int { first + rows }
    var keysRow: Int { messageRow + message.count }

    init(_ size: Size, _ state: ViewState) {
        columns = size.columns
        // The page keeps a row.
        let most = max(min(Self.mostMessageRows, size.rows - 5), 1)
        let lines =
            state.isTyping ? [""] : TextWidth.wrapped(state.message.text, to: max(columns, 4))
        message =
            lines.count <= most
            ? lines
            : lines.prefix(most - 1) + [lines.dropFirst(most - 1).joined(separator: " ")]
        rows = size.rows - 4 - message.count
    }
}

/// How many rows of a list a screen shows at once.
package func listRows(_ size: Size, _ state: ViewState) -> Int {
    max(Layout(size, state).rows - 1, 1)
}

private func putHeader(_ snapshot: Snapshot, _ state: ViewState, _ frame: inout Frame) {
    frame.paint(row: 0, .reversed)
    let right = [state.isPaused ? "PAUSED" : "", snapshot.position, snapshot.clock]
        .filter { !$0.isEmpty }.joined(separator: "  ")
    let start = max(frame.size.columns - TextWidth.columns(right) - 1, 0)
    let left = " ossync  \(snapshot.stream)  \(snapshot.store)"
    frame.put(left, row: 0, column: 0, width: max(start - 1, 8), .reversed)
    if start > 8 { frame.put(right, row: 0, column: start, .reversed) }
}

/// The titles of the pages and, whatever else is told, that a list isn't the whole one.
private func putTabs(_ snapshot: Snapshot, _ state: ViewState, _ frame: inout Frame) {
    let titles = View.allCases.map { " \($0.title) " }
    let filtered = filteredWords(snapshot, state)
    let room = frame.size.columns - (filtered.isEmpty ? 0 : 20)
    var column = 0
    if titles.reduce(0, { $0 + $1.count }) <= room {
        for (view, title) in zip(View.allCases, titles) {
            let style = view == state.view ? Style(isBold: true, isReversed: true) : .plain
            column = frame.put(title, row: 1, column: column, style)
        }
    } else {
        column = frame.put(
            "< \(state.view.title) \(state.view.number + 1)/\(View.allCases.count) >", row: 1,
            column: 0, .bold)
    }
    frame.put(filtered, row: 1, column: column + 1, Style(ink: .yellow))
}

/// `12 of 705: "text"`; empty without a filter.
private func filteredWords(_ snapshot: Snapshot, _ state: ViewState) -> String {
    guard !state.filter.isEmpty, let listing = snapshot.listing(state.view) else { return "" }
    return "\(state.rows(snapshot).count) of \(listing.rows.count): \"\(state.filter)\""
}

private func putMessage(
    _ snapshot: Snapshot, _ state: ViewState, _ layout: Layout, _ frame: inout Frame
) {
    let row = layout.messageRow
    if state.isTyping {
        frame.put("/\(state.filter)_", row: row, column: 0, .bold)
    } else if !state.message.text.isEmpty {
        for (index, line) in layout.message.enumerated() {
            frame.put(line, row: row + index, column: 0, Style(state.message.tone))
        }
    } else if let listing = snapshot.listing(state.view) {
        frame.put(
            state.filter.isEmpty ? listing.note : "esc: all", row: row, column: 0, .faint)
    }
}

private func putKeys(_ state: ViewState, _ layout: Layout, _ frame: inout Frame) {
    let row = layout.keysRow
    if state.isTyping {
        frame.put("enter keep  esc all", row: row, column: 0, .faint)
        return
    }
    // The first ones are the last to make way.
    let sync = [
        "3 sync", "s stop", "q quit", "? help", "2 health", "4 resume", "5 details", "6 headers",
        "7 full", "tab view", "/ filter", "space pause",
    ]
    var text = ""
    for key in sync where text.count + key.count + 2 <= layout.columns {
        text += (text.isEmpty ? "" : "  ") + key
    }
    frame.put(text, row: row, column: 0, .faint)
}
