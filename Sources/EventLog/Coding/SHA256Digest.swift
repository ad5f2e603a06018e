/// The 32 bytes of a SHA-256.
struct SHA256Digest: Sendable, Hashable {
    // Four words in memory order, so that a copy costs no allocation.
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    static let byteCount = 32

    /// From at least 32 bytes.
    init(bytes: UnsafeRawBufferPointer) {
        first = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        second = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        third = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        fourth = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBytes(of: (first, second, third, fourth)) {
            (bytes: UnsafeRawBufferPointer) throws(Failure) in try body(bytes)
        }
    }

    var bytes: [UInt8] { withBytes { [UInt8]($0) } }

    /// The first half, as events keep it.
    var truncated: PayloadHash { PayloadHash(first: first, second: second) }
}

/// The first 16 bytes of the SHA-256 over an event's uncompressed payload.
package struct PayloadHash: Sendable, Hashable, CustomStringConvertible {
    // In memory order.
    let first: UInt64
    let second: UInt64

    package static let byteCount = 16

    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    package var bytes: [UInt8] { withUnsafeBytes(of: (first, second)) { [UInt8]($0) } }

    /// 32 hexadecimal digits.
    package var description: String { withUnsafeBytes(of: (first, second)) { hexadecimal($0) } }
}

/// Two lower-case digits for each byte.
package func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
