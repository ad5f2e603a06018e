import ArgumentParser
import EventLog
import Projections
import SyncCore

/// `ossync runs`
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "List the runs: how each ended, what it did, how long it waited.",
        discussion: """
            The newest first. A run that was stopped and resumed is one run.

            Example: ossync runs --limit 10
            Example: ossync runs --outcome failed,partial --since now-30d
            """)

    @Option(parsing: .unconditional, help: "At most so many runs.")
    var limit: Int?

    @Flag(help: "The oldest first.")
    var reverse = false

    @Option(
        help: ArgumentHelp(
            "Only these: completed, paused, partial, interrupted, failed, running.",
            valueName: "outcomes"),
        completion: .list(RunOutcome.allCases.map(\.name) + [RunReport.running]))
    var outcome: String?

    @Option(
        help: ArgumentHelp(
            "Only these: incremental, full, resume, details-only, health.", valueName: "modes"),
        completion: .list(RunMode.allCases.map(\.name)))
    var mode: String?

    @Option(help: ArgumentHelp("Begun not before this time.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Begun before this time.", valueName: "time"))
    var until: String?

    @OptionGroup var global: GlobalOptions

    private struct Filter {
        let earliest: LogTime?
        let before: LogTime?
        let outcomes: [String]?
        let modes: [String]?
    }

    private var filter: Filter {
        get throws {
            Filter(
                earliest: try since.map { try Point.time($0, option: "--since") },
                before: try until.map { try Point.time($0, option: "--until") },
                outcomes: try Self.words(
                    outcome, option: "--outcome",
                    known: RunOutcome.allCases.map(\.name) + [RunReport.running]),
                modes: try Self.words(
                    mode, option: "--mode", known: RunMode.allCases.map(\.name)))
        }
    }

    func validate() throws {
        try ValidationError.check("--limit", limit, least: 0)
        try CommandFailure.whileParsing { _ = try filter }
    }

    func run() throws {
        let session = try Session(global)
        let log = try session.openLog()
        let filter = try filter
        var left = limit ?? .max
        guard left > 0 else { return }
        let output = session.output
        // Printed once nothing is read any more: a pager may be slow.
        var lines: [String] = []
        try session.readHistory(log) { history in
            let control = history.control
            let isHeld = session.isRunning(control)
            try history.forEachRun(backwards: !reverse) { run in
                let report = RunReport(run, control, isHeld: isHeld)
                guard filter.earliest.map({ $0 <= run.startedAt }) ?? true,
                    filter.before.map({ run.startedAt < $0 }) ?? true,
                    filter.outcomes?.contains(report.outcome) ?? true,
                    filter.modes?.contains(run.mode.name) ?? true
                else { return true }
                lines.append(output.isJSON ? report.json.line : report.words)
                left -= 1
                return left > 0
            }
        }
        for line in lines { output.line(line) }
    }

    /// - Throws: exit 2 for a word that isn't known.
    private static func words(
        _ list: String?, option: String, known: [String]
    ) throws -> [String]? {
        guard let list else { return nil }
        let words = list.split(separator: ",").map(String.init)
        for word in words where !known.contains(word) {
            throw CommandFailure(
                ExitCode.usage, "\(option) \(word): there is no such one",
                hint: "there are " + known.joined(separator: ", "))
        }
        return words
    }
}

/// One run, as `runs` prints it.
struct RunReport {
    static let running = "running"

    let run: RunSummary
    private let stream: String
    let counters: RunCounters
    let outcome: String

    /// - Parameter isHeld: whether the invocation under way has a process.
    init(_ run: RunSummary, _ control: ControlState, isHeld: Bool) {
        var run = run
        stream =
            run.stream == .none || Int(run.stream.rawValue) > control.streams.count
            ? "" : control[run.stream].name
        var counters = run.counters
        var outcome = run.outcome?.name
        if let invocation = control.invocation, invocation.run == run.run {
            counters.add(invocation.counters)
            let elapsedNs = control.bootNs(at: control.time) - invocation.startedNs
            run.durationNs = run.durationNs.saturatingAdd(max(elapsedNs, 0))
            run.floorNs = run.floorNs.saturatingAdd(invocation.floor.floorNs)
            // Nobody has found yet that its engine is gone.
            outcome = isHeld ? Self.running : RunOutcome.interrupted.name
        }
        self.run = run
        self.counters = counters
        self.outcome = outcome ?? Self.running
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "run"), ("run", .optional(run.run.runText)),
            ("stream", .string(stream)), ("mode", .string(run.mode.name)),
            ("outcome", .string(outcome)), ("reason", .optional(run.reason?.name)),
            ("message", .string(run.text.withoutControls)),
            ("startedAt", .string(run.startedAt.rfc3339())),
            ("lastAt", .string(run.lastAt.rfc3339())),
            ("lastPosition", .number(run.last.rawValue)),
            ("invocations", .number(run.requests.count)),
            ("requests", SummaryReport.requests(counters)),
            ("records", SummaryReport.records(counters)),
            ("rateLimited", .number(counters.rateLimited)), ("waits", .number(run.waits)),
            ("waitSeconds", .seconds(ns: run.waitNs)),
            ("durationSeconds", .seconds(ns: run.durationNs)),
            ("floorSeconds", .seconds(ns: run.floorNs)),
        ])
    }

    /// `failed (auth)`
    var outcomeWords: String { outcome + (run.reason.map { " (\($0.name))" } ?? "") }

    var words: String {
        var text =
            "\((run.run.runText ?? "").padded(to: 9)) \(run.startedAt.toTheSecond) "
            + "\(stream.withoutControls.padded(to: 8)) \(run.mode.name.padded(to: 12)) "
            + "\(outcomeWords.padded(to: 22)) "
            + "\(counters.requests.grouped) requests, \(counters.new.grouped) new, "
            + "\(counters.changed.grouped) changed, \(counters.detailed.grouped) detailed, "
            + "\(counters.failed.grouped) failed, \(counters.rateLimited.grouped) x 429, "
            + TimeSpan.text(seconds: run.durationNs / .nsPerSecond)
        if run.waits > 0 {
            text += ", waited \(TimeSpan.text(seconds: run.waitNs / .nsPerSecond))"
        }
        if run.requests.count > 1 { text += ", resumed \(run.requests.count - 1) times" }
        return text
    }
}
