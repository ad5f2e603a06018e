import ArgumentParser
import Projections
import SyncCore
import SyncEngine

/// `ossync sync`
struct SyncCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Copy what is new or changed from the API into the store.",
        discussion: """
            Without options it goes on with an open pass if there is one, then asks for what \
            is new, then fetches the details that are due. It may be stopped at any moment and \
            goes on where it was.

            Exit codes: 0 completed or paused by --max, 1 failed, 2 usage or configuration, 3 \
            some records failed, 4 authentication, 5 stopped by budget or --max-duration, 6 \
            API unavailable or wait beyond --patience, 7 nothing new (with \
            --error-on-no-change), 11 another run, 12 store corrupt, 130/143 interrupted.

            Example: ossync sync --mode incremental --max-duration 30m
            Example: ossync sync --quiet --if-running skip --log-format json
            """)

    enum Mode: String, ExpressibleByArgument, CaseIterable {
        case incremental, full, resume
        case detailsOnly = "details-only"

        var runMode: RunMode {
            switch self {
            case .incremental: .incremental
            case .full: .full
            case .resume: .resume
            case .detailsOnly: .detailsOnly
            }
        }
    }

    @Option(help: "What to do: incremental, full, resume or details-only.")
    var mode: Mode = .incremental

    @Flag(help: "Fetch headers only; the details stay queued for a later run.")
    var noDetails = false

    @Option(
        parsing: .unconditional,
        help: "Take at most so many records (details, in details-only), then pause.")
    var max: Int?

    @Option(help: "Pause after this time, for example 30m.")
    var maxDuration: String?

    @Option(
        help:
            "Pause instead of waiting longer than this, for a request or over refusals in a row.")
    var patience: String = Self.defaultPatience

    static let defaultPatience = "2h"

    /// What becomes of a sync whose store another process holds.
    enum IfRunning: String, ExpressibleByArgument, CaseIterable {
        case fail, skip, wait, ask

        var ofSession: EngineSession.IfRunning {
            switch self {
            case .fail, .ask: .fail
            case .skip: .skip
            case .wait: .wait
            }
        }
    }

    @Option(
        help: """
            When another process holds the store: fail, skip, wait, or ask a service to make the \
            run and wait for its end.
            """)
    var ifRunning: IfRunning = .fail

    @Flag(help: "Show what would be requested; send and write nothing.")
    var dryRun = false

    @Flag(help: "Give up an open list pass whose configuration changed.")
    var abandon = false

    @Flag(
        help: """
            Drop the limits that were learned from the API's refusals (see status), and end a wait \
            of more than two days and two of the longest window.
            """)
    var forgetLimits = false

    @Flag(help: "Exit with 7 when the run found nothing new or changed.")
    var errorOnNoChange = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try ValidationError.check("--max", max, least: 1)
        _ = try span(patience, "--patience")
        if let maxDuration { _ = try span(maxDuration, "--max-duration") }
        let isBounded = max != nil || maxDuration != nil || patience != Self.defaultPatience
        if ifRunning == .ask, isBounded || abandon || forgetLimits {
            throw ValidationError(
                "--if-running ask goes with --mode and --no-details alone: that is what a "
                    + "service is asked for")
        }
    }

    private func span(_ text: String, _ name: String) throws -> Int64 {
        guard let span = TimeSpan(text) else {
            throw ValidationError("\(name) \(text): give a time such as 90s, 30m or 2h")
        }
        return span.ms
    }

    func run() throws {
        let session = try Session(global)
        Output.log(as: session.configuration.log.format)
        let stream = try session.configuration.stream()
        if dryRun {
            try PlanReport(session: session, stream: stream, mode: mode, noDetails: noDetails)
                .print(records: nil)
            return
        }
        let source = try session.source(stream)
        // However it ends, and also when another run goes on meanwhile.
        defer { session.writeMetrics() }
        let store: EngineSession
        switch try take(session, stream) {
        case .own(let own): store = own
        case .skipped:
            SummaryReport.skipped(stream: stream.name, mode: mode.rawValue)
                .print(to: session.output)
            return
        case .made(let result): return try finish(session, stream, result)
        }
        let run = RunSession(
            store: store, source: source, stream: stream, mode: mode.runMode,
            options: RunOptions(
                noDetails: noDetails, maxRecords: max.map(UInt64.init),
                maxDurationMs: try maxDuration.map { try span($0, "--max-duration") },
                patienceMs: try span(patience, "--patience"), abandon: abandon,
                forgetLimits: forgetLimits))
        do {
            let result = try run.run()
            run.catchUpProjection()
            // Once the summary is printed: nobody waits for it longer than for the run.
            defer { AlertSession(store: store).runEnded(result.completed.outcome) }
            try finish(session, stream, result)
        } catch let broken as BrokenRun {
            defer { AlertSession(store: store).runEnded(.failed) }
            SummaryReport(
                stream: stream.name, mode: mode.rawValue, result: broken.result,
                exitCode: ExitCode.failure, options: session.options, brokenBy: broken.reason
            ).print(to: session.output)
            throw CommandFailure.silent(ExitCode.failure)
        }
    }

    /// Whose the run is.
    private enum Taken {
        case own(EngineSession)
        case skipped
        /// The service's that holds the store.
        case made(RunSession.Result)
    }

    private func take(_ session: Session, _ stream: Configuration.Stream) throws -> Taken {
        while true {
            do {
                let store = try EngineSession(
                    session, activity: "sync --mode \(mode.rawValue)", creates: true,
                    ifRunning: ifRunning.ofSession, takes: [.retry, .drop, .stop, .health])
                return store.map { .own($0) } ?? .skipped
            } catch EngineError.locked(let holder)
                where ifRunning == .ask && holder.takes.contains(.sync)
            {
                let asked = AskedSync(
                    session: session, stream: stream, mode: mode.runMode, noDetails: noDetails)
                if let result = try asked.run(by: holder) { return .made(result) }
            }
        }
    }

    private func finish(
        _ session: Session, _ stream: Configuration.Stream, _ result: RunSession.Result
    ) throws {
        var exitCode = result.completed.exitCode
        let counters = result.completed.counters
        let isUnchanged = counters.new == 0 && counters.changed == 0 && counters.detailed == 0
        if errorOnNoChange, exitCode == 0, isUnchanged { exitCode = ExitCode.nothingNew }
        let report = SummaryReport(
            stream: stream.name, mode: mode.rawValue, result: result, exitCode: exitCode,
            options: session.options)
        report.print(to: session.output)
        if exitCode != 0 { throw CommandFailure.silent(exitCode) }
    }
}
