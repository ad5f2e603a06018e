/// A piece of a pass's seen-set, as it is stored: `checksum u64 | 1,024 bytes`, one bit an ordinal.
///
/// The checksum is XXH3-64 over the bits, with XXH3-64 of the key as its seed: a bit that turned
/// would let a pass that lost a record look whole.
enum SeenChunk {
    static let size: UInt32 = 8_192
    static let empty = [UInt8](repeating: 0, count: Int(size / 8))

    private static let headerBytes = 8

    static func set(_ ordinal: UInt32, in bits: inout [UInt8]) {
        let bit = Int(ordinal % size)
        bits[bit / 8] |= 1 << UInt8(bit % 8)
    }

    static func contains(_ ordinal: UInt32, in bits: [UInt8]) -> Bool {
        let bit = Int(ordinal % size)
        return bit / 8 < bits.count && bits[bit / 8] & (1 << UInt8(bit % 8)) != 0
    }

    /// The stored value of some bits.
    static func encode(_ bits: [UInt8], key: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(headerBytes + bits.count)
        let checksum = Checksum.of(bits, seed: Checksum.of(key))
        withUnsafeBytes(of: checksum.littleEndian) { value.append(contentsOf: $0) }
        value.append(contentsOf: bits)
        return value
    }

    /// - Returns: nil when the value isn't what was written under this key.
    static func decode(_ value: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8]? {
        guard value.count == headerBytes + empty.count else { return nil }
        let bits = UnsafeRawBufferPointer(rebasing: value[headerBytes...])
        guard value.littleEndian(at: 0) == Checksum.of(bits, seed: Checksum.of(key)) else {
            return nil
        }
        return [UInt8](bits)
    }
}
