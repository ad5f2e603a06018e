package import SyncCore

extension EventCoder {
    /// Which of an event's texts are wanted.
    package enum Bodies: Sendable {
        case all
        /// Each text comes as an empty slice; nothing of the blocks is read.
        case none
    }

    /// The parts of a stored payload.
    struct Payload {
        /// Uncompressed; valid until the coder is used again.
        let meta: UnsafeRawBufferPointer
        /// As they are stored.
        let storedMeta: UnsafeRawBufferPointer
        let redactions: Redactions
        let blocks: UnsafeRawBufferPointer
        let header: EventHeader
        let type: EventType
    }

    /// Reads a stored event.
    ///
    /// - Throws: `.damaged` when the checksum, a size or the coding is wrong; `.newer` for a
    /// format,   a schema, a type or a value that this version doesn't know.
    package func decode(
        _ position: Position, _ value: UnsafeRawBufferPointer, bodies: Bodies
    ) throws(EventCodingError) -> LoggedEvent {
        let header = try checkedHeader(position, value)
        do throws(FieldError) {
            let payload = try payload(header, value)
            return try event(position, payload, bodies == .all ? .all : .none)
        } catch { throw EventCodingError(error, .event(position)) }
    }

    /// How long the texts of an event's records are, in the order in which the event lists them:
    /// `PageFetched.entries`, or the changed ones of `DetailsFetched.results`.
    package func bodyLengths(
        _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> [Int] {
        let header = try checkedHeader(position, value)
        do throws(FieldError) {
            let payload = try payload(header, value)
            return try Event.bodyLengths(payload.type, payload.meta)
        } catch { throw EventCodingError(error, .event(position)) }
    }

    /// One text of an event, verbatim; only its block is decompressed.
    ///
    /// - Parameter index: its place in the order of `bodyLengths`.
    /// - Returns: nil when the event has no such text; empty when it was redacted.
    package func body(
        at index: Int, position: Position, value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> [UInt8]? {
        let header = try checkedHeader(position, value)
        do throws(FieldError) {
            let payload = try payload(header, value)
            let lengths = try Event.bodyLengths(payload.type, payload.meta)
            guard lengths.indices.contains(index) else { return nil }
            return [UInt8](try loader(payload, .all).load(lengths, at: index))
        } catch { throw EventCodingError(error, .event(position)) }
    }

    /// Checks everything that can be checked of one event: checksum, coding and payload hash.
    ///
    /// - Returns: the event, with all its texts.
    @discardableResult
    package func verify(
        _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> LoggedEvent {
        let header = try checkedHeader(position, value)
        let payload: Payload
        let event: LoggedEvent
        do throws(FieldError) {
            payload = try self.payload(header, value)
            event = try self.event(position, payload, .all)
        } catch { throw EventCodingError(error, .event(position)) }
        let bodies = event.event.bodies
        guard header.flags.contains(.hasBodies) != bodies.isEmpty else {
            throw EventCodingError(.damaged, .event(position), "its flags and its fields don't fit")
        }
        hashBodies(bodies, redactions: payload.redactions)
        guard payloadHash(meta: payload.meta) == header.payloadHash else {
            throw EventCodingError(.damaged, .event(position), "its payload has another hash")
        }
        return event
    }

    // MARK: Parts

    /// The header of a value whose checksum is right, and whose coding this version knows.
    @inline(__always)
    func checkedHeader(
        _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> EventHeader {
        let header = try EventHeader(value, at: position)
        guard EventHeader.checksum(of: value, position: position) == header.checksum else {
            throw EventCodingError(.damaged, .event(position), "its checksum is wrong")
        }
        return header
    }

    func payload(
        _ header: EventHeader, _ value: UnsafeRawBufferPointer
    ) throws(FieldError) -> Payload {
        guard let type = header.type else {
            throw .newer("an event of type \(header.typeCode)")
        }
        guard header.schemaVersion <= type.schemaVersion else {
            throw .newer("version \(header.schemaVersion) of \(type.name)")
        }
        guard header.schemaVersion == type.schemaVersion else {
            throw .damaged(
                "it is version \(header.schemaVersion) of \(type.name), and only version "
                    + "\(type.schemaVersion) is known")
        }
        guard header.flags.isSubset(of: .known),
            header.dictionaryID == 0 || header.flags.contains(.hasBodies)
        else {
            throw .newer("flags \(header.flags.rawValue), dictionary \(header.dictionaryID)")
        }
        var storedMeta = UnsafeRawBufferPointer(rebasing: value[EventHeader.byteCount...])
        var rest = UnsafeRawBufferPointer(start: nil, count: 0)
        var redactions = Redactions()
        if header.flags.contains(.hasBodies) {
            rest = storedMeta
            storedMeta = try splitMeta(&rest)
            if header.flags.contains(.redacted) { redactions = try Redactions(from: &rest) }
        } else if header.flags.contains(.redacted) {
            throw .damaged("it is redacted, but has no records")
        }
        let meta =
            header.flags.contains(.metaCompressed) ? try decompressMeta(storedMeta) : storedMeta
        return Payload(
            meta: meta, storedMeta: storedMeta, redactions: redactions, blocks: rest,
            header: header, type: type)
    }

    /// Takes the length and the stored fields off the front of `rest`.
    private func splitMeta(
        _ rest: inout UnsafeRawBufferPointer
    ) throws(FieldError) -> UnsafeRawBufferPointer {
        guard rest.count >= 4 else { throw .damaged("its fields are cut off") }
        let length = Int(rest.littleEndian(at: 0) as UInt32)
        guard length <= rest.count - 4 else { throw .damaged("its fields are cut off") }
        let meta = UnsafeRawBufferPointer(rebasing: rest[4..<(4 + length)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(4 + length)...])
        return meta
    }

    private func decompressMeta(
        _ stored: UnsafeRawBufferPointer
    ) throws(FieldError) -> UnsafeRawBufferPointer {
        let size = try zstd.contentSize(stored, atMost: CodingLimits.metaBytes)
        let target = UnsafeMutableRawBufferPointer(rebasing: metaScratch.reserve(size)[..<size])
        try zstd.decompress(stored, into: target)
        return UnsafeRawBufferPointer(target)
    }

    func loader(_ payload: Payload, _ mode: BodyLoader.Mode) -> BodyLoader {
        BodyLoader(
            mode: mode, hasBodies: payload.header.flags.contains(.hasBodies),
            redactions: payload.redactions, blocks: payload.blocks, zstd: zstd,
            dictionary: payload.header.dictionaryID, dictionaries: dictionaries)
    }

    func event(
        _ position: Position, _ payload: Payload, _ mode: BodyLoader.Mode
    ) throws(FieldError) -> LoggedEvent {
        var reader = FieldReader(payload.meta)
        let event = try Event(payload.type, from: &reader, bodies: loader(payload, mode))
        let header = payload.header
        return LoggedEvent(
            position: position, time: header.time, stream: header.stream, run: header.run,
            cause: header.cause, startsStep: header.startsStep, event: event.upcast)
    }
}
