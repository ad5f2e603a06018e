import SyncCore
import TestSupport

extension SeededGenerator {
    /// A JSON text of every kind of value, with random white space and random escapes.
    mutating func json(depth: Int = 4) -> String {
        switch below(depth == 0 ? 6 : 9) {
        case 0: return "null"
        case 1: return below(2) == 0 ? "true" : "false"
        case 2, 3: return number()
        case 4, 5: return string()
        case 6:
            let elements = (0..<below(4)).map { _ in space() + json(depth: depth - 1) + space() }
            return "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<below(5)).map { _ in
                space() + string() + space() + ":" + space() + json(depth: depth - 1) + space()
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    mutating func number() -> String {
        let samples = [
            "0", "-0", "7", "-12", "1.50", "1e400", "35240112345678000190550010000012341000012345",
            "0.1", "2E-3", "1e+2",
        ]
        return samples[below(samples.count)]
    }

    mutating func string() -> String {
        let pieces = [
            "a", "id", "long name of a member", "ç", "日", "😀", "\\u0041", "\\n", "\\/", "\\\"",
            "\\\\", "\\ud83d\\ude00", "\\ud800", "\\u00e7", " ", "\u{7f}", "\\u001f",
        ]
        return "\"" + (0..<below(5)).map { _ in pieces[below(pieces.count)] }.joined() + "\""
    }

    private mutating func space() -> String { ["", "", "", " ", "\n\t", "\r\n"][below(6)] }
}
