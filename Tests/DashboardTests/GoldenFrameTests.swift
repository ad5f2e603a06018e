import Dashboard
import Foundation
import Testing

/// Each page on screens of several sizes, as the files in `Golden` show it.
///
/// With `OSSYNC_RECORD=1` in the environment the files are written anew.
@Suite struct GoldenFrameTests {
    private static let isRecording = ProcessInfo.processInfo.environment["OSSYNC_RECORD"] == "1"
    private static let colors = Look(hasColors: true, isUnicode: true)
    private static let plain = Look(hasColors: false, isUnicode: false)

    private func compare(
        _ name: String, _ snapshot: Snapshot, _ state: ViewState, _ size: Size,
        _ look: Look = colors, styles: Bool = false
    ) throws {
        let frame = render(snapshot, state, size, look)
        var lines = (0..<size.rows).map { frame.text($0) }
        if styles { lines += ["--- styles"] + Self.styles(frame) }
        let text = lines.joined(separator: "\n") + "\n"
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Golden/\(name).txt")
        if Self.isRecording { try text.write(to: file, atomically: true, encoding: .utf8) }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(text == expected, "\(name)")
    }

    /// `3: 0+12 bold red`, for what isn't plain.
    private static func styles(_ frame: Frame) -> [String] {
        var lines: [String] = []
        for (number, row) in frame.rows.enumerated() {
            var start = 0
            while start < row.count {
                let style = row[start].style
                let end = row[start...].firstIndex { $0.style != style } ?? row.count
                let words = [
                    style.isBold ? "bold" : nil, style.isFaint ? "faint" : nil,
                    style.isReversed ? "reversed" : nil,
                    style.ink == .terminal ? nil : "\(style.ink)",
                ].compactMap { $0 }
                if !words.isEmpty {
                    lines.append(
                        "\(number): \(start)+\(end - start) \(words.joined(separator: " "))")
                }
                start = end
            }
        }
        return lines
    }

    @Test(arguments: View.allCases)
    func pages(view: View) throws {
        let (busy, state) = (Samples.busy, ViewState.at(view))
        try compare("\(view)-80x24", busy, state, Size(columns: 80, rows: 24), styles: true)
        try compare("\(view)-200x60", busy, state, Size(columns: 200, rows: 60))
        try compare("\(view)-40x12", busy, state, Size(columns: 40, rows: 12))
        try compare(
            "\(view)-ascii", busy, state, Size(columns: 80, rows: 24), Self.plain, styles: true)
        try compare("\(view)-empty", Samples.empty, state, Size(columns: 80, rows: 24))
    }

    private static let presses: [(String, [Key])] = [
        ("help", [.tab, .tab] + .typed("?")), ("full", .typed("7")),
        ("details", [.tab, .enter]), ("paused", .typed(" ")),
        ("drop", [.tab, .tab] + .typed("d")),
        ("typing", [.tab] + .typed("/ratelimited")),
        ("filtered", [.tab] + .typed("/number 1") + [.enter]),
        ("nothing", [.tab] + .typed("/no such thing") + [.enter]),
        ("scrolled", [.tab, .pageDown, .pageDown, .down]),
    ]

    @Test(arguments: presses)
    func whatKeysShow(name: String, keys: [Key]) throws {
        try compare(
            name, Samples.busy, .after(keys), Size(columns: 80, rows: 24), styles: true)
    }

    private static let reason =
        "exit 2: ossync.yaml:30: api.auth.token needs a value: set the variable ERP_TOKEN, or name "
        + "a file in api.auth.tokenFile (`ossync sync --mode incremental`)"

    private static let messages: [(String, String, [Key], Size)] = [
        ("message", reason, [.tab], Size(columns: 80, rows: 24)),
        ("message-narrow", reason, [.tab], Size(columns: 40, rows: 12)),
        ("message-tiny", reason, [.tab], smallestSize),
        (
            "message-filtered", "`ossync health` started, pid 4711",
            [.tab] + .typed("/number 1") + [.enter], Size(columns: 80, rows: 24)
        ),
        (
            "filtered-narrow", "", [.tab] + .typed("/number 1") + [.enter],
            Size(columns: 60, rows: 12)
        ),
    ]

    @Test(arguments: messages)
    func messagesAreReadWholeAndHideNothing(
        name: String, text: String, keys: [Key], size: Size
    ) throws {
        var state = ViewState.after(keys)
        state.message = Snapshot.Fact("", text, .bad)
        try compare(name, Samples.busy, state, size)
    }

    @Test func askedBeforeItLeavesItsSync() throws {
        var state = ViewState()
        state.ownsSync = true
        state.message = Snapshot.Fact("", "`ossync sync` started, pid 4711")
        _ = state.handle(.character("q"), Samples.busy, page: 18)
        try compare("quit", Samples.busy, state, Size(columns: 80, rows: 24))
    }
}
