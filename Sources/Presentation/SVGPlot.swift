/// Draws plots as SVG 1.1 that needs nothing else: the same plot is always the same bytes.
package enum SVGPlot {
    private static let font = "font-family=\"system-ui, sans-serif\" font-size=\"12\""
    /// What a text takes of this font at the most, in pixels.
    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar {
            case "W", "M", "m", "w", "@", "%": sum + 12
            case "A"..."Z": sum + 10
            case "\u{20}"..."\u{7E}": sum + 7
            default: sum + 12
            }
        }
    }
    /// A longer label is cut; the whole of it is shown where it is pointed at.
    private static let widestLabel = 40
    private static let ink = "#1b1f24"
    private static let grid = "#d0d7de"
    private static let rise = "#2f6feb"
    private static let fall = "#cf222e"

    // MARK: Bars

    /// Bars that lie below each other: labels at the left, values beside the bars, an axis above.
    package static func document(_ chart: BarChart) -> String {
        let scale = PlotScale(chart.values)
        let (top, rowHeight, room) = (64, 20, 560.0)
        // As wide as the texts beside the bars may be.
        var (left, right) = (80, 80)
        for case .bar(let label, _, let shown) in chart.rows {
            left = max(left, self.width(cut(label)) + 24)
            right = max(right, self.width(shown) + 24)
        }
        let width = left + Int(room) + right
        let height = top + chart.rows.count * rowHeight + 16
        func x(_ place: Double) -> String { number(Double(left) + place * room) }
        var body = title(chart.title)
        // A line for each, and a text where the one before leaves room for it.
        var free = -Double.infinity
        for tick in scale.ticks {
            body += line(x(tick.place), "\(top - 6)", x(tick.place), "\(height - 10)")
            let half = Double(self.width(tick.text)) / 2
            guard tick.place * room - half >= free else { continue }
            free = tick.place * room + half + 8
            body += text(tick.text, x(tick.place), "\(top - 12)", anchor: "middle")
        }
        for (index, row) in chart.rows.enumerated() {
            let y = top + index * rowHeight
            let baseline = "\(y + 14)"
            switch row {
            case .gap(let words):
                body += text(words, "\(left + 6)", baseline, anchor: "start", isFaint: true)
            case .bar(let label, let value, let shown):
                let (from, to) = (scale.zero, scale.place(value))
                let fill = value.isNegative ? fall : rise
                body +=
                    "<rect x=\"\(x(min(from, to)))\" y=\"\(y + 3)\" "
                    + "width=\"\(number(abs(to - from) * room))\" height=\"\(rowHeight - 6)\" "
                    + "fill=\"\(fill)\"/>\n"
                body += text(cut(label), "\(left - 8)", baseline, anchor: "end", whole: label)
                body += text(
                    shown, number(Double(left) + max(from, to) * room + 6), baseline,
                    anchor: "start")
            }
        }
        body += line(x(scale.zero), "\(top - 6)", x(scale.zero), "\(height - 10)", color: ink)
        return document(width, height, body)
    }

    private static func cut(_ label: String) -> String {
        TextWidth.columns(label) <= widestLabel
            ? label : TextWidth.fitted(label, to: widestLabel, isUnicode: true)
    }

    // MARK: Columns

    /// Columns beside each other, the marked part of each in another colour at its foot.
    package static func document(_ chart: ColumnChart) -> String {
        let (right, top, bottom, width, height) = (20, 64, 40, 900, 360)
        let scale = PlotScale(chart.columns.map { PlotValue($0.count) })
        let left = max(70, (scale.ticks.map { self.width($0.text) }.max() ?? 0) + 16)
        let (roomX, roomY) = (Double(width - left - right), Double(height - top - bottom))
        func y(_ place: Double) -> Double { Double(top) + (1 - place) * roomY }
        var body = title(chart.title)
        for tick in scale.ticks {
            let place = number(y(tick.place))
            body += line("\(left)", place, "\(width - right)", place)
            body += text(tick.text, "\(left - 8)", number(y(tick.place) + 4), anchor: "end")
        }
        let step = roomX / Double(max(chart.columns.count, 1))
        for (index, column) in chart.columns.enumerated() {
            for (count, fill) in [(column.count, rise), (column.marked, fall)] where count > 0 {
                let top = y(scale.place(PlotValue(count)))
                body +=
                    "<rect x=\"\(number(Double(left) + Double(index) * step))\" "
                    + "y=\"\(number(top))\" width=\"\(number(max(step - 0.5, 0.5)))\" "
                    + "height=\"\(number(y(0) - top))\" fill=\"\(fill)\"/>\n"
            }
        }
        body += line("\(left)", number(y(0)), "\(width - right)", number(y(0)), color: ink)
        body += text(chart.first, "\(left)", "\(height - bottom + 18)", anchor: "start")
        body += text(chart.last, "\(width - right)", "\(height - bottom + 18)", anchor: "end")
        body +=
            "<rect x=\"\(left)\" y=\"38\" width=\"10\" height=\"10\" fill=\"\(fall)\"/>\n"
        body += text(chart.markedName, "\(left + 16)", "47", anchor: "start")
        return document(width, height, body)
    }

    // MARK: Parts

    private static func document(_ width: Int, _ height: Int, _ body: String) -> String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
            + "viewBox=\"0 0 \(width) \(height)\" \(font) fill=\"\(ink)\">\n"
            + "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>\n"
            + body + "</svg>\n"
    }

    private static func title(_ words: String) -> String {
        "<title>\(escaped(words))</title>\n"
            + "<text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"bold\">\(escaped(words))"
            + "</text>\n"
    }

    /// - Parameter whole: what is told of a text that was cut.
    private static func text(
        _ words: String, _ x: String, _ y: String, anchor: String, isFaint: Bool = false,
        whole: String? = nil
    ) -> String {
        let tip = whole.map { $0 == words ? "" : "<title>\(escaped($0))</title>" } ?? ""
        return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\""
            + (isFaint ? " fill=\"#57606a\"" : "") + ">\(tip)\(escaped(words))</text>\n"
    }

    private static func line(
        _ x1: String, _ y1: String, _ x2: String, _ y2: String, color: String = grid
    ) -> String {
        "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"\(color)\"/>\n"
    }

    /// With two decimals, whatever the locale.
    private static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// The text as XML has it, without the characters that XML can't have.
    static func escaped(_ words: String) -> String {
        var result = ""
        for scalar in words.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
