import ArgumentParser

/// `ossync metrics`
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print counters and gauges of the store as Prometheus reads them.",
        discussion: """
            Reads only; it never waits for a running sync. Counters begin with the log and go on \
            over restarts. With `metrics.textfile` in the configuration each sync writes the \
            file at its end.

            Example: ossync metrics
            Example: ossync metrics --textfile /var/lib/prometheus/node-exporter/ossync.prom
            Example: ossync metrics --json
            """)

    @Option(
        help: ArgumentHelp(
            "Write them to this file, which takes its name when it is whole, for node_exporter.",
            valueName: "file"), completion: .file())
    var textfile: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if textfile != nil, global.json {
            throw ValidationError("--textfile and --json are two forms: give one of them")
        }
        if textfile == "" { throw ValidationError("--textfile is empty: name a file") }
    }

    func run() throws {
        let session = try Session(global)
        if let textfile {
            try MetricsFile.write(session, to: textfile)
        } else if session.output.isJSON {
            session.output.line(try MetricsReport(session).json.line)
        } else {
            session.output.bytes(Array(try MetricsReport(session).text.utf8))
        }
    }
}
