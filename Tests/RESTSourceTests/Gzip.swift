/// Gzip streams made by hand, so that a test needs no compressor.
enum Gzip {
    private static let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]

    /// One stored block of at most 65,535 bytes.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        let length = UInt16(bytes.count)
        let sizes = [length, ~length].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let tail = [crc32(bytes), UInt32(bytes.count)].flatMap { word in
            (0..<4).map { UInt8(word >> UInt32(8 * $0) & 0xFF) }
        }
        return head + [1] + sizes + bytes + tail
    }

    /// A blank, repeated to about `length` bytes in 1/158 of them; without an end.
    static func bomb(_ length: Int) -> [UInt8] {
        var (bytes, bits, count) = (head, UInt32(0), UInt32(0))
        func put(_ code: UInt32, _ length: UInt32) {
            for place in (0..<length).reversed() {
                bits |= (code >> place & 1) << count
                count += 1
                if count == 8 {
                    bytes.append(UInt8(bits))
                    (bits, count) = (0, 0)
                }
            }
        }
        put(1, 1)
        put(0b10, 2)
        put(0x30 + 0x20, 8)
        for _ in 0..<(length / 258) {
            put(0b1100_0101, 8)
            put(0, 5)
        }
        return bytes
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in
                crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1
            }
        }
    }
}
