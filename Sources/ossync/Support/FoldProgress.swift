import SyncCore
import SyncEngine

/// Tells how far a fold of the log is: on a terminal as a line that changes, with `--json` as
/// lines of their own.
final class FoldProgress {
    private let output: Output
    private let what: String
    private let clock = SystemClock()
    private var begun: (ns: Int64, position: Position)?
    private var toldNs: Int64 = 0
    private var isShown = false

    /// It isn't told more often.
    private static let intervalNs: Int64 = .nsPerSecond

    init(_ output: Output, _ what: String) {
        self.output = output
        self.what = what
    }

    func tell(_ position: Position, _ end: Position) {
        let now = clock.read().bootNs
        guard let begun else {
            begun = (now, position)
            toldNs = now
            return
        }
        guard now - toldNs >= Self.intervalNs else { return }
        toldNs = now
        let done = Double(position.rawValue - min(begun.position.rawValue, position.rawValue))
        let left = Double(end.rawValue - min(position.rawValue, end.rawValue))
        let seconds = done > 0 ? Double(now - begun.ns) / 1e9 * left / done : 0
        let percent = position.rawValue * 100 / max(end.rawValue, 1)
        if output.isInteractive {
            isShown = true
            output.raw(
                "\r\u{1B}[K\(what): \(position.rawValue.grouped)/\(end.rawValue.grouped) events, "
                    + "\(percent)%, \(TimeSpan.text(seconds: Int64(min(seconds, 1e9)))) left")
        } else if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "progress"),
                    ("position", .number(position.rawValue)), ("end", .number(end.rawValue)),
                    ("secondsLeft", .number(Int64(min(seconds, 1e9)))),
                ]).line)
        }
    }

    /// Takes the line away.
    func end() {
        if isShown { output.raw("\r\u{1B}[K") }
        isShown = false
    }
}
