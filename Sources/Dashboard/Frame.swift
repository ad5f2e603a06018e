internal import Presentation

/// How many columns and rows a screen has.
package struct Size: Sendable, Equatable {
    package let columns: Int
    package let rows: Int

    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}

/// What a terminal can show.
package struct Look: Sendable, Equatable {
    package let hasColors: Bool
    /// Whether its characters are UTF-8, and not ASCII alone.
    package let isUnicode: Bool

    package init(hasColors: Bool, isUnicode: Bool) {
        self.hasColors = hasColors
        self.isUnicode = isUnicode
    }
}

/// How a character is shown.
package struct Style: Sendable, Equatable {
    /// Numbered as ECMA-48 does.
    package enum Ink: Int32, Sendable {
        case terminal = 0
        case red = 1
        case green = 2
        case yellow = 3
        case cyan = 6
    }

    package var ink = Ink.terminal
    package var isBold = false
    package var isFaint = false
    package var isReversed = false

    static let plain = Style()
    static let bold = Style(isBold: true)
    static let faint = Style(isFaint: true)
    static let reversed = Style(isReversed: true)
}

/// A screen: of each column of each row, what stands there and how.
package struct Frame: Sendable, Equatable {
    package struct Cell: Sendable, Equatable {
        /// Nil for the second column of a wide character.
        package internal(set) var character: Character? = " "
        package internal(set) var style = Style.plain
    }

    package let size: Size
    let look: Look
    package private(set) var rows: [[Cell]]

    init(_ size: Size, _ look: Look) {
        self.size = size
        self.look = look
        rows = Array(
            repeating: Array(repeating: Cell(), count: size.columns), count: size.rows)
    }

    /// A row as text, without spaces at its end.
    package func text(_ row: Int) -> String {
        var text = String(rows[row].compactMap(\.character))
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Puts a text at a place; what has no room is cut with a mark.
    ///
    /// - Parameter width: at most so many columns; by default up to the end of the row.
    /// - Returns: the column behind it.
    @discardableResult
    mutating func put(
        _ text: String, row: Int, column: Int, width: Int? = nil, _ style: Style = .plain
    ) -> Int {
        guard rows.indices.contains(row), column >= 0 else { return column }
        let room = min(width ?? .max, size.columns - column)
        guard room > 0 else { return column }
        let shown =
            TextWidth.columns(text) <= room
            ? text : TextWidth.fitted(text, to: room, isUnicode: look.isUnicode)
        var place = column
        for character in shown { put(character, row, &place, shownStyle(style)) }
        return place
    }

    private func shownStyle(_ style: Style) -> Style {
        look.hasColors ? style : style.withoutInk
    }

    private mutating func put(
        _ character: Character, _ row: Int, _ place: inout Int, _ style: Style
    ) {
        let width = TextWidth.columns(character)
        // What has no width of its own and follows nothing, and what drives terminals, is no text.
        guard width > 0, place + width <= size.columns,
            character.unicodeScalars.first?.properties.generalCategory != .control
        else { return }
        let isShown = look.isUnicode || character.isASCII
        set(Cell(character: isShown ? character : "?", style: style), row, place)
        place += 1
        guard width == 2 else { return }
        set(Cell(character: isShown ? nil : "?", style: style), row, place)
        place += 1
    }

    /// Half of a wide character that stood there would be drawn as a whole one.
    private mutating func set(_ cell: Cell, _ row: Int, _ place: Int) {
        if place > 0, cell.character != nil, rows[row][place].character == nil {
            rows[row][place - 1].character = " "
        }
        if place + 1 < size.columns, rows[row][place + 1].character == nil {
            rows[row][place + 1].character = " "
        }
        rows[row][place] = cell
    }

    /// Gives a whole row a style.
    mutating func paint(row: Int, _ style: Style) {
        guard rows.indices.contains(row) else { return }
        for column in rows[row].indices {
            rows[row][column].style = shownStyle(style)
        }
    }
}

extension Style {
    /// What a colour warned of is bold.
    fileprivate var withoutInk: Style {
        var style = self
        if ink == .red || ink == .yellow { style.isBold = true }
        style.ink = .terminal
        return style
    }

    init(_ tone: Snapshot.Tone) {
        switch tone {
        case .plain: self.init()
        case .good: self.init(ink: .green)
        case .warning: self.init(ink: .yellow)
        case .bad: self.init(ink: .red)
        case .faint: self.init(isFaint: true)
        }
    }
}
