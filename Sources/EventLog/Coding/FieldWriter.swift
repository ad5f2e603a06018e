internal import SyncCore

/// How a field's value is laid out: the low three bits of its key, as Protocol Buffers has them.
enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    /// Never written, but skipped when met.
    case fixed32 = 5
}

/// Appends tagged fields to bytes, in the wire format of Protocol Buffers.
///
/// Values that equal the default of their kind (0, false, "", no element) are left out; the
/// functions named `optional...` write whatever is not nil.
package struct FieldWriter {
    package var bytes: [UInt8]

    package init(bytes: [UInt8] = []) { self.bytes = bytes }

    // MARK: Raw values

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    @inline(__always)
    package mutating func varint(_ value: UInt64) {
        if value < 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else {
            longVarint(value)
        }
    }

    private mutating func longVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Small absolute values become small numbers: 0, -1, 1, -2 are 0, 1, 2, 3.
    @inline(__always)
    package mutating func zigzag(_ value: Int64) {
        varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    @inline(__always)
    private mutating func key(_ field: Int, _ wire: WireType) {
        varint(UInt64(truncatingIfNeeded: field) << 3 | UInt64(wire.rawValue))
    }

    // MARK: Fields

    @inline(__always)
    package mutating func unsigned(_ field: Int, _ value: some UnsignedInteger) {
        if value != 0 { optionalUnsigned(field, UInt64(value)) }
    }

    @inline(__always)
    package mutating func optionalUnsigned(_ field: Int, _ value: UInt64?) {
        guard let value else { return }
        key(field, .varint)
        varint(value)
    }

    @inline(__always)
    package mutating func signed(_ field: Int, _ value: Int64) {
        if value != 0 { optionalSigned(field, value) }
    }

    @inline(__always)
    package mutating func optionalSigned(_ field: Int, _ value: Int64?) {
        guard let value else { return }
        key(field, .varint)
        zigzag(value)
    }

    @inline(__always)
    package mutating func bool(_ field: Int, _ value: Bool) {
        if value { optionalUnsigned(field, 1) }
    }

    @inline(__always)
    package mutating func optionalFixed64(_ field: Int, _ value: UInt64?) {
        guard let value else { return }
        key(field, .fixed64)
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func double(_ field: Int, _ value: Double) {
        if value.bitPattern != 0 { optionalFixed64(field, value.bitPattern) }
    }

    @inline(__always)
    package mutating func string(_ field: Int, _ value: String) {
        if !value.isEmpty { optionalString(field, value) }
    }

    @inline(__always)
    package mutating func optionalString(_ field: Int, _ value: String?) {
        guard let value else { return }
        key(field, .lengthDelimited)
        let utf8 = value.utf8
        varint(UInt64(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    package mutating func data(_ field: Int, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        key(field, .lengthDelimited)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A length-delimited field with what `content` writes; it is written even when that is empty.
    @inline(__always)
    package mutating func nested(_ field: Int, _ content: (inout FieldWriter) -> Void) {
        key(field, .lengthDelimited)
        // Nearly every length fits into one byte; for the others the content moves on a little.
        let start = bytes.count
        bytes.append(0)
        content(&self)
        let length = bytes.count - start - 1
        if length < 0x80 {
            bytes[start] = UInt8(truncatingIfNeeded: length)
        } else {
            widenLength(at: start, UInt64(length))
        }
    }

    private mutating func widenLength(at index: Int, _ length: UInt64) {
        var prefix = FieldWriter()
        prefix.varint(length)
        bytes.replaceSubrange(index...index, with: prefix.bytes)
    }
}

// MARK: - Values of the core

extension FieldWriter {
    @inline(__always)
    mutating func message(_ field: Int, _ value: (some FieldCoded)?) {
        guard let value else { return }
        nested(field) { value.write(to: &$0) }
    }

    mutating func messages(_ field: Int, _ values: [some FieldCoded]) {
        for value in values { message(field, value) }
    }

    mutating func choice<Value: RawRepresentable<UInt8>>(_ field: Int, _ value: Value?) {
        guard let value else { return }
        unsigned(field, value.rawValue)
    }

    @inline(__always)
    mutating func position(_ field: Int, _ value: Position) { unsigned(field, value.rawValue) }

    @inline(__always)
    mutating func time(_ field: Int, _ value: LogTime) {
        if value != .zero { optionalTime(field, value) }
    }

    @inline(__always)
    mutating func optionalTime(_ field: Int, _ value: LogTime?) {
        optionalFixed64(field, value.map { UInt64(bitPattern: $0.rawValue) })
    }

    @inline(__always)
    mutating func optionalFingerprint(_ field: Int, _ value: Fingerprint?) {
        guard let value else { return }
        key(field, .lengthDelimited)
        bytes.append(16)
        raw(value)
    }

    /// 16 bytes, big-endian: their hexadecimal form is the fingerprint as people see it.
    @inline(__always)
    mutating func raw(_ value: Fingerprint) {
        withUnsafeBytes(of: (value.high.bigEndian, value.low.bigEndian)) {
            bytes.append(contentsOf: $0)
        }
    }
}
