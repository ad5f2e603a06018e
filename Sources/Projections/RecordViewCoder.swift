internal import EventLog
internal import Records
internal import SyncCore

/// How a row of a record projection is stored: a checksum (4 bytes, big-endian), the length of the
/// core row (the same), the core row, then the values of the header and those of the detail.
///
/// The checksum is the low half of an XXH3-64 over all that follows it, with the ordinal as seed.
/// The core row in it is coded as one of no stream.
///
/// Lists of values are coded by `ColumnValuesCoder`.
enum RecordViewCoder {
    static func encode(_ view: RecordView) -> [UInt8] {
        let core = RecordRowCoder.encode(view.core, of: .none)
        var bytes = [UInt8](repeating: 0, count: checksumBytes)
        bytes.reserveCapacity(core.count + 128)
        ColumnValuesCoder.append(text: core, to: &bytes)
        ColumnValuesCoder.append(view.fromHeader, to: &bytes)
        ColumnValuesCoder.append(view.fromDetail, to: &bytes)
        bytes.withUnsafeMutableBytes { raw in
            let checksum = checksum(UnsafeRawBufferPointer(raw), view.core.ordinal)
            raw.storeBytes(of: checksum.bigEndian, as: UInt32.self)
        }
        return bytes
    }

    private static let checksumBytes = 4

    /// - Parameter bytes: with room for the checksum at their front.
    private static func checksum(_ bytes: UnsafeRawBufferPointer, _ ordinal: Ordinal) -> UInt32 {
        let content = UnsafeRawBufferPointer(rebasing: bytes[checksumBytes...])
        return UInt32(
            truncatingIfNeeded: Checksum.of(content, seed: UInt64(ordinal.rawValue)))
    }

    /// Whether the bytes are those that were stored for a record, whatever its columns.
    static func isSound(_ ordinal: Ordinal, _ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= checksumBytes
            && UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) == checksum(bytes, ordinal)
    }

    /// - Returns: nil when the bytes are not what `encode` writes for so many columns.
    static func decode(
        _ ordinal: Ordinal, _ bytes: UnsafeRawBufferPointer, columns: Int
    ) -> RecordView? {
        guard isSound(ordinal, bytes) else { return nil }
        var reader = ColumnValuesCoder.Reader(bytes: bytes, offset: checksumBytes)
        guard let core = reader.text() else { return nil }
        let row = try? core.withUnsafeBytes { (raw) throws(EventCodingError) in
            try RecordRowCoder.decode(.none, ordinal, raw)
        }
        guard let row, let header = reader.values(columns), let detail = reader.values(columns),
            reader.isAtEnd
        else { return nil }
        return RecordView(core: row, fromHeader: header.list, fromDetail: detail.list)
    }
}
