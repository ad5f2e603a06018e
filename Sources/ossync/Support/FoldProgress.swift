import SyncCore
import SyncEngine

/// Tells how far a fold of the log, or a copy of it, is: on a terminal as a line that changes, with
/// `--json` as lines of their own.
final class FoldProgress {
    /// What is counted.
    enum Unit {
        case events, bytes
    }

    private let output: Output
    private let what: String
    private let unit: Unit
    private let clock = SystemClock()
    private var begun: (ns: Int64, done: UInt64)?
    private var toldNs: Int64 = 0
    private var isShown = false

    /// It isn't told more often.
    private static let intervalNs: Int64 = .nsPerSecond

    init(_ output: Output, _ what: String, _ unit: Unit = .events) {
        self.output = output
        self.what = what
        self.unit = unit
    }

    func tell(_ position: Position, _ end: Position) { tell(position.rawValue, end.rawValue) }

    func tell(_ done: UInt64, _ end: UInt64) {
        let now = clock.read().bootNs
        guard let begun else {
            begun = (now, done)
            toldNs = now
            return
        }
        guard now - toldNs >= Self.intervalNs else { return }
        toldNs = now
        let passed = Double(done - min(begun.done, done))
        let left = Double(end - min(done, end))
        let seconds = passed > 0 ? Double(now - begun.ns) / 1e9 * left / passed : 0
        let secondsLeft = Int64(min(seconds, 1e9))
        if output.isInteractive {
            isShown = true
            output.raw("\r\u{1B}[K" + words(done, end, secondsLeft))
        } else if output.isJSON {
            output.line(json(done, end, secondsLeft).line)
        }
    }

    private func words(_ done: UInt64, _ end: UInt64, _ secondsLeft: Int64) -> String {
        let amount =
            switch unit {
            case .events: "\(done.grouped)/\(end.grouped) events"
            case .bytes: "\((done >> 20).grouped)/\((end >> 20).grouped) MiB"
            }
        return "\(what): \(amount), \(min(done, end) * 100 / max(end, 1))%, "
            + "\(TimeSpan.text(seconds: secondsLeft)) left"
    }

    private func json(_ done: UInt64, _ end: UInt64, _ secondsLeft: Int64) -> JSONText {
        let counted =
            switch unit {
            case .events: "position"
            case .bytes: "bytes"
            }
        return .object([
            ("v", .number(1)), ("type", "progress"), ("phase", .string(what)),
            (counted, .number(done)), ("end", .number(end)), ("secondsLeft", .number(secondsLeft)),
        ])
    }

    /// Takes the line away.
    func end() {
        if isShown { output.raw("\r\u{1B}[K") }
        isShown = false
    }
}
