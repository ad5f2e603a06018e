/// A table for people: a line of titles, and each row on a line, in columns that are as wide as
/// they need to be.
package struct TextTable: Sendable {
    package enum Alignment: Sendable {
        case left
        /// For numbers.
        case right
    }

    package struct Column: Sendable {
        let title: String
        let alignment: Alignment

        package init(_ title: String, _ alignment: Alignment = .right) {
            self.title = title
            self.alignment = alignment
        }
    }

    /// A longer text at the left is cut; numbers are whole in any case.
    package static let widestText = 40

    private let columns: [Column]
    private let rows: [[String]]

    /// - Parameter rows: a cell a column, free of control characters.
    package init(_ columns: [Column], _ rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The lines, without spaces at their ends.
    package func lines(isUnicode: Bool) -> [String] {
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { index in
            let widest = all.reduce(0) { max($0, TextWidth.columns($1[index])) }
            return columns[index].alignment == .left ? min(widest, Self.widestText) : widest
        }
        return all.map { row in
            let cells = columns.indices.map { index in
                columns[index].alignment == .left
                    ? TextWidth.fitted(row[index], to: widths[index], isUnicode: isUnicode)
                    : TextWidth.aligned(row[index], to: widths[index])
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
