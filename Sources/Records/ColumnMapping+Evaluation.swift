extension ColumnMapping {
    /// Which of a record's two texts is looked at.
    package enum Part: Sendable {
        case header, detail
    }

    /// The values that one text gives, in the order of the columns; nil where it lacks the place,
    /// or where the column takes nothing from that text.
    ///
    /// - Throws: `notJSON` and its like when the text is damaged.
    package func values(
        of text: ArraySlice<UInt8>, _ part: Part
    ) throws(RecordsError) -> [ColumnValue?] {
        try JSONView.read(text) { view in
            columns.map { column in
                column.takes(part) ? Self.value(column, in: view) : nil
            }
        }
    }

    /// The values of all columns, from what the two texts gave.
    ///
    /// - Parameters:
    ///   - header: those of the record as it was listed, if it was.
    ///   - detail: those of the record as the detail call gave it, if it did.
    package func combine(
        header: [ColumnValue?]?, detail: [ColumnValue?]?
    ) -> [ColumnValue] {
        columns.indices.map { index in
            if let value = detail?[index] { return value }
            // A header's lines may be cut short: without the detail a sum or count says nothing.
            if detail == nil, columns[index].origin == .both, columns[index].isAggregate {
                return .null
            }
            return header?[index] ?? .null
        }
    }

    /// The values of all columns, in their order.
    ///
    /// - Parameters:
    ///   - header: the record as the list gave it, if it was listed.
    ///   - detail: the record as the detail call gave it, if there was one.
    /// - Throws: `notJSON` and its like when a text is damaged.
    package func evaluate(
        header: ArraySlice<UInt8>?, detail: ArraySlice<UInt8>?
    ) throws(RecordsError) -> [ColumnValue] {
        let fromHeader = try header.map { text throws(RecordsError) in
            try values(of: text, .header)
        }
        let fromDetail = try detail.map { text throws(RecordsError) in
            try values(of: text, .detail)
        }
        return combine(header: fromHeader, detail: fromDetail)
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

extension ColumnMapping.Column {
    fileprivate func takes(_ part: ColumnMapping.Part) -> Bool {
        switch (origin, part) {
        case (.both, _), (.header, .header), (.detail, .detail): true
        case (.header, .detail), (.detail, .header): false
        }
    }

    fileprivate var isAggregate: Bool {
        switch source {
        case .value: false
        case .sum, .count: true
        }
    }
}
