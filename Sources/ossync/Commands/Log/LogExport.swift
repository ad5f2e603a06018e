import ArgumentParser
import EventLog
import Projections
import SyncCore

extension LogCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write events as NDJSON, the records' texts included.",
            discussion: """
                A line is what `log show --json --bodies` prints. With --output the file takes \
                its name when it is whole.

                Example: ossync log export --run r4711 --output run.ndjson
                """)

        @Option(
            name: .shortAndLong, help: "The file; - is standard output.", completion: .file())
        var output = "-"

        @Flag(help: "Without the records' texts.")
        var noBodies = false

        @OptionGroup(title: "Which events") var filter: EventFilterOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let choice = try filter.choice(session, log)
            let json = EventPrinter.json(choice.control, bodies: !noBodies)
            let sink = try ExportSink(output)
            var (events, last) = (UInt64(0), Position.none)
            var writer = JSONWriter()
            do {
                try choice.search.forEach { event, schema in
                    writer.reset()
                    json.write(event, schema: schema, to: &writer)
                    writer.endLine()
                    try sink.write(writer.bytes)
                    events += 1
                    last = event.position
                    return true
                }
                try sink.finish()
            } catch {
                sink.abandon()
                throw error
            }
            let summary = JSONText.object([
                ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                ("events", .number(events)), ("position", .number(last.rawValue)),
            ])
            if session.output.isJSON {
                // With the data on stdout, a summary there would be an event.
                output == "-"
                    ? session.output.note(summary.line) : session.output.line(summary.line)
            } else {
                session.output.note("\(events.grouped) events")
            }
        }
    }
}
