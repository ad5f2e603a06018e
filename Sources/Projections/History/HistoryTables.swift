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
    /// Last position of a segment (8) -> `LogTotals` from the log's beginning to there.
    let totals: Database
    /// Position (8) -> `RunSummary`.
    let runs: Database

    static func block(_ segment: Position, _ stream: StreamID, _ ordinal: Ordinal) -> [UInt8] {
        var key = PositionKey.bytes(segment)
        key.append(bigEndian: stream.rawValue)
        key.append(bigEndian: ordinal.rawValue)
        return key
    }

    /// Where a block begins, if it is one of this segment and stream.
    static func ordinal(
        of key: UnsafeRawBufferPointer, _ segment: Position, _ stream: StreamID
    ) -> Ordinal? {
        guard key.count == 14, PositionKey.position(key) == segment,
            key.loadUnaligned(fromByteOffset: 8, as: UInt16.self).bigEndian == stream.rawValue
        else { return nil }
        return Ordinal(key.loadUnaligned(fromByteOffset: 10, as: UInt32.self).bigEndian)
    }
}
