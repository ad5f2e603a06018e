package import Projections
package import Records

/// What records are grouped by.
package enum ExpenseGrouping: Sendable, Equatable {
    /// By the day in the column of this index.
    case calendar(CalendarUnit, column: Int)
    /// By the value of the column of this index.
    case column(Int)
}

/// Which records belong together.
package enum ExpenseKey: Sendable, Hashable {
    /// The number of a calendar unit.
    case period(Int64)
    /// Texts that look the same (canonical equivalence) are one group.
    case value(String)
    /// Numbers of one value are one group, however many zeros end them.
    case number(String)
    /// The record has no value there.
    case missing
    /// What is there is no date, or doesn't fit the column's type.
    case unreadable
}

extension ExpenseKey {
    /// What stands in the column; nil for a calendar unit, and where nothing stands.
    package var text: String? {
        switch self {
        case .value(let text), .number(let text): text
        case .period, .missing, .unreadable: nil
        }
    }
}

/// What some records come to.
package struct ExpenseFigures: Sendable, Equatable {
    /// All of them, with an amount or without.
    package var records: UInt64 = 0
    /// Those that have no amount yet.
    package var withoutAmount: UInt64 = 0
    /// Those whose amount is no number.
    package var unreadable: UInt64 = 0
    /// Exact, with the most fractional digits among the amounts.
    package var total = ExactDecimal.zero

    package init() {}

    /// How many amounts are in the total.
    package var amounts: UInt64 { records - withoutAmount - unreadable }

    mutating func add(_ other: ExpenseFigures) {
        records += other.records
        withoutAmount += other.withoutAmount
        unreadable += other.unreadable
        total += other.total
    }
}

/// Adds records up in groups, one record after the other: memory grows with the groups alone.
package struct ExpenseFold: Sendable {
    package let grouping: ExpenseGrouping
    private let mapping: ColumnMapping
    private let amount: Int
    package private(set) var groups: [ExpenseKey: ExpenseFigures] = [:]

    /// - Parameter amount: the index of a decimal column.
    package init(_ mapping: ColumnMapping, _ grouping: ExpenseGrouping, amount: Int) {
        self.mapping = mapping
        self.grouping = grouping
        self.amount = amount
    }

    package mutating func take(_ view: RecordView) {
        let values = view.columns(mapping)
        var figures = ExpenseFigures()
        figures.records = 1
        switch values[amount] {
        case .decimal(let value): figures.total = value
        case .null: figures.withoutAmount = 1
        case .text, .integer, .boolean, .json, .mismatch: figures.unreadable = 1
        }
        groups[key(values), default: ExpenseFigures()].add(figures)
    }

    private func key(_ values: [ColumnValue]) -> ExpenseKey {
        switch grouping {
        case .column(let index): return Self.key(values[index])
        case .calendar(let unit, let index):
            switch values[index] {
            case .null: return .missing
            case .text(let text):
                return DateText.day(of: text.utf8).map { .period(unit.number(of: $0)) }
                    ?? .unreadable
            case .integer, .decimal, .boolean, .json, .mismatch: return .unreadable
            }
        }
    }

    /// A decimal without the zeros behind its last digit.
    private static func plain(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text[...]
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text == "-0" ? "0" : String(text)
    }

    private static func key(_ value: ColumnValue) -> ExpenseKey {
        switch value {
        case .null: .missing
        case .mismatch: .unreadable
        case .text(let text): .value(text)
        case .integer(let literal): .number(literal)
        case .decimal(let value): .number(plain(value.description))
        case .boolean(let value): .value(value ? "true" : "false")
        case .json(let bytes): .value(String(decoding: bytes, as: UTF8.self))
        }
    }
}
