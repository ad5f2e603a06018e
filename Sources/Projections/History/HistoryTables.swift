internal import EventLog
internal import LMDB
internal import SyncCore

/// The tables of the history, all in the order of the log but the runs.
///
/// Every value begins with its checksum (`SealedValue`); integers in keys are big-endian.
package struct HistoryTables: Sendable {
    /// Last position of a segment (8) -> first position (varint).
    let segments: Database
    /// First position of a zone (8) -> `HistoryZone`.
    let zones: Database
    /// First position of a segment (8), stream (2), ordinal (4) -> `MentionBlock`.
    let changes: Database
    /// The same, for pages that had the records as they were known.
    let sightings: Database
    /// Last position of a segment (8) -> control state.
    let controls: Database
    /// Position (8) -> `RunSummary`.
    let runs: Database

    static func position(_ position: Position) -> [UInt8] {
        var key: [UInt8] = []
        key.append(bigEndian: position.rawValue)
        return key
    }

    static func position(of key: UnsafeRawBufferPointer) -> Position? {
        guard key.count >= 8 else { return nil }
        return Position(key.loadUnaligned(as: UInt64.self).bigEndian)
    }

    static func block(_ segment: Position, _ stream: StreamID, _ ordinal: Ordinal) -> [UInt8] {
        var key = position(segment)
        key.append(bigEndian: stream.rawValue)
        key.append(bigEndian: ordinal.rawValue)
        return key
    }

    /// Where a block begins, if it is one of this segment and stream.
    static func ordinal(
        of key: UnsafeRawBufferPointer, _ segment: Position, _ stream: StreamID
    ) -> Ordinal? {
        guard key.count == 14, position(of: key) == segment,
            key.loadUnaligned(fromByteOffset: 8, as: UInt16.self).bigEndian == stream.rawValue
        else { return nil }
        return Ordinal(key.loadUnaligned(fromByteOffset: 10, as: UInt32.self).bigEndian)
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
