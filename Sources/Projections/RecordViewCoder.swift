internal import EventLog
internal import Records
internal import SyncCore

/// How a row of a record projection is stored: a checksum (4 bytes, big-endian), the length of the
/// core row (the same), the core row, then the values of the header and those of the detail.
///
/// The checksum is the low half of an XXH3-64 over all that follows it, with the ordinal as seed.
/// The core row in it is coded as one of no stream.
///
/// A list of values is 0 when absent, else 1 and a value a column: a kind (1 byte) and, for kinds
/// that have one, a text with its length (4 bytes, big-endian).
enum RecordViewCoder {
    private enum Kind: UInt8 {
        case absent = 0
        case null = 1
        case text = 2
        case integer = 3
        case decimal = 4
        case yes = 5
        case no = 6
        case json = 7
        case mismatch = 8
    }

    static func encode(_ view: RecordView) -> [UInt8] {
        let core = RecordRowCoder.encode(view.core, of: .none)
        var bytes = [UInt8](repeating: 0, count: checksumBytes)
        bytes.reserveCapacity(core.count + 128)
        append(core, to: &bytes)
        append(view.fromHeader, to: &bytes)
        append(view.fromDetail, to: &bytes)
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

    private static func append(_ text: some Collection<UInt8>, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(text.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text)
    }

    private static func append(_ values: [ColumnValue?]?, to bytes: inout [UInt8]) {
        bytes.append(values == nil ? 0 : 1)
        for value in values ?? [] {
            switch value {
            case nil: bytes.append(Kind.absent.rawValue)
            case .null: bytes.append(Kind.null.rawValue)
            case .boolean(let value): bytes.append((value ? Kind.yes : .no).rawValue)
            case .text(let text): append(.text, text.utf8, to: &bytes)
            case .integer(let text): append(.integer, text.utf8, to: &bytes)
            case .decimal(let value): append(.decimal, value.description.utf8, to: &bytes)
            case .json(let text): append(.json, text, to: &bytes)
            case .mismatch(let text): append(.mismatch, text, to: &bytes)
            }
        }
    }

    private static func append(
        _ kind: Kind, _ text: some Collection<UInt8>, to bytes: inout [UInt8]
    ) {
        bytes.append(kind.rawValue)
        append(text, to: &bytes)
    }

    /// - Returns: nil when the bytes are not what `encode` writes for so many columns.
    static func decode(
        _ ordinal: Ordinal, _ bytes: UnsafeRawBufferPointer, columns: Int
    ) -> RecordView? {
        guard bytes.count >= checksumBytes,
            UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) == checksum(bytes, ordinal)
        else { return nil }
        var reader = Reader(bytes: bytes, offset: checksumBytes)
        guard let core = reader.text() else { return nil }
        let row = try? core.withUnsafeBytes { (raw) throws(EventCodingError) in
            try RecordRowCoder.decode(.none, ordinal, raw)
        }
        guard let row, let header = reader.values(columns), let detail = reader.values(columns),
            reader.isAtEnd
        else { return nil }
        return RecordView(core: row, fromHeader: header.list, fromDetail: detail.list)
    }

    private struct Values {
        let list: [ColumnValue?]?
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset: Int

        var isAtEnd: Bool { offset == bytes.count }

        mutating func byte() -> UInt8? {
            guard offset < bytes.count else { return nil }
            defer { offset += 1 }
            return bytes[offset]
        }

        mutating func text() -> [UInt8]? {
            guard offset + 4 <= bytes.count else { return nil }
            let count = Int(
                bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian)
            guard offset + 4 + count <= bytes.count else { return nil }
            defer { offset += 4 + count }
            return Array(bytes[(offset + 4)..<(offset + 4 + count)])
        }

        mutating func string() -> String? {
            text().map { String(decoding: $0, as: UTF8.self) }
        }

        mutating func values(_ columns: Int) -> Values? {
            switch byte() {
            case 0: return Values(list: nil)
            case 1: break
            default: return nil
            }
            var list: [ColumnValue?] = []
            for _ in 0..<columns {
                guard let kind = byte().flatMap({ Kind(rawValue: $0) }) else { return nil }
                if kind == .absent {
                    list.append(nil)
                    continue
                }
                guard let value = value(kind) else { return nil }
                list.append(value)
            }
            return Values(list: list)
        }

        private mutating func value(_ kind: Kind) -> ColumnValue? {
            switch kind {
            case .absent: nil
            case .null: .null
            case .yes: .boolean(true)
            case .no: .boolean(false)
            case .text: string().map { .text($0) }
            case .integer: string().map { .integer($0) }
            case .decimal:
                text().flatMap { try? ExactDecimal(written: $0) }.map { .decimal($0) }
            case .json: text().map { .json($0) }
            case .mismatch: text().map { .mismatch($0) }
            }
        }
    }
}
