internal import CXXHash

/// XXH3-64, by which every stored value is checked: LMDB doesn't notice a bit that turned.
package enum Checksum {
    /// - Parameter seed: what the value depends on but doesn't hold, its key for example: so one
    ///   that came under another key is noticed.
    @inline(__always)
    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        guard let start = bytes.baseAddress else { return XXH3_64bits_withSeed(nil, 0, seed) }
        return XXH3_64bits_withSeed(start, bytes.count, seed)
    }

    package static func of(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { of($0, seed: seed) }
    }
}
