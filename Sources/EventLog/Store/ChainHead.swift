package import SyncCore

/// A head of the chain that was kept elsewhere, to be looked for in a log.
package struct ChainHead: Sendable, Equatable, CustomStringConvertible {
    /// The last position of the commit that it is the head of; nil where that wasn't kept.
    package let position: Position?
    /// 32 bytes.
    package let head: [UInt8]

    package init(position: Position?, head: [UInt8]) {
        self.position = position
        self.head = head
    }

    /// 64 hexadecimal digits, with or without `POSITION:` before them; nil for any other text.
    package init?(_ text: String) {
        var position: Position?
        var digits = text.utf8[...]
        if let colon = digits.firstIndex(of: UInt8(ascii: ":")) {
            guard let number = UInt64(String(digits[..<colon]) ?? "") else { return nil }
            position = Position(number)
            digits = digits[digits.index(after: colon)...]
        }
        let values = digits.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * SHA256Digest.byteCount, values.count == digits.count else {
            return nil
        }
        let head = stride(from: 0, to: values.count, by: 2).map { index in
            UInt8(values[index] << 4 | values[index + 1])
        }
        self.init(position: position, head: head)
    }

    package var description: String {
        let digits = head.withUnsafeBytes { hexadecimal($0) }
        return position.map { "\($0.rawValue):\(digits)" } ?? digits
    }
}
