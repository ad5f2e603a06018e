package import SyncCore

/// Makes events into the bytes that the log stores, and back.
///
/// A value is a 64-byte header (`EventHeader`), the event's fields, and the texts of its records in
/// compressed blocks; `docs/event-format.md` has every byte. It owns compression contexts and
/// memory that are used again: one for each thread, never for two at once.
package final class EventCoder {
    let zstd = Zstd()
    let hasher = SHA256()
    /// Where compressed fields are decompressed to.
    let metaScratch = ScratchMemory()
    var packer: BodyPacker
    var bodyHashes: [UInt8] = []

    /// Where the header will be, and the length of the fields.
    private static let room = [UInt8](repeating: 0, count: EventHeader.byteCount + 4)

    /// Shorter fields are not worth compressing: without a dictionary little is won.
    static let compressedMetaBytes = 1_024

    /// Of the log whose events it reads and makes; nil for events that belong to none.
    let dictionaries: DictionaryShelf?

    package init(_ dictionaries: DictionaryShelf? = nil) {
        self.dictionaries = dictionaries
        packer = BodyPacker(zstd: zstd)
    }

    /// Writes the stored value of an event, in place of what `value` holds.
    ///
    /// - Parameter value: keep it for the next event, its memory is used again.
    /// - Throws: `.tooLarge` over a limit of the format.
    package func encode(
        _ event: borrowing LoggedEvent, into value: inout [UInt8]
    ) throws(EventCodingError) {
        let bodies = event.event.bodies
        try checkSizes(bodies, event.position)
        let metaStart = EventHeader.byteCount + (bodies.isEmpty ? 0 : 4)
        var writer = FieldWriter()
        swap(&writer.bytes, &value)
        writer.bytes.removeAll(keepingCapacity: true)
        writer.bytes.append(contentsOf: Self.room[..<metaStart])
        event.event.writeFields(to: &writer)
        swap(&writer.bytes, &value)
        guard value.count - metaStart <= CodingLimits.metaBytes else {
            throw tooLarge(event.position, "its fields", value.count - metaStart)
        }

        var flags: EventHeader.Flags = []
        var dictionary: UInt16 = 0
        hashBodies(bodies)
        let hash = value.withUnsafeBytes { bytes in
            payloadHash(meta: UnsafeRawBufferPointer(rebasing: bytes[metaStart...]))
        }
        if compressMeta(of: &value, from: metaStart) { flags.insert(.metaCompressed) }
        if !bodies.isEmpty {
            flags.insert(.hasBodies)
            let stored = UInt32(value.count - metaStart)
            value.withUnsafeMutableBytes {
                $0.storeBytes(
                    of: stored.littleEndian, toByteOffset: EventHeader.byteCount, as: UInt32.self)
            }
            let newest = dictionaries?.newest(for: event.event.type)
            if packer.append(bodies, newest, to: &value), let newest {
                dictionary = newest.number
            }
        }
        let header = EventHeader(
            event, flags: flags, dictionaryID: dictionary,
            storedLength: UInt32(value.count - EventHeader.byteCount), payloadHash: hash)
        value.withUnsafeMutableBytes { header.write(to: $0, position: event.position) }
    }

    private func checkSizes(
        _ bodies: [ArraySlice<UInt8>], _ position: Position
    ) throws(EventCodingError) {
        var total = 0
        for body in bodies {
            total += body.count
            guard body.count <= CodingLimits.blockBytes else {
                throw tooLarge(position, "a record", body.count)
            }
        }
        guard total <= CodingLimits.eventBytes else {
            throw tooLarge(position, "the sum of its records", total)
        }
    }

    private func tooLarge(_ position: Position, _ what: String, _ bytes: Int) -> EventCodingError {
        EventCodingError(.tooLarge, .event(position), "\(what) has \(bytes) bytes")
    }

    private func compressMeta(of value: inout [UInt8], from start: Int) -> Bool {
        guard value.count - start > Self.compressedMetaBytes else { return false }
        let compressed = value.withUnsafeBytes {
            zstd.compress(UnsafeRawBufferPointer(rebasing: $0[start...]))
        }
        guard let compressed else { return false }
        value.removeLast(value.count - start)
        value.append(contentsOf: compressed)
        return true
    }
}

// MARK: - The payload hash

extension EventCoder {
    /// Puts the hashes of texts into `bodyHashes`; those of redacted ones come from the table.
    func hashBodies(
        _ bodies: [ArraySlice<UInt8>], redactions: Redactions = Redactions()
    ) {
        if !bodyHashes.isEmpty { bodyHashes.removeAll(keepingCapacity: true) }
        for (index, body) in bodies.enumerated() {
            if let hash = redactions.hash(of: index) {
                bodyHashes.append(contentsOf: hash)
            } else {
                hash(body).withBytes {
                    bodyHashes.append(contentsOf: $0.prefix(PayloadHash.byteCount))
                }
            }
        }
    }

    func hash(_ body: ArraySlice<UInt8>) -> SHA256Digest {
        hasher.begin()
        body.withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// The hash over an event's uncompressed fields and what `hashBodies` left.
    func payloadHash(meta: UnsafeRawBufferPointer) -> PayloadHash {
        hasher.begin()
        hasher.update(meta)
        if !bodyHashes.isEmpty { bodyHashes.withUnsafeBytes { hasher.update($0) } }
        return hasher.finish().truncated
    }
}
