package import SyncCore

extension EventCoder {
    /// Writes an event again without some of its texts, in place of what `result` holds.
    ///
    /// The identity header, and so the chain, stays as it is: each text leaves its hash, by which
    /// the payload hash still comes out.
    ///
    /// - Parameter indexes: places in the order of `bodyLengths`; others are passed over.
    package func redact(
        _ indexes: Set<Int>, _ position: Position, _ value: UnsafeRawBufferPointer,
        into result: inout [UInt8]
    ) throws(EventCodingError) {
        var bodies = try verify(position, value).event.bodies
        let header = try checkedHeader(position, value)
        let payload: Payload
        do throws(FieldError) {
            payload = try self.payload(header, value)
        } catch { throw EventCodingError(error, .event(position)) }

        var hashes: [(index: Int, hash: [UInt8])] = []
        for index in bodies.indices {
            if let hash = payload.redactions.hash(of: index) {
                hashes.append((index, [UInt8](hash)))
            } else if indexes.contains(index) {
                hashes.append((index, hash(bodies[index]).truncated.bytes))
                bodies[index] = []
            }
        }
        result.removeAll(keepingCapacity: true)
        guard !hashes.isEmpty else {
            result.append(contentsOf: value)
            return
        }
        result.append(contentsOf: value[..<EventHeader.byteCount])
        result.append(littleEndian: UInt32(payload.storedMeta.count))
        result.append(contentsOf: payload.storedMeta)
        Redactions.append(hashes, to: &result)
        packer.append(bodies, to: &result)
        let redacted = EventHeader(
            header, flags: header.flags.union(.redacted),
            storedLength: UInt32(result.count - EventHeader.byteCount))
        result.withUnsafeMutableBytes { redacted.write(to: $0, position: position) }
    }
}
