import ArgumentParser
import EventLog
import Projections
import SyncCore
import SyncEngine

/// `ossync replay`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Fold the log anew from its first event on: verify decisions, walk steps.",
        discussion: """
            Sends nothing and changes nothing: it folds into a temporary store of its own.

            --verify makes each decision anew from the recorded facts and compares. Exit 12 when \
            this program, by the rules that the log names, decides otherwise; 1 when it does so \
            by other rules than those of then.

            --step prints each step with the state after it; on a terminal it waits for Enter \
            before the next one. The options --break-... stop at the first step that they name.

            --export writes the stretch from --from to --to into a file that replays on another \
            machine: without the records' texts, headers, addresses and names, but with their \
            ids. --bundle replays such a file in place of the store.

            --set estimates what the last run, or those between --from and --to, would have been \
            under other settings; what the estimate rests on is told with it.

            Without these it prints the state at --to.

            Example: ossync replay --verify
            Example: ossync replay --from r4711 --to r4711 --export run.bundle
            Example: ossync replay --bundle run.bundle --verify
            Example: ossync replay --set rateLimits.requestsPerMinute=40
            Example: ossync replay --step --from r4711 --break-event RateLimited
            Example: ossync replay --to @4711 --json
            """)

    @Option(
        help: ArgumentHelp(
            "Up to this point: a position (@4711), a time, a run (r4711) or now-1h.",
            valueName: "point"))
    var to: String?

    @Option(help: ArgumentHelp("Steps before this point are not shown.", valueName: "point"))
    var from: String?

    @Flag(help: "Show step by step what happened, with the state beside it.")
    var step = false

    @Flag(help: "Make every decision anew, and compare.")
    var verify = false

    @Flag(help: "With --verify: tell each decision that differs, not the first one alone.")
    var all = false

    @Option(
        name: .customLong("break-event"),
        help: ArgumentHelp("Stop at an event of these kinds.", valueName: "names"))
    var breakEvent: [String] = []

    @Option(
        name: .customLong("break-record"),
        help: ArgumentHelp("Stop at what changes these records.", valueName: "ids"))
    var breakRecord: [String] = []

    @Option(
        name: .customLong("break-when"),
        help: ArgumentHelp(
            "Stop where this begins to hold, for example 'queue.parked > 0'.",
            valueName: "condition"))
    var breakWhen: String?

    @Option(
        help: ArgumentHelp(
            "Write the stretch into this file, to be replayed elsewhere.",
            valueName: "file"), completion: .file())
    var export: String?

    @Option(
        help: ArgumentHelp("Replay this file of --export, not the store.", valueName: "file"),
        completion: .file())
    var bundle: String?

    @Option(
        help: ArgumentHelp(
            "Estimate the run under another setting, for example detail.batch.size=10.",
            valueName: "key=value"))
    var set: [String] = []

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if bundle != nil, from != nil || to != nil || export != nil {
            throw ValidationError("--bundle is replayed whole: leave --from, --to, --export out")
        }
        if export != nil,
            step || verify || !breakEvent.isEmpty || !breakRecord.isEmpty
                || breakWhen != nil
        {
            throw ValidationError("--export only writes the file: replay it with --bundle")
        }
        if !set.isEmpty, bundle != nil || export != nil || step || verify {
            throw ValidationError("--set only estimates: leave the other options out")
        }
        try CommandFailure.whileParsing {
            _ = try PolicyChange(set)
            _ = try (from.map { try Point($0) }, to.map { try Point($0) })
            _ = try breakpoints
        }
    }

    private var breakpoints: ReplayBreakpoints {
        get throws {
            try ReplayBreakpoints(events: breakEvent, records: breakRecord, when: breakWhen)
        }
    }

    func run() throws {
        let session = try Session(global)
        if let bundle {
            let bundle = try ReplayBundleFile.read(bundle)
            return try walk(.bundle(bundle), session).run()
        }
        let log = try session.openLog()
        if !set.isEmpty { return try estimate(session, log) }
        let (first, last) = try bounds(session, log)
        if let export { return try write(export, session, log, first, last) }
        try walk(.log(log, first: first, last: last), session).run()
    }

    private func walk(_ source: ReplayWalk.Source, _ session: Session) throws -> ReplayWalk {
        ReplayWalk(
            session: session, source: source,
            options: ReplayReport.Options(
                verifies: verify, shows: step, breakpoints: try breakpoints, tellsAll: all))
    }

    private func estimate(_ session: Session, _ log: EventLog) throws {
        let change = try PolicyChange(set)
        let control = try log.snapshot().control()
        try change.check(control)
        var (first, last) = try bounds(session, log)
        if from == nil, to == nil {
            let named = change.streams.first.flatMap { control.stream(named: $0) }
            let run = try (named ?? session.stream(in: control)).lastRun
            guard run != .none else {
                throw CommandFailure(ExitCode.failure, "there was no run yet")
            }
            first = run
        }
        last = max(first, last)
        let progress = FoldProgress(session.output, "replay")
        var changed: Set<String> = []
        let whatIf: WhatIf
        do {
            whatIf = try WhatIf(of: log, from: first, through: last) {
                progress.tell($0, $1)
            } change: { policy, stream in
                let name = control[stream].name
                changed.insert(name)
                return try change.applied(to: policy, of: name)
            }
        } catch let endless as WhatIf.Endless {
            progress.end()
            throw CommandFailure(
                ExitCode.failure,
                "no estimate: \(endless.refused.grouped) of \(endless.requests.grouped) requests "
                    + "would be refused, without an end in sight",
                hint: "without a cooldown, what is refused is asked again at once")
        }
        if let name = change.streams.first(where: { !changed.contains($0) }) {
            throw CommandFailure(
                ExitCode.failure,
                "from @\(first.rawValue) to @\(last.rawValue) there is no whole run of \(name)")
        }
        progress.end()
        let report = WhatIfReport(whatIf: whatIf, change: change, first: first, last: last)
        if session.output.isJSON {
            session.output.line(report.json.line)
        } else {
            for line in report.words { session.output.line(line) }
        }
    }

    private func write(
        _ path: String, _ session: Session, _ log: EventLog, _ first: Position, _ last: Position
    ) throws {
        guard first <= last else {
            throw CommandFailure(
                ExitCode.usage, "--from @\(first.rawValue) lies behind --to @\(last.rawValue)")
        }
        let progress = FoldProgress(session.output, "replay")
        let sink = try ExportSink(path)
        var bytes: UInt64 = 0
        let bundle: ReplayBundle
        do {
            bundle = try ReplayBundle(of: log, from: first, through: last) {
                progress.tell($0, $1)
            }
            progress.end()
            try ReplayBundleFile.write(bundle) { line in
                bytes += UInt64(line.utf8.count + 1)
                try sink.write(Array((line + "\n").utf8))
            }
            try sink.finish()
        } catch {
            sink.abandon()
            throw error
        }
        let events = bundle.commits.flatMap(\.events)
        let (begin, end) = (
            events.first?.position.rawValue ?? 0, events.last?.position.rawValue ?? 0
        )
        guard session.output.isJSON else {
            return session.output.note(
                "@\(begin) to @\(end): \(UInt64(events.count).grouped) events and "
                    + "\(UInt64(bundle.rows.count).grouped) rows, \(bytes.grouped) bytes; the "
                    + "ids of records are in it, their texts are not")
        }
        let summary = JSONText.object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
            ("first", .number(begin)), ("last", .number(end)),
            ("events", .number(events.count)), ("rows", .number(bundle.rows.count)),
            ("bytes", .number(bytes)),
        ])
        path == "-" ? session.output.note(summary.line) : session.output.line(summary.line)
    }

    /// The stretch that is asked for; points that must be looked up cost the index over the log.
    private func bounds(
        _ session: Session, _ log: EventLog
    ) throws -> (first: Position, last: Position) {
        guard from != nil || to != nil else {
            return (Position(1), try log.snapshot().tail().position)
        }
        return try session.readHistory(log) { history in
            (
                try from.map { try Point($0).first(in: history) } ?? Position(1),
                try to.map { try Point($0).position(in: history) } ?? history.end
            )
        }
    }
}

/// Where a walk through the log stops.
struct ReplayBreakpoints {
    private let types: Set<EventType>
    private let records: Set<String>
    let condition: StateCondition?

    /// - Throws: exit 2 for what names nothing.
    init(events: [String], records: [String], when: String?) throws {
        types = try Set(EventFilterOptions.words(events).map { try EventFilterOptions.type($0) })
        self.records = Set(EventFilterOptions.words(records))
        condition = try when.map { try StateCondition($0) }
    }

    var isEmpty: Bool { types.isEmpty && records.isEmpty && condition == nil }

    func names(_ step: Replayer.Step, _ writer: borrowing LogWriter) throws(EventLogError) -> Bool {
        if step.events.contains(where: { types.contains($0.event.type) }) { return true }
        guard !records.isEmpty else { return false }
        for event in step.events {
            var ordinals: [Ordinal] = []
            event.event.forEachTouchedRow { ordinal, _ in ordinals.append(ordinal) }
            guard !ordinals.isEmpty else { continue }
            var needs = ReadSet(stream: event.stream)
            needs.ordinals = ordinals
            let rows = try writer.rows(needs).byOrdinal.values
            if rows.contains(where: { records.contains($0.id.text) }) { return true }
        }
        return false
    }
}
