/// Draws plots as lines of text that fit a terminal.
package struct TerminalPlot: Sendable {
    /// The terminal's columns.
    package let width: Int
    /// Whether block characters may be used, and not ASCII alone.
    package let isUnicode: Bool

    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
    private static let heights: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    private static let plainHeights: [Character] = ["_", ".", ":", "-", "=", "+", "*", "#"]

    package init(width: Int, isUnicode: Bool) {
        self.width = width
        self.isUnicode = isUnicode
    }

    // MARK: Bars

    /// The title, and a line a row: label, bar, value.
    package func lines(_ chart: BarChart) -> [String] {
        let scale = PlotScale(chart.values)
        var (labelWidth, textWidth) = (0, 0)
        for case .bar(let label, _, let text) in chart.rows {
            labelWidth = max(labelWidth, TextWidth.columns(label))
            textWidth = max(textWidth, TextWidth.columns(text))
        }
        labelWidth = min(labelWidth, max(width / 3, 4))
        let room = max(width - labelWidth - textWidth - 2, 4)
        return [TextWidth.fitted(chart.title, to: width, isUnicode: isUnicode).withoutEndSpaces]
            + chart.rows.map { row in
                switch row {
                case .gap(let text):
                    let mark = isUnicode ? "⋮" : ":"
                    return TextWidth.fitted("\(mark) \(text)", to: width, isUnicode: isUnicode)
                        .withoutEndSpaces
                case .bar(let label, let value, let text):
                    return TextWidth.fitted(label, to: labelWidth, isUnicode: isUnicode) + " "
                        + bar(value, scale, room) + " " + TextWidth.aligned(text, to: textWidth)
                }
            }
    }

    /// A bar from zero to the value, in `room` columns.
    private func bar(_ value: PlotValue, _ scale: PlotScale, _ room: Int) -> String {
        // Each side that has values has a column at least: what lies at the left is negative.
        let zero = min(
            max(Int((scale.zero * Double(room)).rounded()), scale.zero > 0 ? 1 : 0),
            scale.zero < 1 ? room - 1 : room)
        if value.isNegative {
            let length = Int(((scale.zero - scale.place(value)) * Double(room)).rounded())
            let shown = min(max(length, 1), zero)
            let bar = String(repeating: isUnicode ? "█" : "#", count: shown)
            return TextWidth.spaces(zero - shown) + bar + TextWidth.spaces(room - zero)
        }
        let length = (scale.place(value) - scale.zero) * Double(room)
        let bar = isUnicode ? blocks(length) : String(repeating: "#", count: plain(length))
        let shown = value == .zero ? "" : String(bar.prefix(room - zero))
        return TextWidth.spaces(zero) + shown
            + TextWidth.spaces(room - zero - shown.count)
    }

    private func plain(_ length: Double) -> Int { max(Int(length.rounded()), 1) }

    /// What isn't zero is seen, however small.
    private func blocks(_ length: Double) -> String {
        let eighths = max(Int((length * 8).rounded()), 1)
        var bar = String(repeating: "█", count: eighths / 8)
        if eighths % 8 > 0 { bar.append(Self.eighths[eighths % 8 - 1]) }
        return bar
    }

    // MARK: Columns

    /// Counts as columns that stand beside each other, at most `room` of them and `height` lines
    /// high: neighbours are added up where there are more.
    ///
    /// - Returns: the lines from the top on, and what the highest column stands for.
    package func columns(
        counts: [UInt64], room: Int, height: Int
    ) -> (lines: [String], most: UInt64) {
        let sums = merged(counts, room: room)
        let most = sums.max() ?? 0
        let steps = isUnicode ? Self.heights.count : 1
        // What isn't zero is seen, however small.
        let heights = sums.map { sum in
            Int((Double(sum) / Double(max(most, 1)) * Double(height * steps)).rounded(.up))
        }
        let lines = (0..<max(height, 0)).reversed().map { level in
            String(
                heights.map { total -> Character in
                    let here = min(total - level * steps, steps)
                    guard here > 0 else { return " " }
                    return isUnicode ? Self.heights[here - 1] : "#"
                })
        }
        return (lines, most)
    }

    private func merged(_ counts: [UInt64], room: Int) -> [UInt64] {
        let each = max((counts.count + room - 1) / max(room, 1), 1)
        return stride(from: 0, to: counts.count, by: each).map { start in
            counts[start..<min(start + each, counts.count)].reduce(0, +)
        }
    }

    // MARK: Sparklines

    /// Values as characters of a height, one each: 0 is the lowest one, and nothing else is as low.
    package func sparkline(_ values: [PlotValue]) -> String {
        let heights = isUnicode ? Self.heights : Self.plainHeights
        let scale = PlotScale(values)
        let steps = Double(heights.count - 1)
        return String(
            values.map { value in
                if value == .zero, scale.zero == 0 { return heights[0] }
                // Less what rounding adds to a whole step.
                let step = Int((scale.place(value) * steps - 1e-9).rounded(.up))
                return heights[min(max(step, scale.zero == 0 ? 1 : 0), heights.count - 1)]
            })
    }

    /// Counts as a sparkline of at most `room` characters: neighbours are added up where there are
    /// more.
    package func sparkline(counts: [UInt64], room: Int) -> String {
        sparkline(merged(counts, room: room).map { PlotValue($0) })
    }
}

extension String {
    fileprivate var withoutEndSpaces: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
