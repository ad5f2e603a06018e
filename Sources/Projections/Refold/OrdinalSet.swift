internal import SyncCore

/// Which of the records of a stream are meant: one bit each.
struct OrdinalSet {
    private var words: [UInt64]

    /// - Parameter count: how many records there are; only these may be in it.
    init(count: UInt32) { words = Array(repeating: 0, count: Int(count / 64) + 1) }

    mutating func insert(_ ordinal: Ordinal) { words[Self.word(ordinal)] |= Self.bit(ordinal) }

    mutating func remove(_ ordinal: Ordinal) { words[Self.word(ordinal)] &= ~Self.bit(ordinal) }

    /// Empties it.
    ///
    /// - Returns: what it had, in its order.
    mutating func removeAll() -> [Ordinal] {
        var found: [Ordinal] = []
        for index in words.indices where words[index] != 0 {
            while words[index] != 0 {
                found.append(Ordinal(UInt32(index * 64 + words[index].trailingZeroBitCount)))
                words[index] &= words[index] - 1
            }
        }
        return found
    }

    private static func word(_ ordinal: Ordinal) -> Int { Int(ordinal.rawValue / 64) }

    private static func bit(_ ordinal: Ordinal) -> UInt64 { 1 << UInt64(ordinal.rawValue % 64) }
}
