import Records
import SyncCore

/// A condition on the state: `queue.parked > 0 and state.phase = idle`.
///
/// Comparisons, joined by `and` and `or`, of which `and` binds closer; numbers are compared
/// exactly, texts by equality. What isn't there equals `null` only, and is neither less nor more.
struct StateCondition {
    private struct Comparison {
        enum Operator: String, CaseIterable {
            case lessOrEqual = "<="
            case greaterOrEqual = ">="
            case notEqual = "!="
            case equal = "="
            case less = "<"
            case greater = ">"
        }

        let name: String
        let relation: Operator
        let value: StateValues.Value
    }

    /// One of these must hold, and of it all.
    private let alternatives: [[Comparison]]

    /// - Throws: exit 2 for what is no condition.
    init(_ text: String) throws {
        let words = try Self.words(text)
        alternatives = try words.split(separator: "or", omittingEmptySubsequences: false).map {
            try $0.split(separator: "and", omittingEmptySubsequences: false).map {
                try Self.comparison(Array($0), text)
            }
        }
    }

    /// Whether it asks for what only the projection of the records has.
    var needsTotals: Bool {
        alternatives.joined().contains { StateValues.totals.contains($0.name) }
    }

    func holds(_ state: StateValues) throws -> Bool {
        try alternatives.contains { try $0.allSatisfy { try Self.holds($0, state) } }
    }

    private static func holds(_ comparison: Comparison, _ state: StateValues) throws -> Bool {
        let value = try state.value(comparison.name)
        switch comparison.relation {
        case .equal: return isEqual(value, comparison.value)
        case .notEqual: return !isEqual(value, comparison.value)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: break
        }
        guard let left = value.number, let right = comparison.value.number else { return false }
        let difference = left - right
        return switch comparison.relation {
        case .less: difference.isNegative
        case .lessOrEqual: difference.isNegative || difference.isZero
        case .greater: !difference.isNegative && !difference.isZero
        default: !difference.isNegative
        }
    }

    private static func isEqual(_ left: StateValues.Value, _ right: StateValues.Value) -> Bool {
        if let left = left.number, let right = right.number { return (left - right).isZero }
        // A mark of digits is a text that reads like a number.
        if case .text(let left) = left, let right = right.number {
            return left == right.description
        }
        return left == right
    }

    // MARK: Reading

    /// Names, operators and values; a value in quotes is one, whatever is in it.
    private static func words(_ text: String) throws -> [String] {
        var words: [String] = []
        var rest = text[...]
        while let first = rest.first {
            if first == " " {
                rest.removeFirst()
            } else if first == "'" || first == "\"" {
                guard let end = rest.dropFirst().firstIndex(of: first) else {
                    throw failure("\(text): a quote is not closed")
                }
                // Marked, so that no word in quotes is taken for something else.
                words.append(quote + rest[rest.index(after: rest.startIndex)..<end])
                rest = rest[rest.index(after: end)...]
            } else if let sign = Comparison.Operator.allCases.first(where: {
                rest.hasPrefix($0.rawValue)
            }) {
                words.append(sign.rawValue)
                rest = rest.dropFirst(sign.rawValue.count)
                if sign == .equal, rest.hasPrefix("=") { rest.removeFirst() }
            } else {
                let word = rest.prefix { !" <>=!'\"".contains($0) }
                guard !word.isEmpty else { throw failure("\(text): \(first) is not understood") }
                words.append(String(word))
                rest = rest.dropFirst(word.count)
            }
        }
        return words
    }

    private static let quote = "'"

    private static func comparison(_ words: [String], _ text: String) throws -> Comparison {
        guard words.count == 3, let relation = Comparison.Operator(rawValue: words[1]) else {
            throw failure("\(text): not a condition")
        }
        guard StateValues.names.contains(where: { $0.name == words[0] }) else {
            throw failure("\(words[0]): a condition can't ask for that")
        }
        let value = value(words[2])
        if case .number = value {
        } else if relation != .equal, relation != .notEqual {
            throw failure("\(text): only numbers are less or more than others")
        }
        return Comparison(name: words[0], relation: relation, value: value)
    }

    private static func value(_ word: String) -> StateValues.Value {
        if word.hasPrefix(quote) { return .text(String(word.dropFirst(quote.count))) }
        if word == "null" { return .none }
        if let number = try? ExactDecimal(word) { return .number(number) }
        return .text(word)
    }

    private static func failure(_ message: String) -> CommandFailure {
        CommandFailure(
            ExitCode.usage, message,
            hint: "write for example 'queue.parked > 0 and state.phase = idle'; known: "
                + StateValues.names.map(\.name).joined(separator: ", "))
    }
}

extension StateValues.Value {
    fileprivate var number: ExactDecimal? {
        switch self {
        case .number(let number), .decimal(let number): number
        case .text, .none: nil
        }
    }
}
