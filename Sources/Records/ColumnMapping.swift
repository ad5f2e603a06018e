/// How the columns of a table are taken from a record's header and detail.
package struct ColumnMapping: Sendable, Equatable {
    /// Where a column's value comes from.
    package enum Source: Sendable, Equatable {
        case value(JSONPointer)
        /// The exact sum of every match; its type is `decimal`.
        case sum(JSONPointer)
        /// The number of matches; its type is `integer`.
        case count(JSONPointer)

        package var pointer: JSONPointer {
            switch self {
            case .value(let pointer), .sum(let pointer), .count(let pointer): pointer
            }
        }
    }

    package enum Origin: String, Sendable, CaseIterable {
        case header, detail
        /// The detail, and the header where the detail is absent or lacks the place.
        case both
    }

    package struct Column: Sendable, Equatable {
        package let name: String
        package let source: Source
        package let type: ColumnType
        package let origin: Origin
        /// How decimals inside of strings are written.
        package let notation: ExactDecimal.Notation

        package init(
            name: String, source: Source, type: ColumnType, origin: Origin = .both,
            notation: ExactDecimal.Notation = .point
        ) {
            self.name = name
            self.source = source
            self.type = type
            self.origin = origin
            self.notation = notation
        }
    }

    /// In the order of their declaration, which is that of every table and file.
    package let columns: [Column]

    /// - Throws: `badMapping` with the first thing that contradicts itself.
    package init(_ columns: [Column]) throws(RecordsError) {
        for (index, column) in columns.enumerated() {
            if let problem = Self.problem(column) {
                throw RecordsError(.badMapping, "column '\(column.name)' \(problem)")
            }
            if columns[..<index].contains(where: { $0.name == column.name }) {
                throw RecordsError(.badMapping, "two columns are named '\(column.name)'")
            }
        }
        self.columns = columns
    }

    private static func problem(_ column: Column) -> String? {
        let name = Array(column.name.utf8)
        let isName = name.allSatisfy {
            $0 == UInt8(ascii: "_") || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
                || ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
        }
        guard isName, let first = name.first, first > UInt8(ascii: "9"), name.count <= 63 else {
            return "needs a name of letters, digits and '_' (at most 63, not a digit first)"
        }
        switch column.source {
        case .value(let pointer):
            guard !pointer.hasWildcard || column.type == .json else {
                return "finds many values at \(pointer): use 'sum' or 'count', or 'type: json'"
            }
        case .sum:
            guard column.type == .decimal else { return "is a sum: its type must be decimal" }
        case .count(let pointer):
            guard column.type == .integer else { return "is a count: its type must be integer" }
            guard pointer.hasWildcard else {
                return "counts at \(pointer): name the elements by '*', as in /expenses/*"
            }
        }
        return nil
    }

    /// The mapping as a text, the same whenever the mapping is: its hash is part of a schema.
    package var signature: String {
        var text = "columns 1\n"
        for column in columns {
            let source =
                switch column.source {
                case .value: "value"
                case .sum: "sum"
                case .count: "count"
                }
            let pointer = column.source.pointer.text
            text += "\(column.name) \(column.type.rawValue) \(column.origin.rawValue) "
            text += "\(column.notation.rawValue) \(source) \(pointer.utf8.count):\(pointer)\n"
        }
        return text
    }
}
