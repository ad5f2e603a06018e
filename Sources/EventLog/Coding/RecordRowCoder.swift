package import SyncCore

/// Makes core rows into bytes and back: `checksum u32 | fields`.
///
/// Stream and ordinal are the row's key and not part of its bytes, but seed the checksum (the low
/// half of an XXH3-64): a row that came under another key is noticed.
package enum RecordRowCoder {
    private static let headerBytes = 4

    package static func encode(_ row: RecordRow, of stream: StreamID) -> [UInt8] {
        var bytes: [UInt8] = []
        encode(row, of: stream, into: &bytes)
        return bytes
    }

    /// Writes a row in place of what `bytes` holds, whose memory is used again.
    package static func encode(
        _ row: RecordRow, of stream: StreamID, into bytes: inout [UInt8]
    ) {
        var writer = FieldWriter()
        swap(&writer.bytes, &bytes)
        writer.bytes.removeAll(keepingCapacity: true)
        writer.bytes.reserveCapacity(128)
        writer.bytes.append(littleEndian: 0)
        row.write(to: &writer)
        swap(&writer.bytes, &bytes)
        bytes.withUnsafeMutableBytes { raw in
            let checksum = checksum(UnsafeRawBufferPointer(raw), stream, row.ordinal)
            raw.storeBytes(of: checksum.littleEndian, as: UInt32.self)
        }
    }

    /// - Throws: `.damaged` for anything but what was written for this stream and ordinal.
    package static func decode(
        _ stream: StreamID, _ ordinal: Ordinal, _ bytes: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> RecordRow {
        // Before it is hashed: a length that was damaged may lead out of the file.
        guard bytes.count <= CodingLimits.rowBytes else {
            throw EventCodingError(.damaged, .row(ordinal), "it claims a size that can't be")
        }
        guard bytes.count >= headerBytes,
            bytes.littleEndian(at: 0) == checksum(bytes, stream, ordinal)
        else { throw EventCodingError(.damaged, .row(ordinal), "its checksum is wrong") }
        do throws(FieldError) {
            var reader = FieldReader(UnsafeRawBufferPointer(rebasing: bytes[headerBytes...]))
            return try RecordRow(ordinal, from: &reader)
        } catch { throw EventCodingError(error, .row(ordinal)) }
    }

    private static func checksum(
        _ bytes: UnsafeRawBufferPointer, _ stream: StreamID, _ ordinal: Ordinal
    ) -> UInt32 {
        let seed = UInt64(stream.rawValue) << 32 | UInt64(ordinal.rawValue)
        let fields = UnsafeRawBufferPointer(rebasing: bytes[headerBytes...])
        return UInt32(truncatingIfNeeded: Checksum.of(fields, seed: seed))
    }
}

extension RecordRow {
    fileprivate init(_ ordinal: Ordinal, from reader: inout FieldReader) throws(FieldError) {
        var id = RecordID("")
        var headerFingerprint: Fingerprint?
        var headerPosition = Position.none
        var generation: UInt32 = 0
        var detailFingerprint: Fingerprint?
        var detailPosition = Position.none
        var attempts: UInt16 = 0
        var attemptedAt: LogTime?
        var error: RecordError?
        var queue: QueueEntry?
        while let field = try reader.next() {
            switch field {
            case 1: id = try reader.id()
            case 2: headerFingerprint = try reader.fingerprint()
            case 3: headerPosition = try reader.position()
            case 4: generation = try reader.unsigned()
            case 5: detailFingerprint = try reader.fingerprint()
            case 6: detailPosition = try reader.position()
            case 7: attempts = try reader.unsigned()
            case 8: attemptedAt = try reader.time()
            case 9: error = try reader.message()
            case 10: queue = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            ordinal: ordinal, id: id,
            headerFingerprint: try required(headerFingerprint, "headerFingerprint"),
            headerPosition: headerPosition, generation: generation)
        self.detailFingerprint = detailFingerprint
        self.detailPosition = detailPosition
        self.attempts = attempts
        self.attemptedAt = attemptedAt
        self.error = error
        self.queue = queue
    }

    fileprivate func write(to writer: inout FieldWriter) {
        writer.string(1, id.text)
        writer.optionalFingerprint(2, headerFingerprint)
        writer.position(3, headerPosition)
        writer.unsigned(4, generation)
        writer.optionalFingerprint(5, detailFingerprint)
        writer.position(6, detailPosition)
        writer.unsigned(7, attempts)
        writer.optionalTime(8, attemptedAt)
        writer.message(9, error)
        writer.message(10, queue)
    }
}
