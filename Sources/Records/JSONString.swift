/// The content of JSON strings: unescaping, and the one canonical spelling.
enum JSONString {
    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// Hands out the content of a checked string, piece by piece.
    ///
    /// - Parameter content: the bytes between the quotation marks.
    /// - Parameter scalar: takes one Unicode scalar that was escaped.
    /// - Parameter surrogate: takes one half of a pair that stands alone.
    /// - Parameter plain: takes one byte that was not escaped.
    static func unescape(
        _ content: UnsafeBufferPointer<UInt8>, plain: (UInt8) -> Void,
        scalar: (UnicodeScalar) -> Void, surrogate: (UInt16) -> Void
    ) {
        var index = 0
        while index < content.count {
            let byte = content[index]
            guard byte == UInt8(ascii: "\\"), index + 1 < content.count else {
                plain(byte)
                index += 1
                continue
            }
            let letter = content[index + 1]
            guard letter == UInt8(ascii: "u") else {
                scalar(UnicodeScalar(shortEscape(letter)))
                index += 2
                continue
            }
            let unit = codeUnit(content, at: index)
            index += 6
            if let value = UnicodeScalar(unit) {
                scalar(value)
            } else if unit < 0xDC00, case let low = codeUnit(content, at: index),
                low >= 0xDC00, low <= 0xDFFF,
                let pair = UnicodeScalar(
                    0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
            {
                scalar(pair)
                index += 6
            } else {
                surrogate(unit)
            }
        }
    }

    /// The content as UTF-8; nil when it holds half a surrogate pair, which has no UTF-8.
    static func bytes(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        var isWhole = true
        unescape(
            content, plain: { output.append($0) },
            scalar: { output.append(contentsOf: UTF8.encode($0) ?? .init()) },
            surrogate: { _ in isWhole = false })
        return isWhole ? output : nil
    }

    /// The canonical content: everything as itself, but for `"`, `\`, controls and half pairs.
    static func canonical(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        Array(unsafeUninitializedCapacity: content.count) { buffer, count in
            if let start = buffer.baseAddress { count = canonical(content, into: start) }
        }
    }

    /// Writes the canonical content to `output` and returns its length.
    ///
    /// It is never longer than `content`, so a writer can reserve the room beforehand.
    static func canonical(
        _ content: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var count = 0
        unescape(
            content,
            plain: {
                output[count] = $0
                count += 1
            }, scalar: { put($0, output, &count) }, surrogate: { put(unit: $0, output, &count) })
        return count
    }

    private static func put(
        _ scalar: UnicodeScalar, _ output: UnsafeMutablePointer<UInt8>, _ count: inout Int
    ) {
        let letter: UInt8
        switch scalar {
        case "\"": letter = UInt8(ascii: "\"")
        case "\\": letter = UInt8(ascii: "\\")
        case "\u{8}": letter = UInt8(ascii: "b")
        case "\u{C}": letter = UInt8(ascii: "f")
        case "\n": letter = UInt8(ascii: "n")
        case "\r": letter = UInt8(ascii: "r")
        case "\t": letter = UInt8(ascii: "t")
        case "\u{0}"..<" ":
            put(unit: UInt16(scalar.value), output, &count)
            return
        default:
            for byte in UTF8.encode(scalar) ?? .init() {
                output[count] = byte
                count += 1
            }
            return
        }
        output[count] = UInt8(ascii: "\\")
        output[count + 1] = letter
        count += 2
    }

    private static func put(
        unit: UInt16, _ output: UnsafeMutablePointer<UInt8>, _ count: inout Int
    ) {
        output[count] = UInt8(ascii: "\\")
        output[count + 1] = UInt8(ascii: "u")
        count += 2
        for shift in stride(from: 12, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: unit >> UInt16(shift) & 0xF)
            output[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            count += 1
        }
    }

    private static func shortEscape(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }

    /// The code unit of a `\uXXXX` at `index`; 0 when there is none.
    private static func codeUnit(_ content: UnsafeBufferPointer<UInt8>, at index: Int) -> UInt16 {
        guard index + 6 <= content.count, content[index] == UInt8(ascii: "\\"),
            content[index + 1] == UInt8(ascii: "u")
        else { return 0 }
        var unit: UInt16 = 0
        for offset in 2..<6 { unit = unit << 4 | (hexDigit(content[index + offset]) ?? 0) }
        return unit
    }
}
