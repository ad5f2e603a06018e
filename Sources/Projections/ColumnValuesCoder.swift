internal import Records

/// How lists of column values are stored: 0 when absent, else 1 and a value a column: a kind (1
/// byte) and, for kinds that have one, a text with its length (4 bytes, big-endian).
enum ColumnValuesCoder {
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

    static func append(text: some Collection<UInt8>, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(text.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text)
    }

    static func append(_ values: [ColumnValue?]?, to bytes: inout [UInt8]) {
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
        append(text: text, to: &bytes)
    }

    struct Values {
        let list: [ColumnValue?]?
    }

    /// Reads what was appended, out of bytes that may be anything.
    struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset: Int

        var isAtEnd: Bool { offset == bytes.count }

        mutating func byte() -> UInt8? {
            guard offset < bytes.count else { return nil }
            defer { offset += 1 }
            return bytes[offset]
        }

        /// 8 bytes, big-endian.
        mutating func number() -> UInt64? {
            guard offset + 8 <= bytes.count else { return nil }
            defer { offset += 8 }
            return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
        }

        mutating func varint() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while shift < 64, let byte = byte() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }

        mutating func zigzag() -> Int64? {
            varint().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
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
