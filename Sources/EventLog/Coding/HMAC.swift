/// Keyed hashes (RFC 2104).
package enum HMAC {
    private static let blockBytes = 64

    /// The HMAC-SHA256 of a text: 32 bytes.
    package static func sha256(key: [UInt8], _ text: [UInt8]) -> [UInt8] {
        let short = key.count > blockBytes ? digest(key) : key
        let block = short + [UInt8](repeating: 0, count: blockBytes - short.count)
        return digest(block.map { $0 ^ 0x5C } + digest(block.map { $0 ^ 0x36 } + text))
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let hasher = SHA256()
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.finish().bytes
    }
}
