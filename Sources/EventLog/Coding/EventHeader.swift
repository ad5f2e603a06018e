internal import CXXHash
package import SyncCore

/// The 64 bytes that stand before an event's payload: 16 about how it is stored, then 48 that say
/// what it is and that the chain covers.
package struct EventHeader: Sendable, Equatable {
    /// How the payload is stored.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let metaCompressed = Flags(rawValue: 1)
        package static let redacted = Flags(rawValue: 2)
        package static let hasBodies = Flags(rawValue: 4)
        static let known: Flags = [.metaCompressed, .redacted, .hasBodies]
    }

    package static let byteCount = 64
    /// Where in a value the identity header lies.
    package static let identityRange = 16..<64
    /// The format that this version writes; it reads this one only.
    package static let currentFormat: UInt8 = 1

    /// XXH3-64 of the value from byte 8 on, with the position as its seed.
    package let checksum: UInt64
    package let format: UInt8
    package let flags: Flags
    /// 0: none.
    package let dictionaryID: UInt16
    /// Bytes after the header.
    package let storedLength: UInt32
    package let typeCode: UInt16
    package let schemaVersion: UInt16
    package let stream: StreamID
    package let startsStep: Bool
    package let time: LogTime
    package let run: Position
    package let cause: Position
    package let payloadHash: PayloadHash

    /// Reads the header of a stored value, without touching its payload or its checksum.
    ///
    /// - Parameter position: where it is stored, for the error.
    /// - Throws: `.damaged` when the sizes don't fit, `.newer` for a format that is not known.
    @inline(__always)
    package init(
        _ value: UnsafeRawBufferPointer, at position: Position = .none
    ) throws(EventCodingError) {
        guard value.count >= Self.byteCount else {
            throw EventCodingError(.damaged, .event(position), "it is shorter than its header")
        }
        format = value[8]
        guard format <= Self.currentFormat else {
            throw EventCodingError(.newer, .event(position), "its format is \(value[8])")
        }
        storedLength = value.littleEndian(at: 12)
        guard format > 0, Int(storedLength) == value.count - Self.byteCount else {
            throw EventCodingError(.damaged, .event(position), "its size is not the recorded one")
        }
        checksum = value.littleEndian(at: 0)
        flags = Flags(rawValue: value[9])
        dictionaryID = value.littleEndian(at: 10)
        typeCode = value.littleEndian(at: 16)
        schemaVersion = value.littleEndian(at: 18)
        stream = StreamID(value.littleEndian(at: 20))
        startsStep = value[22] & 1 != 0
        time = LogTime(nanoseconds: value.littleEndian(at: 24))
        run = Position(value.littleEndian(at: 32))
        cause = Position(value.littleEndian(at: 40))
        payloadHash = PayloadHash(
            first: value.loadUnaligned(fromByteOffset: 48, as: UInt64.self),
            second: value.loadUnaligned(fromByteOffset: 56, as: UInt64.self))
    }

    /// The header of an event that is about to be stored; its checksum is not known yet.
    init(
        _ event: borrowing LoggedEvent, flags: Flags, dictionaryID: UInt16, storedLength: UInt32,
        payloadHash: PayloadHash
    ) {
        checksum = 0
        format = Self.currentFormat
        self.flags = flags
        self.dictionaryID = dictionaryID
        self.storedLength = storedLength
        typeCode = event.event.type.rawValue
        schemaVersion = event.event.type.schemaVersion
        stream = event.stream
        startsStep = event.startsStep
        time = event.time
        run = event.run
        cause = event.cause
        self.payloadHash = payloadHash
    }

    /// The same identity, stored in another way; its checksum is not known yet.
    init(_ other: EventHeader, flags: Flags, dictionaryID: UInt16, storedLength: UInt32) {
        checksum = 0
        format = Self.currentFormat
        self.flags = flags
        self.dictionaryID = dictionaryID
        self.storedLength = storedLength
        typeCode = other.typeCode
        schemaVersion = other.schemaVersion
        stream = other.stream
        startsStep = other.startsStep
        time = other.time
        run = other.run
        cause = other.cause
        payloadHash = other.payloadHash
    }

    /// The type of the event; nil for one that a later version brought.
    package var type: EventType? { EventType(rawValue: typeCode) }

    /// Writes the header over the first 64 bytes of a value, and the checksum of the whole.
    func write(to value: UnsafeMutableRawBufferPointer, position: Position) {
        value[8] = format
        value[9] = flags.rawValue
        value.storeLittleEndian(dictionaryID, at: 10)
        value.storeLittleEndian(storedLength, at: 12)
        value.storeLittleEndian(typeCode, at: 16)
        value.storeLittleEndian(schemaVersion, at: 18)
        value.storeLittleEndian(stream.rawValue, at: 20)
        value[22] = startsStep ? 1 : 0
        value[23] = 0
        value.storeLittleEndian(time.rawValue, at: 24)
        value.storeLittleEndian(run.rawValue, at: 32)
        value.storeLittleEndian(cause.rawValue, at: 40)
        value.storeBytes(of: payloadHash.first, toByteOffset: 48, as: UInt64.self)
        value.storeBytes(of: payloadHash.second, toByteOffset: 56, as: UInt64.self)
        let checksum = Self.checksum(of: UnsafeRawBufferPointer(value), position: position)
        value.storeLittleEndian(checksum, at: 0)
    }

    /// The schema version of a stored value that was checked.
    static func schemaVersion(of value: UnsafeRawBufferPointer) -> UInt16 {
        value.littleEndian(at: 18)
    }

    /// Whether the checksum of a stored value is right.
    static func isSound(_ value: UnsafeRawBufferPointer, at position: Position) -> Bool {
        value.count >= byteCount
            && checksum(of: value, position: position) == value.littleEndian(at: 0)
    }

    /// What the checksum of a stored value has to be.
    ///
    /// - Parameter value: at least a header long.
    @inline(__always)
    package static func checksum(of value: UnsafeRawBufferPointer, position: Position) -> UInt64 {
        guard let start = value.baseAddress else { return 0 }
        return XXH3_64bits_withSeed(start + 8, value.count - 8, position.rawValue)
    }
}

extension UnsafeRawBufferPointer {
    /// An integer out of bytes that are known to be there.
    @inline(__always)
    func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    fileprivate func storeLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, at offset: Int
    ) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
}
