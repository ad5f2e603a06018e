/// Reads JSON text once: checks the grammar of RFC 8259 strictly and writes a tape of its values.
///
/// Numbers are tokens of any length and are never converted; escapes of lone surrogates are kept;
/// a byte order mark is skipped at the very beginning (RFC 8259, section 8.1) and nowhere else.
struct JSONScanner: ~Copyable {
    let base: UnsafePointer<UInt8>
    let end: Int
    var at = 0
    var tape = JSONTape()

    /// - Precondition: `bytes` outlives the scanner; it is the caller's closure that holds it.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(RecordsError) {
        guard bytes.count < Int(UInt32.max) else {
            throw RecordsError(.tooLong, "a JSON text of 4 GiB or more can't be read")
        }
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            throw RecordsError(.notJSON, "the text is empty where JSON is expected", offset: 0)
        }
        self.base = base
        end = bytes.count
        let hasMark = end >= 3 && base[0] == 0xEF && base[1] == 0xBB && base[2] == 0xBF
        if hasMark { at = 3 }
    }

    /// Reads the one value that the whole text has to be; its tape index is 0.
    mutating func document() throws(RecordsError) {
        skipSpace()
        try value(0)
        try finish()
    }

    /// Makes sure that nothing but white space follows.
    mutating func finish() throws(RecordsError) {
        skipSpace()
        guard at == end else { throw expected("the end of the text") }
    }

    /// Reads the value that begins here, inside of `depth` open containers.
    mutating func value(_ depth: Int) throws(RecordsError) {
        guard at < end else { throw expected("a value") }
        switch base[at] {
        case UInt8(ascii: "\""): try string(.string)
        case UInt8(ascii: "{"): try object(depth)
        case UInt8(ascii: "["): try array(depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try literal("true", .yes)
        case UInt8(ascii: "f"): try literal("false", .no)
        case UInt8(ascii: "n"): try literal("null", .null)
        default: throw expected("a value")
        }
    }

    private mutating func object(_ depth: Int) throws(RecordsError) {
        let node = try open(.object, depth)
        if try closes(UInt8(ascii: "}"), node) { return }
        repeat {
            try key()
            try value(depth + 1)
        } while try goesOn(UInt8(ascii: "}"), node)
    }

    private mutating func array(_ depth: Int) throws(RecordsError) {
        let node = try open(.array, depth)
        if try closes(UInt8(ascii: "]"), node) { return }
        repeat { try value(depth + 1) } while try goesOn(UInt8(ascii: "]"), node)
    }

    // MARK: - Pieces of containers

    /// Steps over the opening bracket; returns the container's tape index.
    @inline(__always)
    mutating func open(_ kind: JSONKind, _ depth: Int) throws(RecordsError) -> Int {
        guard depth < JSONValidator.maximumDepth else {
            throw RecordsError(
                .tooDeep, "JSON is nested deeper than \(JSONValidator.maximumDepth) levels",
                offset: at)
        }
        let node = tape.append(kind, start: at, end: at)
        at += 1
        return node
    }

    /// Whether the container that was just opened is empty; steps over its bracket if so.
    @inline(__always)
    mutating func closes(_ bracket: UInt8, _ node: Int) throws(RecordsError) -> Bool {
        skipSpace()
        guard at < end, base[at] == bracket else { return false }
        at += 1
        tape.close(node, end: at)
        return true
    }

    /// After a value: true after a comma, false after the closing bracket.
    @inline(__always)
    mutating func goesOn(_ bracket: UInt8, _ node: Int) throws(RecordsError) -> Bool {
        skipSpace()
        if at < end {
            if base[at] == UInt8(ascii: ",") {
                at += 1
                skipSpace()
                return true
            }
            if base[at] == bracket {
                at += 1
                tape.close(node, end: at)
                return false
            }
        }
        throw expected(bracket == UInt8(ascii: "}") ? "',' or '}'" : "',' or ']'")
    }

    /// Reads a member's name and the colon, up to the first byte of the value.
    @inline(__always)
    mutating func key() throws(RecordsError) {
        guard at < end, base[at] == UInt8(ascii: "\"") else {
            throw expected("a member's name in quotation marks")
        }
        try string(.key)
        skipSpace()
        guard at < end, base[at] == UInt8(ascii: ":") else { throw expected("':'") }
        at += 1
        skipSpace()
    }

    @inline(__always)
    mutating func skipSpace() {
        while at < end {
            let byte = base[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                return
            }
            at += 1
        }
    }

    // MARK: - Scalars

    private mutating func literal(_ word: StaticString, _ kind: JSONKind) throws(RecordsError) {
        let length = word.utf8CodeUnitCount
        guard at + length <= end else { throw expected("'\(word)'") }
        for index in 0..<length where base[at + index] != word.utf8Start[index] {
            throw expected("'\(word)'")
        }
        _ = tape.append(kind, start: at, end: at + length)
        at += length
    }

    private mutating func number() throws(RecordsError) {
        let start = at
        if base[at] == UInt8(ascii: "-") { at += 1 }
        if at < end, base[at] == UInt8(ascii: "0") {
            at += 1
        } else {
            try digits()
        }
        if at < end, base[at] == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if at < end, base[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            let isSign =
                at < end && (base[at] == UInt8(ascii: "+") || base[at] == UInt8(ascii: "-"))
            if isSign { at += 1 }
            try digits()
        }
        _ = tape.append(.number, start: start, end: at)
    }

    @inline(__always)
    private mutating func digits() throws(RecordsError) {
        let start = at
        while at < end, base[at] &- UInt8(ascii: "0") <= 9 { at += 1 }
        if at == start { throw expected("a digit") }
    }

    /// The error of finding something else than `what` at this place.
    @inline(never)
    func expected(_ what: String) -> RecordsError {
        guard at < end else {
            return RecordsError(
                .notJSON, "the JSON ends where \(what) is expected", offset: end,
                hint: "the answer may be cut off")
        }
        let byte = base[at]
        let found: String
        if byte > 0x20, byte < 0x7F {
            found = "'\(Character(UnicodeScalar(byte)))'"
        } else {
            found = "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return RecordsError(.notJSON, "\(found) found where \(what) is expected", offset: at)
    }
}
