import ArgumentParser
import EventLog
import Projections
import SyncCore

extension LogCommand {
    struct Bisect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find the first event after which a condition on the state holds.",
            discussion: """
                A condition compares what `status` shows with a value; several are joined by \
                `and` and `or`. Every event is looked at, in the log's order: a condition may \
                begin to hold, and end, more than once. Exit 1 when it never holds.

                Known: \(StateValues.names.map(\.name).joined(separator: ", ")).

                Example: ossync log bisect --when 'queue.parked > 0'
                Example: ossync log bisect --when 'expenses.total < 1000' --from r4711
                """)

        @Option(help: "The condition.")
        var when: String

        @Option(
            help: ArgumentHelp(
                "From this point on: a position, a time, a run (r4711) or now-1h.",
                valueName: "point"))
        var from: String?

        @Option(help: ArgumentHelp("Up to this point.", valueName: "point"))
        var to: String?

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            try CommandFailure.whileParsing {
                _ = try StateCondition(when)
                _ = try (from.map { try Point($0) }, to.map { try Point($0) })
            }
        }

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let condition = try StateCondition(when)
            let (begin, last) = try session.readHistory(log) { history in
                let first = try from.map { try Point($0).first(in: history) } ?? Position(1)
                return (
                    try history.control(
                        at: Position(min(first.rawValue - 1, history.end.rawValue))),
                    try to.map { try Point($0).position(in: history) } ?? history.end
                )
            }
            let stream = try session.stream(in: log.snapshot().control()).name
            let totals =
                condition.needsTotals
                ? PastTotals(try session.recordProjector(stream, log)) : nil
            guard let found = try search(log, begin, last, stream, condition, totals) else {
                throw CommandFailure(
                    ExitCode.failure,
                    "from @\(begin.position.next.rawValue) to @\(last.rawValue) it never holds: "
                        + when)
            }
            tell(found.event, found.state, session.output)
        }

        private func search(
            _ log: EventLog, _ begin: ControlState, _ last: Position, _ stream: String,
            _ condition: StateCondition, _ totals: PastTotals?
        ) throws -> (event: LoggedEvent, state: StateValues)? {
            var filter = EventFilter()
            guard begin.position < last else { return nil }
            filter.limit(to: begin.position.next...last)
            var control = begin
            var total = try totals?.total(at: begin.position)
            var found: (LoggedEvent, StateValues)?
            // In pieces: whoever looks through ten million events holds no snapshot meanwhile.
            try EventSearch(log, filter).forEach(bodies: .none) { event, _ in
                apply(event, to: &control)
                if event.event.bringsTexts { total = try totals?.total(at: event.position) }
                let state = StateValues(control, stream, total: total)
                if try condition.holds(state) { found = (event, state) }
                return found == nil
            }
            return found
        }

        private func tell(_ event: LoggedEvent, _ state: StateValues, _ output: Output) {
            guard output.isJSON else {
                output.line(EventPrinter.words(event, EventNarrator.text(event)))
                output.line("          \(state.words)")
                return
            }
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "found"),
                    ("position", .number(event.position.rawValue)),
                    ("time", .string(event.time.rfc3339())), ("run", .optional(event.run.runText)),
                    ("event", .string(event.event.type.name)),
                    ("message", .string(EventNarrator.text(event).withoutControls)),
                    ("state", state.json),
                ]).line)
        }
    }
}
