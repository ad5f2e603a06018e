internal import EventLog
package import Records
package import SyncCore

/// How far a projection is, and what it has summed up: stored with its rows, in one transaction.
package struct Checkpoint: Sendable, Equatable {
    /// The last position that was folded.
    package var position: Position = .none
    /// What says of which log this is a fold (`LogSnapshot.mark`). Empty at position 0.
    package var mark: [UInt8] = []
    /// The schema that the rows were folded by.
    package var schema: String
    package var total = DecimalTotal()
    package var rows: UInt64 = 0
}

/// Stored as `checksum u64 | position u64 | rows u64`, then mark, total and schema, each with
/// its length (4 bytes); integers big-endian. The checksum is XXH3-64 over what follows it.
extension Checkpoint {
    private static let checksumBytes = 8
    private static let fixedBytes = 24

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: position.rawValue)
        bytes.append(bigEndian: rows)
        for part in [mark, total.encoded, Array(schema.utf8)] {
            bytes.append(bigEndian: UInt32(part.count))
            bytes.append(contentsOf: part)
        }
        var value: [UInt8] = []
        value.append(bigEndian: Checksum.of(bytes))
        return value + bytes
    }

    /// - Returns: nil for anything but what `encoded` makes.
    init?(encoded bytes: [UInt8]) {
        guard bytes.count >= Self.fixedBytes,
            Self.number(bytes[..<Self.checksumBytes])
                == Checksum.of(Array(bytes[Self.checksumBytes...]))
        else { return nil }
        var rest = bytes[Self.fixedBytes...]
        guard let mark = Self.part(&rest), let total = Self.part(&rest),
            let schema = Self.part(&rest), rest.isEmpty,
            let sum = try? DecimalTotal(encoded: total)
        else { return nil }
        self.init(
            position: Position(Self.number(bytes[8..<16])), mark: Array(mark),
            schema: String(decoding: schema, as: UTF8.self), total: sum,
            rows: Self.number(bytes[16..<24]))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func part(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.count >= 4 else { return nil }
        let count = Int(number(rest.prefix(4)))
        guard rest.count - 4 >= count else { return nil }
        defer { rest = rest.dropFirst(4 + count) }
        return rest.dropFirst(4).prefix(count)
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
