import ArgumentParser
import EventLog
import Projections
import ReadModels
import SyncCore

extension ReportCommand {
    struct Rate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell the requests, 429s and waits against the configured limits.",
            discussion: """
                For each window of rateLimits: the most requests in any such stretch of time, how \
                much of the budget was used, what refusals taught, and what to set, with the \
                evidence. Nothing is proposed that the API was not seen to accept.

                Example: ossync report rate
                Example: ossync report rate --since now-7d --plot
                Example: ossync report rate --json
                """)

        @Option(
            help: ArgumentHelp(
                "From this point on: @4711, a time, a run (r4711) or now-7d.", valueName: "point"))
        var since: String?

        @OptionGroup var report: ReportOptions

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            try report.check(global)
            try CommandFailure.whileParsing { _ = try since.map { try Point($0) } }
        }

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let since = try since.map { try Point($0) }
            let start: (control: ControlState, search: EventSearch, end: Position) =
                try session.readHistory(log) { history in
                    let first = try since?.first(in: history) ?? Position(1)
                    var filter = EventFilter()
                    filter.limit(to: first...max(history.end, first))
                    let before = Position(min(first.rawValue - 1, history.end.rawValue))
                    return (
                        try history.control(at: before), try history.search(filter), history.end
                    )
                }
            var fold = RateFold(after: start.control, Self.windows(session.configuration))
            let progress = FoldProgress(session.output, "reading the log")
            try start.search.forEach(bodies: .none) { event, _ in
                fold.take(event)
                if !session.output.isJSON { progress.tell(event.position, start.end) }
                return true
            }
            progress.end()
            try report.print(
                RateListing(
                    fold: fold, configured: session.configuration.limitPolicy.windows,
                    position: start.end, output: session.output),
                to: session.output)
        }

        /// The configured windows; where there are none, how many there were a minute and an hour.
        private static func windows(_ configuration: Configuration) -> [RateWindow] {
            let configured = configuration.limitPolicy.windows
            guard configured.isEmpty else { return configured }
            return [("minute", 60), ("hour", 3_600)].map { name, seconds in
                RateWindow(name: name, requests: .max, periodNs: Int64(seconds) * .nsPerSecond)
            }
        }
    }
}
