package import Records

/// Groups of records with their totals, in order, and at two points where they are compared.
package struct ExpenseReport: Sendable {
    /// One line: a group, or some of them together.
    package struct Row: Sendable {
        /// Nil for a line that holds several groups.
        package let key: ExpenseKey?
        /// How many groups it is the sum of.
        package private(set) var groups: UInt64 = 1
        package private(set) var figures: ExpenseFigures
        /// At the earlier point; nil when nothing is compared.
        package private(set) var before: ExpenseFigures?

        /// What was added since the earlier point.
        package var difference: ExactDecimal? { before.map { figures.total - $0.total } }

        fileprivate init(_ key: ExpenseKey, _ figures: ExpenseFigures, _ before: ExpenseFigures?) {
            self.key = key
            self.figures = figures
            self.before = before
        }

        fileprivate init(sumOf rows: some Collection<Row>, isCompared: Bool) {
            key = nil
            groups = UInt64(rows.count)
            var (now, earlier) = (ExpenseFigures(), ExpenseFigures())
            for row in rows {
                now.add(row.figures)
                if let before = row.before { earlier.add(before) }
            }
            figures = now
            before = isCompared ? earlier : nil
        }
    }

    package let grouping: ExpenseGrouping
    package let isCompared: Bool
    /// Calendar units in their order; values from the greatest total down, or the greatest
    /// difference where points are compared.
    package let rows: [Row]
    /// The groups that are too many to be told one by one; nil when there are none.
    package let rest: Row?
    /// Records without a value to group them by, and those whose value can't be read.
    package let leftOver: [Row]
    /// All of these together.
    package let total: Row

    /// - Parameters:
    ///   - before: the same records at an earlier point, to be compared.
    ///   - most: so many rows are told one by one: the latest calendar units, or the greatest
    ///     groups.
    package init(_ fold: ExpenseFold, before: ExpenseFold? = nil, atMost most: Int = .max) {
        grouping = fold.grouping
        isCompared = before != nil
        var all: [Row] = fold.groups.map { key, figures in
            Row(key, figures, before.map { $0.groups[key] ?? ExpenseFigures() })
        }
        for (key, figures) in before?.groups ?? [:] where fold.groups[key] == nil {
            all.append(Row(key, ExpenseFigures(), figures))
        }
        total = Row(sumOf: all, isCompared: isCompared)
        let strays: [ExpenseKey] = [.missing, .unreadable]
        leftOver = strays.compactMap { key in all.first { $0.key == key } }
        let named = all.filter { row in row.key.map { !strays.contains($0) } ?? false }
        switch grouping {
        case .calendar:
            let sorted = named.sorted { Self.period($0) < Self.period($1) }
            rows = Array(sorted.suffix(most))
            rest = Self.rest(sorted.dropLast(rows.count), isCompared)
        case .column:
            let sorted = named.map { (row: $0, weight: Self.weight($0)) }.sorted(by: Self.precedes)
                .map(\.row)
            rows = Array(sorted.prefix(most))
            rest = Self.rest(sorted.dropFirst(rows.count), isCompared)
        }
    }

    private static func rest(_ rows: ArraySlice<Row>, _ isCompared: Bool) -> Row? {
        rows.isEmpty ? nil : Row(sumOf: rows, isCompared: isCompared)
    }

    package static func period(_ row: Row) -> Int64 {
        if case .period(let number) = row.key { number } else { .min }
    }

    private static func weight(_ row: Row) -> ExactDecimal {
        guard let difference = row.difference else { return row.figures.total }
        return difference.isNegative ? -difference : difference
    }

    private static func precedes(
        _ left: (row: Row, weight: ExactDecimal), _ right: (row: Row, weight: ExactDecimal)
    ) -> Bool {
        let margin = left.weight - right.weight
        if !margin.isZero { return !margin.isNegative }
        guard let first = left.row.key?.text, let second = right.row.key?.text else { return false }
        return first.utf8.lexicographicallyPrecedes(second.utf8)
    }

    /// The fractional digits that show every amount of the report whole.
    package var scale: Int {
        ((rows + leftOver + [total]).flatMap { [$0.figures.total, $0.before?.total] })
            .compactMap { $0?.scale }.max() ?? 0
    }
}
