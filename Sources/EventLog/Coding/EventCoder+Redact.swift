package import SyncCore

/// One record's text in an event.
struct RecordText {
    /// Its place in the order of `bodyLengths`.
    let index: Int
    let record: RequestIntended.Asked
    let length: Int
    /// False once it was redacted.
    let isThere: Bool
}

extension EventCoder {
    /// The texts of an event, whose they are, and whether they are still there.
    func texts(
        _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> [RecordText] {
        let header = try checkedHeader(position, value)
        do throws(FieldError) {
            let payload = try payload(header, value)
            let lengths = try Event.bodyLengths(payload.type, payload.meta)
            let owners = try event(position, payload, .none).event.textOwners
            guard owners.count == lengths.count else {
                throw .damaged("its records and their texts don't fit")
            }
            return owners.indices.map { index in
                RecordText(
                    index: index, record: owners[index], length: lengths[index],
                    isThere: lengths[index] > 0 && !payload.redactions.contains(index))
            }
        } catch { throw EventCodingError(error, .event(position)) }
    }

    /// A value without the texts of some records.
    ///
    /// - Returns: nil where none of them is there.
    func redacted(
        _ ordinals: Set<Ordinal>, _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> [UInt8]? {
        let indexes = try texts(position, value)
            .filter { $0.isThere && ordinals.contains($0.record.ordinal) }.map(\.index)
        guard !indexes.isEmpty else { return nil }
        var result: [UInt8] = []
        try redact(Set(indexes), position, value, into: &result)
        return result
    }

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
        var dictionary: UInt16 = 0
        let newest = dictionaries?.newest(for: payload.type)
        if packer.append(bodies, newest, to: &result), let newest { dictionary = newest.number }
        let redacted = EventHeader(
            header, flags: header.flags.union(.redacted), dictionaryID: dictionary,
            storedLength: UInt32(result.count - EventHeader.byteCount))
        result.withUnsafeMutableBytes { redacted.write(to: $0, position: position) }
    }
}
