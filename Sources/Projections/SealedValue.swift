internal import EventLog
internal import SyncCore

/// Keys that are, or begin with, a position: 8 bytes, big-endian.
enum PositionKey {
    static func bytes(_ position: Position) -> [UInt8] {
        var key: [UInt8] = []
        key.append(bigEndian: position.rawValue)
        return key
    }

    static func position(_ key: UnsafeRawBufferPointer) -> Position? {
        guard key.count >= 8 else { return nil }
        return Position(key.loadUnaligned(as: UInt64.self).bigEndian)
    }
}

/// A value with a checksum before it that covers its key too: one that came under another key is
/// noticed.
enum SealedValue {
    private static let checksumBytes = 8

    static func seal(_ content: [UInt8], for key: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(checksumBytes + content.count)
        value.append(bigEndian: Checksum.of(content, seed: Checksum.of(key)))
        value.append(contentsOf: content)
        return value
    }

    /// - Returns: nil for a value that is not what was sealed for this key.
    static func open(
        _ value: UnsafeRawBufferPointer, for key: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        guard value.count >= checksumBytes else { return nil }
        let content = UnsafeRawBufferPointer(rebasing: value[checksumBytes...])
        let checksum = value.loadUnaligned(as: UInt64.self).bigEndian
        guard checksum == Checksum.of(content, seed: Checksum.of(key, seed: 0)) else { return nil }
        return content
    }
}
