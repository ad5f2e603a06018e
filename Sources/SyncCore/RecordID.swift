/// A record's identity as the API gives it: a JSON string's content, or the literal of an integer.
///
/// `1` and `"1"` are the same identity. Equality and order are those of the UTF-8 bytes, never
/// Unicode equivalence: two spellings of one letter are two identities, as they are on the server.
package struct RecordID: Hashable, Sendable, CustomStringConvertible {
    /// The longest identity, in UTF-8 bytes, that fits into every key of the store.
    package static let maximumLength = 480

    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { text }

    package static func == (left: RecordID, right: RecordID) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// How the identities of a stream are ordered; it decides what "newest" and "above" mean.
package enum IDOrder: UInt8, Sendable, CaseIterable {
    /// `0|[1-9][0-9]*`, compared by length, then by bytes.
    case numeric = 1
    /// Compared by UTF-8 bytes.
    case lexicographic = 2
    /// No order: there is no high-water mark, and the queue goes by ordinal.
    case none = 3

    /// Whether `id` can be ordered this way.
    package func admits(_ id: RecordID) -> Bool {
        switch self {
        case .lexicographic, .none: return true
        case .numeric:
            let digits = id.text.utf8
            guard let first = digits.first else { return false }
            if first == UInt8(ascii: "0") { return digits.count == 1 }
            return digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        }
    }

    /// Whether `left` comes before `right`; always false under `none`.
    package func precedes(_ left: RecordID, _ right: RecordID) -> Bool {
        switch self {
        case .none: return false
        case .lexicographic: return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
        case .numeric:
            let (leftCount, rightCount) = (left.text.utf8.count, right.text.utf8.count)
            if leftCount != rightCount { return leftCount < rightCount }
            return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
        }
    }

    /// The greater of two identities, where one may be absent; nil under `none`.
    package func greater(_ left: RecordID?, _ right: RecordID?) -> RecordID? {
        guard self != .none else { return nil }
        guard let left else { return right }
        guard let right else { return left }
        return precedes(left, right) ? right : left
    }
}
