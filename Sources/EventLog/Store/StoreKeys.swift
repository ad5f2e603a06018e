internal import SyncCore

/// The keys of the log's databases: integers big-endian, so that bytes sort as numbers do.
enum StoreKeys {
    static func position(_ position: Position) -> [UInt8] {
        var key: [UInt8] = []
        key.append(bigEndian: position.rawValue)
        return key
    }

    static func position(of key: UnsafeRawBufferPointer) -> Position? {
        guard key.count == 8 else { return nil }
        return Position(key.loadUnaligned(as: UInt64.self).bigEndian)
    }

    static func dictionary(_ number: UInt16) -> [UInt8] {
        var key: [UInt8] = []
        key.append(bigEndian: number)
        return key
    }

    static func dictionary(of key: UnsafeRawBufferPointer) -> UInt16? {
        guard key.count == 2 else { return nil }
        return key.loadUnaligned(as: UInt16.self).bigEndian
    }

    static func record(_ stream: StreamID, _ ordinal: Ordinal) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(6)
        key.append(bigEndian: stream.rawValue)
        key.append(bigEndian: ordinal.rawValue)
        return key
    }

    static func ordinal(ofRecordKey key: UnsafeRawBufferPointer) -> Ordinal? {
        guard key.count == 6 else { return nil }
        return Ordinal(key.loadUnaligned(fromByteOffset: 2, as: UInt32.self).bigEndian)
    }

    static func id(_ stream: StreamID, _ id: RecordID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(2 + id.text.utf8.count)
        key.append(bigEndian: stream.rawValue)
        key.append(contentsOf: id.text.utf8)
        return key
    }

    /// What a stream takes of a key.
    static let streamBytes = 2

    static func stream(_ stream: StreamID) -> [UInt8] {
        var key: [UInt8] = []
        key.append(bigEndian: stream.rawValue)
        return key
    }

    /// The stream that a key begins with.
    static func streamID(of key: UnsafeRawBufferPointer) -> StreamID {
        guard key.count >= streamBytes else { return .none }
        return StreamID(key.loadUnaligned(as: UInt16.self).bigEndian)
    }

    static func queue(_ stream: StreamID, _ key: [UInt8]) -> [UInt8] {
        StoreKeys.stream(stream) + key
    }

    static func queue(_ stream: StreamID, _ queueClass: QueueClass) -> [UInt8] {
        StoreKeys.stream(stream) + [queueClass.rawValue]
    }

    /// The ordinal at the end of a queue key, which is without its stream here.
    static func ordinal(ofQueueKey key: [UInt8]) -> Ordinal? {
        guard key.count >= 5 else { return nil }
        return Ordinal(key.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// What the keys of a pass's seen-set begin with.
    static func seen(_ stream: StreamID, pass: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(10)
        key.append(bigEndian: stream.rawValue)
        key.append(bigEndian: pass)
        return key
    }

    static func pass(ofSeenKey key: UnsafeRawBufferPointer) -> UInt32? {
        guard key.count == 10 else { return nil }
        return key.loadUnaligned(fromByteOffset: 2, as: UInt32.self).bigEndian
    }

    static func seen(_ stream: StreamID, pass: UInt32, chunk: UInt32) -> [UInt8] {
        var key = seen(stream, pass: pass)
        key.append(bigEndian: chunk)
        return key
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    func starts(with prefix: [UInt8]) -> Bool {
        count >= prefix.count && zip(self, prefix).allSatisfy { $0 == $1 }
    }
}
