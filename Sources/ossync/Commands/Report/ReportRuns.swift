import ArgumentParser
import EventLog
import Projections
import ReadModels
import SyncCore
import SyncEngine

extension ReportCommand {
    struct Runs: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add up what the runs did: requests, records, refusals, waits, time.",
            discussion: """
                The oldest first. A run that was stopped and resumed is one run, of the day on \
                which it began; days are those of UTC, as in the log.

                Example: ossync report runs --last 20
                Example: ossync report runs --by day --since now-30d --plot
                Example: ossync report runs --by mode --json
                """)

        enum Grouping: String, ExpressibleByArgument, CaseIterable {
            case run, day, mode
        }

        @Option(help: "A row for each run, day or mode.")
        var by: Grouping = .run

        @Option(
            parsing: .unconditional, help: ArgumentHelp("Only the newest runs.", valueName: "runs"))
        var last: Int?

        @Option(
            help: ArgumentHelp(
                "Begun at this point or later: @4711, a time, r4711 or now-30d.",
                valueName: "point"))
        var since: String?

        @OptionGroup var rows: RowOptions

        @OptionGroup var report: ReportOptions

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            try report.check(global)
            try ValidationError.check("--last", last, least: 1)
            try CommandFailure.whileParsing { _ = try since.map { try Point($0) } }
        }

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let since = try since.map { try Point($0) }
            var runs: [RunReport] = []
            let position = try session.readHistory(log) { history in
                let first = try since.map { try $0.first(in: history) } ?? Position(1)
                let control = history.control
                let isHeld = control.invocation != nil && EngineLock.isHeld(session.folder) ?? true
                try history.forEachRun(backwards: true) { run in
                    guard run.run >= first else { return false }
                    runs.append(RunReport(run, control, isHeld: isHeld))
                    return runs.count < last ?? .max
                }
                return history.end
            }
            runs.reverse()
            try report.print(
                RunListing(
                    by: by, runs: runs,
                    atMost: rows.most(isForPeople: report.isForPeople(global)),
                    position: position),
                to: session.output)
        }
    }
}
