/// Named numbers as bars that lie below each other, to be drawn on a terminal or as SVG.
package struct BarChart: Sendable {
    package enum Row: Sendable {
        /// `text` is the value as it is written beside the bar.
        case bar(label: String, value: PlotValue, text: String)
        /// Nothing is there, for example for some days.
        case gap(String)
    }

    package let title: String
    package let rows: [Row]

    /// - Parameter rows: with texts free of control characters.
    package init(title: String, rows: [Row]) {
        self.title = title
        self.rows = rows
    }

    package var values: [PlotValue] {
        rows.compactMap { if case .bar(_, let value, _) = $0 { value } else { nil } }
    }
}

/// How often something happened in stretches of time of the same length.
package struct ColumnChart: Sendable {
    package struct Column: Sendable {
        let count: UInt64
        /// Those of `count` that are marked.
        let marked: UInt64

        package init(count: UInt64, marked: UInt64) {
            self.count = count
            self.marked = marked
        }
    }

    package let title: String
    /// What the marked ones are, for the legend.
    package let markedName: String
    /// When the first column begins and the last one ends, as it is written.
    package let first: String
    package let last: String
    package let columns: [Column]

    package init(
        title: String, markedName: String, first: String, last: String, columns: [Column]
    ) {
        self.title = title
        self.markedName = markedName
        self.first = first
        self.last = last
        self.columns = columns
    }
}
