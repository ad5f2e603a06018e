internal import Presentation

func putDialog(
    _ dialog: ViewState.Dialog, _ state: ViewState, _ snapshot: Snapshot, _ frame: inout Frame
) {
    switch dialog {
    case .help: putBox("Keys", helpLines(state.view), &frame)
    case .confirmFull:
        putBox(
            "Full sync",
            [
                "Ask for the whole list of \(snapshot.stream) again? Each page is a request;",
                "details are asked for only where they are missing or a header changed.", "",
                "y yes   n no",
            ], &frame)
    case .confirmDrop(let id):
        putBox(
            "Drop from the queue",
            [
                "Take record \(id) out of the queue until its header changes?", "", "y yes   n no",
            ], &frame)
    case .confirmQuit:
        putBox(
            "Quit",
            [
                "The sync that was started here is running.", "",
                "l leave: let it go on without this screen", "s stop it, and quit", "n stay",
            ], &frame)
    case .details(let lines):
        let width = max(min(frame.size.columns - 6, 110), 10)
        putBox("Details", lines.flatMap { TextWidth.wrapped($0, to: width) }, &frame)
    }
}

private func helpLines(_ view: View) -> [String] {
    var lines = [
        "1  overview", "2  check the API's health: one request", "3  sync incrementally",
        "4  resume what was interrupted", "5  details only", "6  headers only",
        "7  full sync (asks first)", "s  stop the sync in an orderly way",
        "tab, arrows  other pages", "space  pause the screen, not the sync",
        "esc  back    q  quit    ^C  quit at once    ^L  draw anew",
    ]
    switch view {
    case .overview, .budget: break
    case .events, .errors, .runs, .projections, .queue:
        lines += ["/  filter    enter  the whole of a row", "up, down, PgUp, PgDn, Home, End"]
    }
    if view == .queue { lines.append("r  retry the record    d  drop it (asks first)") }
    return lines
}

/// A box in the middle of the screen; lines that have no room are left out.
private func putBox(_ title: String, _ lines: [String], _ frame: inout Frame) {
    let widest = max(
        lines.reduce(0) { max($0, TextWidth.columns($1)) }, TextWidth.columns(title) + 2)
    let width = min(widest + 4, frame.size.columns)
    let height = min(lines.count + 2, frame.size.rows)
    let (top, left) = ((frame.size.rows - height) / 2, (frame.size.columns - width) / 2)
    let edges = frame.look.isUnicode ? "┌─┐│└┘" : "+-+|++"
    let edge = Array(edges)
    let inside = max(width - 2, 0)
    let line = String(repeating: edge[1], count: inside)
    frame.put("\(edge[0])\(line)\(edge[2])", row: top, column: left)
    frame.put(" \(title) ", row: top, column: left + 1, width: inside, .bold)
    for index in 0..<max(height - 2, 0) {
        let row = top + 1 + index
        let text = TextWidth.fitted(
            lines[index], to: max(inside - 2, 0), isUnicode: frame.look.isUnicode)
        frame.put("\(edge[3]) \(text) \(edge[3])", row: row, column: left)
    }
    frame.put("\(edge[4])\(line)\(edge[5])", row: top + height - 1, column: left)
}
