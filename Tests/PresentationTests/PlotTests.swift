import Foundation
import FoundationXML
import Presentation
import Records
import Testing

@Suite struct PlotTests {
    private func bar(_ label: String, _ text: String) throws -> BarChart.Row {
        .bar(label: label, value: PlotValue(try ExactDecimal(text)), text: text)
    }

    @Test func barsAreAsLongAsTheirValues() throws {
        let chart = BarChart(
            title: "sums",
            rows: [try bar("a", "10"), try bar("bb", "5.0"), try bar("c", "0"), .gap("2 days")])
        let plain = TerminalPlot(width: 27, isUnicode: false).lines(chart)
        #expect(
            plain == [
                "sums", "a  ####################  10", "bb ##########           5.0",
                "c                         0", ": 2 days",
            ])
        for width in [20, 28, 79, 200] {
            for isUnicode in [false, true] {
                let plot = TerminalPlot(width: width, isUnicode: isUnicode)
                for line in plot.lines(chart) { #expect(line.count <= width) }
            }
        }
    }

    @Test func negativeBarsLieAtTheOtherSideOfZero() throws {
        let chart = BarChart(title: "", rows: [try bar("a", "-30"), try bar("b", "10")])
        let lines = TerminalPlot(width: 50, isUnicode: false).lines(chart)
        let ends = try lines[1...].map { line in
            (
                first: try #require(line.firstIndex(of: "#")),
                last: try #require(line.lastIndex(of: "#"))
            )
        }
        #expect(ends[0].last < ends[1].first)
        #expect(lines[1].filter { $0 == "#" }.count == 3 * lines[2].filter { $0 == "#" }.count)
    }

    @Test func theSmallestNegativeBarLiesLeftOfEveryPositiveOne() throws {
        for (low, high) in [("-0.01", "1000"), ("-1000", "0.01")] {
            let chart = BarChart(title: "", rows: [try bar("a", low), try bar("b", high)])
            for isUnicode in [false, true] {
                let plot = TerminalPlot(width: 40, isUnicode: isUnicode)
                let lines = plot.lines(chart).dropFirst().map { Array($0) }
                let ends = lines.map { line in
                    line.indices.filter { !" ab.-01".contains(line[$0]) }
                }
                let (negative, positive) = (try #require(ends[0].last), try #require(ends[1].first))
                #expect(negative < positive)
                #expect(lines.allSatisfy { $0.count <= 40 })
            }
        }
    }

    @Test func axesOfLargeNumbersKeepTheirTextsApart() throws {
        let chart = BarChart(title: "", rows: [try bar("a", "9900000000000")])
        let texts = try SVGPlot.document(chart).matches(
            of: Regex(#"<text x="([0-9.]+)" y="52" text-anchor="middle">([0-9e]+)</text>"#)
        ).map { match in
            (
                x: try #require(Double(match.output[1].substring ?? "")),
                text: try #require(match.output[2].substring)
            )
        }
        #expect(texts.count >= 3)
        for (left, right) in zip(texts, texts.dropFirst()) {
            #expect(right.x - left.x > Double(left.text.count + right.text.count) / 2 * 7)
        }
    }

    @Test func aLabelOfCapitalsHasRoom() throws {
        let label = String(repeating: "W", count: 30)
        let text = SVGPlot.document(BarChart(title: "", rows: [try bar(label, "1")]))
        let match = try #require(
            try Regex(#"<text x="(\d+)" y="78" text-anchor="end">W"#)
                .firstMatch(in: text))
        // A W is at most 12 of the font's 12 pixels wide.
        #expect(try #require(Int(match.output[1].substring ?? "")) >= 30 * 12)
    }

    @Test func whatIsTooSmallIsSeen() throws {
        let chart = BarChart(
            title: "", rows: [try bar("a", "0.01"), try bar("b", "1e30"), try bar("c", "-1")])
        let lines = TerminalPlot(width: 60, isUnicode: true).lines(chart)
        #expect(lines[1].contains("▏"))
        #expect(lines[3].contains("█"))
    }

    @Test func numbersThatNoDoubleHoldsAreDrawn() throws {
        let huge = "1" + String(repeating: "0", count: 400)
        let chart = BarChart(
            title: "",
            rows: [
                .bar(label: "a", value: PlotValue(try ExactDecimal(huge)), text: "a lot"),
                .bar(label: "b", value: PlotValue(try ExactDecimal(huge + "0")), text: "more"),
            ])
        let lines = TerminalPlot(width: 70, isUnicode: false).lines(chart)
        let counts = lines.map { $0.filter { $0 == "#" }.count }
        #expect(counts[1] >= 5 && counts[1] <= 7 && counts[2] >= 60)
        #expect(!SVGPlot.document(chart).contains("nan"))
    }

    @Test func wideCharactersTakeTwoColumns() throws {
        #expect(TextWidth.columns("日本e\u{301}👩‍🚒") == 7)
        #expect(TextWidth.fitted("日本語", to: 5, isUnicode: true) == "日本…")
        #expect(TextWidth.fitted("日本語", to: 4, isUnicode: false) == "日~ ")
        let table = TextTable(
            [TextTable.Column("name", .left), TextTable.Column("sum")],
            [["日本", "1.00"], ["abcd", "10.00"]])
        #expect(
            table.lines(isUnicode: true) == ["name    sum", "日本   1.00", "abcd  10.00"])
    }

    @Test func aSparklineRises() {
        let plot = TerminalPlot(width: 80, isUnicode: true)
        #expect(plot.sparkline([0, 1, 4, 7].map { PlotValue($0) }) == "▁▂▅█")
        let plain = TerminalPlot(width: 80, isUnicode: false)
        #expect(plain.sparkline([0, 1, 4, 7].map { PlotValue($0) }) == "_.=#")
        #expect(plain.sparkline(counts: [1, 1, 1, 1, 7, 7], room: 3) == "..#")
        #expect(plain.sparkline([]) == "")
        #expect(plain.sparkline([0, 0].map { PlotValue($0) }) == "__")
    }

    @Test func columnsStandBesideEachOther() {
        let plot = TerminalPlot(width: 80, isUnicode: true)
        let (lines, most) = plot.columns(counts: [0, 1, 8, 16], room: 4, height: 2)
        #expect(lines == ["   █", " ▁██"] && most == 16)
        let plain = TerminalPlot(width: 80, isUnicode: false)
        #expect(plain.columns(counts: [0, 1, 100], room: 9, height: 2).lines == ["  #", " ##"])
        // Neighbours are added up where there are more than there is room for.
        let (merged, sum) = plain.columns(counts: [1, 1, 1, 1, 7, 7], room: 3, height: 1)
        #expect(merged == ["###"] && sum == 14)
        #expect(plain.columns(counts: [0, 0], room: 2, height: 1).lines == ["  "])
        #expect(plain.columns(counts: [], room: 2, height: 1).lines == [""])
    }

    @Test func anSVGIsXMLWhateverTheTexts() throws {
        let label = "<b>&\"'\u{1B}[31m\u{0}\u{FFFF}é</b>" + String(repeating: "x", count: 60)
        let chart = BarChart(
            title: "a & b", rows: [try bar(label, "12.50"), try bar("n", "-3"), .gap("<gap>")])
        let text = SVGPlot.document(chart)
        #expect(text == SVGPlot.document(chart))
        #expect(XMLParser(data: Data(text.utf8)).parse())
        #expect(!text.contains("\u{1B}") && !text.contains("<b>"))
        for part in ["12.50", "-3", "&lt;gap&gt;", "a &amp; b"] { #expect(text.contains(part)) }
        let wide = SVGPlot.document(
            BarChart(title: "", rows: [try bar("a", String(repeating: "7", count: 90))]))
        #expect(wide.contains("viewBox=\"0 0 1294 "))
        let columns = ColumnChart(
            title: "t", markedName: "refused", first: "2026", last: "2027",
            columns: [.init(count: 3, marked: 1), .init(count: 0, marked: 0)])
        let other = SVGPlot.document(columns)
        #expect(XMLParser(data: Data(other.utf8)).parse())
        for part in ["refused", "2026", "2027"] { #expect(other.contains(part)) }
    }

    @Test(arguments: [
        (["100"], ["0", "20", "40", "60", "80", "100"]),
        (["0.003"], ["0", "0.0005", "0.001", "0.0015", "0.002", "0.0025", "0.003"]),
        (["-40", "60"], ["-40", "-20", "0", "20", "40", "60"]),
        (["1500000"], ["0", "200000", "400000", "1400000"]),
    ])
    func axesHaveRoundNumbers(values: [String], expected: [String]) throws {
        let chart = BarChart(title: "", rows: try values.map { try bar("", $0) })
        let text = SVGPlot.document(chart)
        for tick in expected {
            #expect(text.contains("text-anchor=\"middle\">\(tick)</text>"), "\(tick)")
        }
    }
}
