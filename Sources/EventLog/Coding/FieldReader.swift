internal import SyncCore

/// Reads tagged fields out of bytes that it doesn't own and doesn't trust.
///
/// Valid only as long as the bytes are. Each read checks what is left: bytes of any content make it
/// throw, never trap.
package struct FieldReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var wire = WireType.varint

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var isAtEnd: Bool {
        @inline(__always) get { offset == bytes.count }
    }

    // MARK: Keys

    /// The number of the field that comes next; nil at the end.
    @inline(__always)
    package mutating func next() throws(FieldError) -> Int? {
        if isAtEnd { return nil }
        let key = try varint()
        guard let wire = WireType(rawValue: UInt8(truncatingIfNeeded: key & 7)) else {
            throw .damaged("a field has a layout that doesn't exist")
        }
        let field = key >> 3
        guard field >= 1, field < 1 << 29 else {
            throw .damaged("a field has a number that can't be")
        }
        self.wire = wire
        return Int(truncatingIfNeeded: field)
    }

    /// Passes over a field that this version doesn't know.
    package mutating func skip() throws(FieldError) {
        switch wire {
        case .varint: _ = try varint()
        case .fixed64: _ = try take(8)
        case .fixed32: _ = try take(4)
        case .lengthDelimited: _ = try delimited()
        }
    }

    @inline(__always)
    private func expect(_ expected: WireType) throws(FieldError) {
        if wire != expected { throw .damaged("a field has another layout than its number says") }
    }

    // MARK: Raw values

    @inline(__always)
    package mutating func varint() throws(FieldError) -> UInt64 {
        guard offset < bytes.count else { throw .damaged("a number is cut off") }
        let first = bytes[offset]
        offset += 1
        if first < 0x80 { return UInt64(first) }
        return try longVarint(first)
    }

    private mutating func longVarint(_ first: UInt8) throws(FieldError) -> UInt64 {
        var value = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if shift == 63, byte > 1 { throw .damaged("a number has more than 64 bits") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .damaged("a number is cut off")
    }

    @inline(__always)
    package mutating func zigzag() throws(FieldError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// The next `count` bytes.
    @inline(__always)
    package mutating func take(_ count: Int) throws(FieldError) -> UnsafeRawBufferPointer {
        guard count >= 0, bytes.count - offset >= count else {
            throw .damaged("a field is cut off")
        }
        let taken = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
        offset += count
        return taken
    }

    @inline(__always)
    private mutating func delimited() throws(FieldError) -> UnsafeRawBufferPointer {
        let length = try varint()
        guard length <= UInt64(bytes.count - offset) else {
            throw .damaged("a field is longer than what holds it")
        }
        return try take(Int(truncatingIfNeeded: length))
    }

    // MARK: Fields

    @inline(__always)
    package mutating func unsigned<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type = Value.self
    ) throws(FieldError) -> Value {
        try expect(.varint)
        return try narrow(varint())
    }

    @inline(__always)
    package func narrow<Value: FixedWidthInteger & UnsignedInteger>(
        _ wide: UInt64
    ) throws(FieldError) -> Value {
        guard let value = Value(exactly: wide) else {
            throw .damaged("a number is too large for its field")
        }
        return value
    }

    @inline(__always)
    package mutating func signed() throws(FieldError) -> Int64 {
        try expect(.varint)
        return try zigzag()
    }

    @inline(__always)
    package mutating func bool() throws(FieldError) -> Bool {
        try expect(.varint)
        return try varint() != 0
    }

    @inline(__always)
    package mutating func fixed64() throws(FieldError) -> UInt64 {
        try expect(.fixed64)
        return UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self))
    }

    package mutating func double() throws(FieldError) -> Double {
        Double(bitPattern: try fixed64())
    }

    /// The content of a length-delimited field.
    @inline(__always)
    package mutating func rawData() throws(FieldError) -> UnsafeRawBufferPointer {
        try expect(.lengthDelimited)
        return try delimited()
    }

    package mutating func data() throws(FieldError) -> [UInt8] { [UInt8](try rawData()) }

    package mutating func string() throws(FieldError) -> String {
        let content = try rawData()
        // ASCII can't be wrong, and checking UTF-8 costs four times as much as making the string.
        if content.isASCII { return String(decoding: content, as: UTF8.self) }
        guard
            let text = content.withMemoryRebound(
                to: UInt8.self, { String(validating: $0, as: UTF8.self) })
        else { throw .damaged("a text is not UTF-8") }
        return text
    }

    /// A reader of the content of a length-delimited field.
    @inline(__always)
    package mutating func nested() throws(FieldError) -> FieldReader {
        FieldReader(try rawData())
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isASCII: Bool {
        var offset = 0
        var seen: UInt64 = 0
        while count - offset >= 8 {
            seen |= loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            seen |= UInt64(self[offset])
            offset += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}

// MARK: - Values of the core

extension FieldReader {
    @inline(__always)
    mutating func message<Value: FieldCoded>(
        _ type: Value.Type = Value.self
    ) throws(FieldError) -> Value {
        var content = try nested()
        return try Value(from: &content)
    }

    mutating func choice<Value: RawRepresentable<UInt8>>(
        _ type: Value.Type = Value.self
    ) throws(FieldError) -> Value {
        let code: UInt64 = try unsigned()
        guard let small = UInt8(exactly: code), let value = Value(rawValue: small) else {
            throw .newer("\(Value.self) \(code)")
        }
        return value
    }

    @inline(__always)
    mutating func position() throws(FieldError) -> Position { Position(try unsigned()) }

    @inline(__always)
    mutating func ordinal() throws(FieldError) -> Ordinal { Ordinal(try unsigned()) }

    @inline(__always)
    mutating func id() throws(FieldError) -> RecordID { RecordID(try string()) }

    @inline(__always)
    mutating func time() throws(FieldError) -> LogTime {
        LogTime(nanoseconds: Int64(bitPattern: try fixed64()))
    }

    mutating func fingerprint() throws(FieldError) -> Fingerprint {
        let content = try rawData()
        guard content.count == 16 else { throw .damaged("a fingerprint has not 16 bytes") }
        return Fingerprint(raw: content)
    }
}

extension Fingerprint {
    /// From 16 bytes, big-endian.
    @inline(__always)
    init(raw bytes: UnsafeRawBufferPointer) {
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}
