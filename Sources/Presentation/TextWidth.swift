/// How many columns text takes on a terminal, and text that is made to fit.
///
/// East Asian wide characters and emoji take two; what combines with the character before it takes
/// none. A terminal may draw rare characters otherwise.
package enum TextWidth {
    package static func columns(_ text: String) -> Int {
        text.reduce(0) { $0 + columns($1) }
    }

    /// The text, padded to a width, or cut to it with a mark at the end.
    ///
    /// - Parameter isUnicode: whether the mark may be something else than ASCII.
    package static func fitted(_ text: String, to width: Int, isUnicode: Bool) -> String {
        let taken = columns(text)
        if taken <= width { return text + spaces(width - taken) }
        let mark: Character = isUnicode ? "…" : "~"
        var (result, used) = ("", 0)
        for character in text {
            let next = columns(character)
            guard used + next < width else { break }
            result.append(character)
            used += next
        }
        if used < width {
            result.append(mark)
            used += 1
        }
        return result + spaces(width - used)
    }

    /// Lines of at most a width, which end where a word does, unless that leaves half of one empty.
    package static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        var (line, used) = ("", 0)
        for character in text {
            let next = columns(character)
            if used + next > width {
                let rest = character == " " ? nil : lastWord(of: line, atMost: width / 2)
                lines.append(String(line.dropLast(rest.map { $0.count + 1 } ?? 0)))
                (line, used) = (rest ?? "", columns(rest ?? ""))
                if character == " " { continue }
            }
            line.append(character)
            used += next
        }
        return lines + [line]
    }

    /// What follows the last space; nil where there is none, or too much follows.
    private static func lastWord(of line: String, atMost width: Int) -> String? {
        guard let space = line.lastIndex(of: " ") else { return nil }
        let word = String(line[line.index(after: space)...])
        return columns(word) <= width ? word : nil
    }

    /// The text at the right end of a width, whole in any case.
    package static func aligned(_ text: String, to width: Int) -> String {
        spaces(width - columns(text)) + text
    }

    static func spaces(_ count: Int) -> String { String(repeating: " ", count: max(count, 0)) }

    package static func columns(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        let isWide =
            scalar.properties.isEmojiPresentation || wide.contains { $0.contains(scalar.value) }
            || character.unicodeScalars.contains("\u{FE0F}")
        return isWide ? 2 : 1
    }

    /// East_Asian_Width W and F, by blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97C,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
        0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}
