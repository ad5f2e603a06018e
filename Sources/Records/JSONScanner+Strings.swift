extension JSONScanner {
    /// Reads a string that begins here, or a member's name.
    mutating func string(_ kind: JSONKind) throws(RecordsError) {
        let start = at
        var escaped = false
        at += 1
        while true {
            skipPlain()
            guard at < end else { throw expected("the closing quotation mark of a string") }
            switch base[at] {
            case UInt8(ascii: "\""):
                at += 1
                _ = tape.append(kind, start: start, end: at, escaped: escaped)
                return
            case UInt8(ascii: "\\"):
                escaped = true
                try escape()
            case 0x80...:
                try multibyte()
            default:
                throw expected("a string's text or its end (control characters must be escaped)")
            }
        }
    }

    /// Steps over text that needs no look: ASCII without quotation marks, backslashes, controls.
    ///
    /// Eight bytes at a time: a bit test finds the first byte of interest in the word. The test
    /// may also mark bytes above a true hit, so only the lowest mark is believed.
    @inline(__always)
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = at
        while index + 8 <= end {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
            let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let slash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            let marks =
                ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash)
                | ((word &- (ones &* 0x20)) & ~word) | word
            let hits = marks & highs
            if hits != 0 {
                at = index + hits.trailingZeroBitCount >> 3
                return
            }
            index += 8
        }
        while index < end {
            let byte = base[index]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"")
                || byte == UInt8(ascii: "\\")
            {
                break
            }
            index += 1
        }
        at = index
    }

    private mutating func escape() throws(RecordsError) {
        at += 1
        guard at < end else { throw expected("an escaped character") }
        switch base[at] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 1
        case UInt8(ascii: "u"):
            at += 1
            for _ in 0..<4 {
                guard at < end, JSONString.hexDigit(base[at]) != nil else {
                    throw expected("a hexadecimal digit")
                }
                at += 1
            }
        default:
            throw expected("one of the escapes of JSON")
        }
    }

    /// Steps over a character of two to four bytes: shortest form, no surrogate, to U+10FFFF.
    private mutating func multibyte() throws(RecordsError) {
        let first = base[at]
        let length: Int
        var range: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, range) = (3, 0xA0...0xBF)
        case 0xED: (length, range) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, range) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, range) = (4, 0x80...0x8F)
        default: throw notUTF8()
        }
        guard at + length <= end, range.contains(base[at + 1]) else { throw notUTF8() }
        for index in stride(from: 2, to: length, by: 1) where base[at + index] & 0xC0 != 0x80 {
            throw notUTF8()
        }
        at += length
    }

    private func notUTF8() -> RecordsError {
        RecordsError(
            .notUTF8, "the text is not UTF-8", offset: at,
            hint: "the API may answer in another character set, for example ISO 8859-1")
    }
}
