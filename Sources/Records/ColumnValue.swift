/// What a column is declared to hold.
package enum ColumnType: String, Sendable, CaseIterable {
    case text, integer, decimal, boolean, date, datetime, json
}

/// The value of one column of one record.
package enum ColumnValue: Sendable, Equatable {
    case null
    /// Also dates and times, which keep the API's text.
    case text(String)
    /// The literal of an integer of any length, without leading zeros.
    case integer(String)
    case decimal(ExactDecimal)
    case boolean(Bool)
    /// Verbatim JSON.
    case json([UInt8])
    /// Verbatim JSON of a value that doesn't fit the column's type: kept, and flagged as such.
    case mismatch([UInt8])

    package var isMismatch: Bool {
        if case .mismatch = self { true } else { false }
    }
}

extension ColumnValue {
    /// Reads a value as `type`; JSON null is `null` for every type.
    static func read(
        _ view: JSONView, _ node: Int, as type: ColumnType, notation: ExactDecimal.Notation
    ) -> ColumnValue {
        let kind = view.kind(node)
        if kind == .null { return .null }
        if type == .json { return .json(Array(view.raw(node))) }
        let value: ColumnValue? =
            switch type {
            case .text: text(view, node)
            case .integer: integer(view, node)
            case .decimal: ExactDecimal.read(view, node, notation).map { .decimal($0) }
            case .boolean: kind == .yes ? .boolean(true) : kind == .no ? .boolean(false) : nil
            case .date: checked(view, node, DateText.isDate)
            case .datetime: checked(view, node, DateText.isDateTime)
            case .json: nil
            }
        return value ?? .mismatch(Array(view.raw(node)))
    }

    /// Scalars have an obvious text; containers and half surrogate pairs have none.
    private static func text(_ view: JSONView, _ node: Int) -> ColumnValue? {
        switch view.kind(node) {
        case .string: view.text(node).map { .text($0) }
        case .number, .yes, .no: .text(String(decoding: view.raw(node), as: UTF8.self))
        default: nil
        }
    }

    private static func integer(_ view: JSONView, _ node: Int) -> ColumnValue? {
        let literal: UnsafeBufferPointer<UInt8>
        switch view.kind(node) {
        case .number: literal = view.raw(node)
        case .string: literal = view.content(node)
        default: return nil
        }
        let digits = literal.first == UInt8(ascii: "-") ? literal.dropFirst() : literal[...]
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1,
            digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        if first == UInt8(ascii: "0") { return .integer("0") }
        return .integer(String(decoding: literal, as: UTF8.self))
    }

    private static func checked(
        _ view: JSONView, _ node: Int, _ isValid: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> ColumnValue? {
        guard view.kind(node) == .string, isValid(view.content(node)) else { return nil }
        return view.text(node).map { .text($0) }
    }
}

extension ExactDecimal {
    /// The value of a number, or of a string in the column's notation; nil for anything else.
    static func read(_ view: JSONView, _ node: Int, _ notation: Notation) -> ExactDecimal? {
        switch view.kind(node) {
        case .number: try? ExactDecimal(view.raw(node))
        case .string: try? ExactDecimal(view.content(node), notation: notation)
        default: nil
        }
    }
}
