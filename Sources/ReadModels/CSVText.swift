/// Writes CSV (RFC 4180): CRLF ends, quotes where they are needed.
///
/// Text that a spreadsheet would take for a formula gets a leading quote mark; numbers, which are
/// put into a line as they are, never do.
package enum CSVText {
    /// A line of cells, each of which is a number or made by `cell`.
    package static func line(_ cells: [String]) -> [UInt8] {
        Array((cells.joined(separator: ",") + "\r\n").utf8)
    }

    /// A cell that holds text.
    package static func cell(_ value: String) -> String {
        var value = value
        if let first = value.utf8.first, formulaStarts.contains(first) { value = "'" + value }
        guard value.utf8.contains(where: { quoted.contains($0) }) else { return value }
        var result = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" { result += "\"" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    private static let formulaStarts: Set<UInt8> = [
        UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 0x09, 0x0D,
    ]
    private static let quoted: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D]
}
