/// Text of an API made fit for one line of a terminal or a log.
enum PlainText {
    /// No control or bidirectional characters, white space joined, at most `limit` characters.
    static func line(_ text: String, limit: Int) -> String {
        if isPlain(text, limit: limit) { return text }
        var (output, hasSpace, count) = ("", false, 0)
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || scalar.value < 0x20 {
                hasSpace = count > 0
                continue
            }
            if isUnsafe(scalar) { continue }
            if count + (hasSpace ? 1 : 0) >= limit - 1 {
                output += "…"
                break
            }
            if hasSpace {
                output += " "
                count += 1
                hasSpace = false
            }
            output.unicodeScalars.append(scalar)
            count += 1
        }
        return output
    }

    /// Whether a text stays as it is, as the headers of nearly every answer do: printable ASCII,
    /// and spaces only between two others.
    private static func isPlain(_ text: String, limit: Int) -> Bool {
        guard text.utf8.count < limit else { return false }
        var last = UInt8(ascii: " ")
        for byte in text.utf8 {
            guard byte >= UInt8(ascii: " "), byte < 0x7F else { return false }
            if byte == UInt8(ascii: " "), last == byte { return false }
            last = byte
        }
        return text.isEmpty || last != UInt8(ascii: " ")
    }

    /// Controls, and everything invisible that can reorder or hide text (category Cf, line and
    /// paragraph separators), private use and tags.
    private static func isUnsafe(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            true
        default: false
        }
    }
}
