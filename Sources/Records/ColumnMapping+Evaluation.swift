extension ColumnMapping {
    /// The values of all columns, in their order.
    ///
    /// - Parameters:
    ///   - header: the record as the list gave it, if it was listed.
    ///   - detail: the record as the detail call gave it, if there was one.
    /// - Throws: `notJSON` and its like when a text is damaged.
    package func evaluate(
        header: ArraySlice<UInt8>?, detail: ArraySlice<UInt8>?
    ) throws(RecordsError) -> [ColumnValue] {
        try Self.read(header) { header throws(RecordsError) in
            try Self.read(detail) { detail in
                columns.map { Self.value($0, header: header, detail: detail) }
            }
        }
    }

    private static func read<Result>(
        _ text: ArraySlice<UInt8>?, _ body: (JSONView?) throws(RecordsError) -> Result
    ) throws(RecordsError) -> Result {
        guard let text else { return try body(nil) }
        return try JSONView.read(text, body)
    }

    private static func value(
        _ column: Column, header: JSONView?, detail: JSONView?
    ) -> ColumnValue {
        switch column.origin {
        case .header: return header.flatMap { value(column, in: $0) } ?? .null
        case .detail: return detail.flatMap { value(column, in: $0) } ?? .null
        case .both:
            if let value = detail.flatMap({ value(column, in: $0) }) { return value }
            // A header's lines may be cut short: without the detail a sum or count says nothing.
            if detail == nil, case .sum = column.source { return .null }
            if detail == nil, case .count = column.source { return .null }
            return header.flatMap { value(column, in: $0) } ?? .null
        }
    }

    /// The column's value in one text; nil when the text lacks the place.
    private static func value(_ column: Column, in view: JSONView) -> ColumnValue? {
        switch column.source {
        case .value(let pointer) where pointer.hasWildcard:
            let found = pointer.findAll(in: view, from: 0)
            return found.reached ? .json(array(found.matches, view)) : nil
        case .value(let pointer):
            return pointer.find(in: view).map {
                .read(view, $0, as: column.type, notation: column.notation)
            }
        case .count(let pointer):
            let found = pointer.findAll(in: view, from: 0)
            return found.reached ? .integer(String(found.matches.count)) : nil
        case .sum(let pointer):
            let found = pointer.findAll(in: view, from: 0)
            return found.reached ? sum(found.matches, view, column.notation) : nil
        }
    }

    /// Null adds nothing; any other value that is no number spoils the sum and is shown instead.
    private static func sum(
        _ matches: [Int], _ view: JSONView, _ notation: ExactDecimal.Notation
    ) -> ColumnValue {
        var sum = ExactDecimal.zero
        for node in matches where view.kind(node) != .null {
            guard let addend = ExactDecimal.read(view, node, notation) else {
                return .mismatch(Array(view.raw(node)))
            }
            sum += addend
        }
        return .decimal(sum)
    }

    private static func array(_ matches: [Int], _ view: JSONView) -> [UInt8] {
        var bytes = [UInt8(ascii: "[")]
        for (index, node) in matches.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: view.raw(node))
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }
}
