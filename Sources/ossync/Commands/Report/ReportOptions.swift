import ArgumentParser
import Presentation
import ReadModels

/// How a report is printed.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print CSV, a row a line.")
    var csv = false

    @Flag(help: "Draw it on the terminal, as wide as that is (or COLUMNS).")
    var plot = false

    @Option(
        help: ArgumentHelp(
            "Also write the plot to this file, as SVG; - is standard output, and nothing else.",
            valueName: "file"), completion: .file())
    var svg: String?

    /// What of these excludes one another is told before anything is read.
    func check(_ global: GlobalOptions) throws {
        var chosen: [String] = []
        if global.json { chosen.append("--json") }
        if csv { chosen.append("--csv") }
        if plot { chosen.append("--plot") }
        if svg == "-" { chosen.append("--svg -") }
        guard chosen.count > 1 else { return }
        throw ValidationError(
            "\(chosen.joined(separator: " and ")) exclude one another: each is all of stdout")
    }

    /// Whether people read it, and not a program.
    func isForPeople(_ global: GlobalOptions) -> Bool { !global.json && !csv }

    /// Prints a report, and writes its plot where one is asked for.
    func print(_ report: some ReportListing, to output: Output) throws {
        if let svg {
            let sink = try ExportSink(svg)
            do {
                try sink.write(Array(report.svg.utf8))
                try sink.finish()
            } catch {
                sink.abandon()
                throw error
            }
            if svg == "-" { return }
        }
        if output.isJSON {
            output.line(report.json.line)
        } else if csv {
            for cells in report.csv { output.bytes(CSVText.line(cells)) }
        } else {
            let terminal = TerminalPlot(width: Output.plotColumns, isUnicode: Output.isUnicode)
            for line in plot ? report.plot(terminal) : report.table(terminal) { output.line(line) }
        }
    }
}

/// How many rows are told one by one.
struct RowOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "So many rows one by one, and the rest in one; 50 for people, all for programs.",
            valueName: "rows"))
    var top: Int?

    func validate() throws {
        try ValidationError.check("--top", top, least: 1)
    }

    func most(isForPeople: Bool) -> Int { top ?? (isForPeople ? 50 : .max) }
}

/// What a report can be printed as.
protocol ReportListing {
    var json: JSONText { get }
    /// The names of the columns, then the rows: numbers, and text as `CSVText` writes it.
    var csv: [[String]] { get }
    func table(_ terminal: TerminalPlot) -> [String]
    func plot(_ terminal: TerminalPlot) -> [String]
    var svg: String { get }
}
