/// What many records have in common: their texts without the values that are a record's own, or a
/// customer's.
///
/// A dictionary outlives the records that it was made of, so what is someone's own may not be in
/// it: records that are redacted later must be gone from there too.
struct CommonTokens {
    /// A name or value stays when so many records have it: a twentieth of them, and fifty. A status
    /// or a city has that many, a person hasn't.
    private let fewest: Int

    private static let least = 50
    private static let share = 20

    /// By a token's hash, how many texts have it.
    private var records: [UInt64: Int] = [:]

    /// - Parameter texts: one a record.
    init(of texts: [ArraySlice<UInt8>]) {
        fewest = max(Self.least, texts.count / Self.share)
        for text in texts {
            var seen: Set<UInt64> = []
            Self.forEachToken(text) { token, _ in
                let hash = Checksum.of(token, seed: 0)
                if seen.insert(hash).inserted { records[hash, default: 0] += 1 }
            }
        }
    }

    /// A text without what fewer records have: of a string its quotes stay, of a number nothing.
    func common(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var common: [UInt8] = []
        common.reserveCapacity(text.count)
        Self.forEachToken(text) { token, isString in
            if records[Checksum.of(token, seed: 0), default: 0] >= fewest {
                common.append(contentsOf: token)
            } else if isString {
                common.append(contentsOf: Array("\"\"".utf8))
            }
        }
        return common
    }

    /// Calls `body` with each token of a JSON text: a string with its quotes, a literal, a
    /// character between them.
    private static func forEachToken(
        _ text: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer, _ isString: Bool) -> Void
    ) {
        text.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                let end = end(of: bytes, from: start)
                body(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<end]),
                    bytes[start] == UInt8(ascii: "\""))
                start = end
            }
        }
    }

    private static func end(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start + 1
        if bytes[start] == UInt8(ascii: "\"") {
            while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
            }
            return min(at + 1, bytes.count)
        }
        guard !isBetween(bytes[start]) else { return at }
        while at < bytes.count, !isBetween(bytes[at]), bytes[at] != UInt8(ascii: "\"") { at += 1 }
        return at
    }

    private static func isBetween(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
            true
        default: false
        }
    }
}
