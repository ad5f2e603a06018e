internal import CNCurses

/// The terminal that standard input and output are; one a process, used on one thread.
package struct Terminal: ~Copyable {
    package struct Failure: Error {
        package let reason: String
    }

    package let look: Look

    /// Takes the terminal.
    ///
    /// - Parameters:
    ///   - colors: whether it may be coloured.
    ///   - ascii: whether nothing but ASCII may be shown.
    /// - Throws: why it can't be used; it is then as it was.
    package init(colors: Bool, ascii: Bool) throws(Failure) {
        var reason = [CChar](repeating: 0, count: 300)
        guard ossync_screen_open(&reason, reason.count) == 0 else {
            let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw Failure(reason: String(decoding: bytes, as: UTF8.self))
        }
        look = Look(
            hasColors: colors && ossync_screen_has_colors() != 0,
            isUnicode: !ascii && ossync_screen_is_unicode() != 0)
    }

    deinit { ossync_screen_close() }

    /// Gives the terminal back from a handler of a signal, after which the process ends.
    package static func abandon() { ossync_screen_abandon() }

    package var size: Size {
        var (rows, columns) = (Int32(0), Int32(0))
        ossync_screen_size(&rows, &columns)
        return Size(columns: Int(columns), rows: Int(rows))
    }

    package func draw(_ frame: borrowing Frame) {
        ossync_screen_clear()
        for (number, row) in frame.rows.enumerated() { draw(row, Int32(number)) }
        ossync_screen_flush()
    }

    /// Neighbours of one style at once. What follows a wide character is placed anew: the terminal
    /// may think otherwise of its width.
    private func draw(_ row: [Frame.Cell], _ number: Int32) {
        var (scalars, start, style) = ([UInt32](), 0, Style.plain)
        func put() {
            let attributes =
                (style.isBold ? OSSYNC_SCREEN_BOLD : 0) | (style.isFaint ? OSSYNC_SCREEN_DIM : 0)
                | (style.isReversed ? OSSYNC_SCREEN_REVERSE : 0)
            ossync_screen_put(
                number, Int32(start), scalars, Int32(scalars.count), Int32(attributes),
                style.ink.rawValue)
        }
        for (column, cell) in row.enumerated() {
            let isNew = cell.style != style || cell.character == nil
            if isNew, !scalars.isEmpty {
                put()
                scalars.removeAll(keepingCapacity: true)
            }
            guard let character = cell.character else { continue }
            if scalars.isEmpty { (start, style) = (column, cell.style) }
            scalars += character.unicodeScalars.map(\.value)
        }
        if !scalars.isEmpty { put() }
    }

    /// Draws the whole screen anew, whatever somebody else has written on it.
    package func redraw() { ossync_screen_redraw() }

    /// The next key, if one comes within a time.
    package func key(withinMs milliseconds: Int32) -> Key? {
        let code = ossync_screen_key(milliseconds)
        if let key = Self.keys[code] { return key }
        guard code >= 0x20, let scalar = Unicode.Scalar(UInt32(code)) else {
            return code == OSSYNC_KEY_NONE ? nil : .other
        }
        return .character(Character(scalar))
    }

    private static let keys: [Int32: Key] = [
        Int32(OSSYNC_KEY_HANGUP): .hangUp, Int32(OSSYNC_KEY_RESIZE): .resize,
        Int32(OSSYNC_KEY_UP): .up, Int32(OSSYNC_KEY_DOWN): .down,
        Int32(OSSYNC_KEY_LEFT): .left, Int32(OSSYNC_KEY_RIGHT): .right,
        Int32(OSSYNC_KEY_PAGE_UP): .pageUp, Int32(OSSYNC_KEY_PAGE_DOWN): .pageDown,
        Int32(OSSYNC_KEY_HOME): .home, Int32(OSSYNC_KEY_END): .end,
        Int32(OSSYNC_KEY_BACK_TAB): .backTab, Int32(OSSYNC_KEY_BACKSPACE): .backspace,
        Int32(OSSYNC_KEY_ENTER): .enter, 0x03: .interrupt, 0x08: .backspace, 0x09: .tab,
        0x0A: .enter, 0x0C: .redraw, 0x0D: .enter, 0x1B: .escape, 0x7F: .backspace,
    ]
}
