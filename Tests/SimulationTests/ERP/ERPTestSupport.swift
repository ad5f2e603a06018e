import Simulation

/// Just enough of a JSON reader to judge what the ERP wrote, independent of how it writes.
struct JSONReader {
    indirect enum Value: Equatable {
        case object([String: Value])
        case array([Value])
        case string(String)
        /// The literal, as it stands.
        case number(String)
        case bool(Bool)
        case null

        subscript(key: String) -> Value? {
            if case .object(let members) = self { return members[key] }
            return nil
        }

        var array: [Value]? {
            if case .array(let values) = self { return values }
            return nil
        }

        var int: Int? {
            switch self {
            case .number(let literal), .string(let literal): Int(literal)
            default: nil
            }
        }

        var text: String? {
            if case .string(let text) = self { return text }
            return nil
        }

        var literal: String? {
            if case .number(let literal) = self { return literal }
            return nil
        }
    }

    struct Malformed: Error { let offset: Int }

    private let bytes: [UInt8]
    private var at = 0

    static func parse(_ bytes: [UInt8]) throws -> Value {
        var reader = JSONReader(bytes: bytes)
        let value = try reader.value()
        guard reader.at == bytes.count else { throw Malformed(offset: reader.at) }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var byte: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func take(_ text: String) throws {
        for expected in text.utf8 {
            guard byte == expected else { throw Malformed(offset: at) }
            at += 1
        }
    }

    private mutating func value() throws -> Value {
        switch byte {
        case UInt8(ascii: "{"):
            var members: [String: Value] = [:]
            try separated("{", "}") { reader in
                let key = try reader.string()
                try reader.take(":")
                members[key] = try reader.value()
            }
            return .object(members)
        case UInt8(ascii: "["):
            var values: [Value] = []
            try separated("[", "]") { reader in values.append(try reader.value()) }
            return .array(values)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try take("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try take("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try take("null")
            return .null
        default:
            let start = at
            while "-.0123456789".utf8.contains(byte) { at += 1 }
            guard at > start else { throw Malformed(offset: at) }
            return .number(String(decoding: bytes[start..<at], as: UTF8.self))
        }
    }

    private mutating func separated(
        _ open: String, _ close: String, element: (inout JSONReader) throws -> Void
    ) throws {
        try take(open)
        if byte == close.utf8.first {
            try take(close)
            return
        }
        while true {
            try element(&self)
            if byte == close.utf8.first { break }
            try take(",")
        }
        try take(close)
    }

    private mutating func string() throws -> String {
        try take("\"")
        var text: [UInt8] = []
        while byte != UInt8(ascii: "\"") {
            guard at < bytes.count, byte >= 0x20 else { throw Malformed(offset: at) }
            if byte == UInt8(ascii: "\\") {
                at += 1
                let escapes: [UInt8: UInt8] = [
                    0x22: 0x22, 0x5C: 0x5C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "t"): 0x09,
                ]
                guard let meant = escapes[byte] else { throw Malformed(offset: at) }
                text.append(meant)
            } else {
                text.append(byte)
            }
            at += 1
        }
        try take("\"")
        guard let valid = String(validating: text, as: UTF8.self) else {
            throw Malformed(offset: at)
        }
        return valid
    }
}

extension ERPReply {
    func json() throws -> JSONReader.Value { try JSONReader.parse(body) }

    /// The identities of a list or a batch, in the order of the answer.
    func ids() throws -> [Int] { try json()["data"]?.array?.compactMap { $0["id"]?.int } ?? [] }
}

extension Int64 {
    static func seconds(_ seconds: Double) -> Int64 { Int64((seconds * 1e9).rounded()) }
}
