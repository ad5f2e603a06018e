package import SyncCore

/// Writes JSON text piece by piece: no tree in memory, commas and escapes by itself.
///
/// It is the caller's part that names and values come in turn within objects.
package struct JSONWriter {
    /// How characters that can't stand in a string are written.
    package enum Escapes: Sendable {
        /// In JSON's short forms where it has one, and DEL as well: no text of a server may move a
        /// terminal's cursor.
        case short
        /// By their numbers, but for the line end; DEL stays.
        case numbers
    }

    package private(set) var bytes: [UInt8] = []
    /// A value stands before the place where the next one goes.
    private var needsComma = false
    /// A name stands before the place where the next value goes.
    private var followsName = false
    private var depth = 0
    private let isIndented: Bool
    private let escapes: Escapes

    /// - Parameter isIndented: a member a line, two spaces a level; else everything is on one line.
    package init(isIndented: Bool = false, escapes: Escapes = .short) {
        self.isIndented = isIndented
        self.escapes = escapes
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Empties it for another document; its memory is used again.
    package mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Ends a line of NDJSON.
    package mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    private mutating func beginValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if isIndented, depth > 0, !followsName { beginLine() }
        needsComma = true
        followsName = false
    }

    private mutating func beginLine() {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    // MARK: Structure

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        container("{", members, "}")
    }

    package mutating func array(_ elements: (inout JSONWriter) -> Void) {
        container("[", elements, "]")
    }

    private mutating func container(
        _ begin: Unicode.Scalar, _ contents: (inout JSONWriter) -> Void, _ end: Unicode.Scalar
    ) {
        beginValue()
        bytes.append(UInt8(ascii: begin))
        needsComma = false
        depth += 1
        contents(&self)
        depth -= 1
        if isIndented, needsComma { beginLine() }
        bytes.append(UInt8(ascii: end))
        needsComma = true
    }

    package mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        if isIndented { bytes.append(UInt8(ascii: " ")) }
        needsComma = false
        followsName = true
    }

    // MARK: Values

    package mutating func null() {
        beginValue()
        bytes.append(contentsOf: "null".utf8)
    }

    package mutating func bool(_ value: Bool) {
        beginValue()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func number(_ value: some BinaryInteger) {
        beginValue()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// A number that isn't finite has no JSON form and becomes null.
    package mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        beginValue()
        var digits = value.description
        if digits.hasSuffix(".0") { digits.removeLast(2) }
        bytes.append(contentsOf: digits.utf8)
    }

    /// One value that is JSON already, as it stands.
    package mutating func literal(_ value: some Collection<UInt8>) {
        beginValue()
        bytes.append(contentsOf: value)
    }

    /// JSON text, whose tokens stay as they are; white space between them is left out, so that an
    /// object stays on its line. It must be one value.
    package mutating func verbatim(_ value: some Collection<UInt8>) {
        beginValue()
        var isInString = false
        var isEscaped = false
        for byte in value {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte <= 0x20 {
                continue
            }
            bytes.append(byte)
        }
    }

    package mutating func string(_ value: String) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        var text = value
        text.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices where isEscaped(utf8[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                escape(utf8[index])
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            || (byte == 0x7F && escapes == .short)
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x08 where escapes == .short: bytes.append(UInt8(ascii: "b"))
        case 0x09 where escapes == .short: bytes.append(UInt8(ascii: "t"))
        case 0x0C where escapes == .short: bytes.append(UInt8(ascii: "f"))
        case 0x0D where escapes == .short: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}

// MARK: - Members of an object

extension JSONWriter {
    package mutating func member(_ name: String, _ value: String?) {
        self.name(name)
        if let value { string(value) } else { null() }
    }

    package mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        bool(value)
    }

    package mutating func member<Value: BinaryInteger>(_ name: String, _ value: Value?) {
        self.name(name)
        if let value { number(value) } else { null() }
    }

    package mutating func member(_ name: String, _ value: Double) {
        self.name(name)
        number(value)
    }

    /// A moment, as RFC 3339 in UTC.
    package mutating func member(_ name: String, _ value: LogTime?) {
        member(name, value?.rfc3339())
    }

    package mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
        self.name(name)
        object(members)
    }

    package mutating func array(_ name: String, _ elements: (inout JSONWriter) -> Void) {
        self.name(name)
        array(elements)
    }
}
