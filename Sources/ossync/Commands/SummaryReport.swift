import SyncCore

/// The end of a sync, as JSON or in words.
struct SummaryReport {
    let json: JSONText
    private let words: [String]
    /// Why the run ended with a code other than 0, and what to do; nil when it says nothing.
    private let complaint: String?
    private let outcome: RunOutcome

    /// - Parameters:
    ///   - options: what was given beside the command, for the one that goes on.
    ///   - reason: why the run could not even log its end; nil for one that did.
    ///   - type: what the object is called, where it is one of several.
    init(
        stream: String, mode: String, result: RunSession.Result, exitCode: Int32,
        options: GlobalOptions, brokenBy reason: String? = nil, type: String = "summary"
    ) {
        let end = result.completed
        let counters = end.counters
        let next = Self.next(end).map { $0 + options.storeArguments }
        json = .object([
            ("v", .number(1)), ("type", .string(type)), ("stream", .string(stream)),
            ("run", result.run == .none ? .null : .string("r\(result.run.rawValue)")),
            ("mode", .string(mode)),
            ("outcome", .string(end.outcome.name)),
            ("reason", .optional(reason ?? end.reason?.name)),
            ("exitCode", .number(exitCode)), ("requests", Self.requests(counters)),
            ("records", Self.records(counters)), ("rateLimited", .number(counters.rateLimited)),
            ("durationSeconds", .seconds(ns: end.durationNs)),
            ("floorSeconds", .seconds(ns: end.floorNs)),
            ("commits", result.commits.map { .number($0) } ?? .null),
            ("position", .number(result.position.rawValue)), ("next", .optional(next)),
            ("message", .string(end.text.withoutControls)),
            ("resumeAt", .optional(end.resumeAt?.rfc3339())),
        ])
        outcome = end.outcome
        words = Self.words(stream, mode, end, next)
        complaint =
            end.exitCode == 0 && reason == nil
            ? nil : Self.complaint("\(stream) \(mode)", end, next)
    }

    private init(json: JSONText) {
        self.json = json
        words = []
        outcome = .completed
        complaint = nil
    }

    /// Another run holds the store, and `--if-running skip` was given.
    static func skipped(stream: String, mode: String) -> SummaryReport {
        let none = RunCounters()
        return SummaryReport(
            json: .object([
                ("v", .number(1)), ("type", "summary"), ("stream", .string(stream)),
                ("run", .null), ("mode", .string(mode)), ("outcome", "completed"),
                ("reason", "skipped"), ("exitCode", .number(0)), ("requests", requests(none)),
                ("records", records(none)), ("rateLimited", .number(0)),
                ("durationSeconds", .seconds(ns: 0)), ("floorSeconds", .seconds(ns: 0)),
                ("commits", .number(0)), ("position", .null), ("next", .null),
            ]))
    }

    func print(to output: Output) {
        if output.isJSON {
            output.line(json.line)
        } else {
            for (index, line) in words.enumerated() where !output.isQuiet {
                output.line(index == 0 ? output.paint(line, ink) : line)
            }
        }
        // A pause is nothing to be mailed about by cron.
        if let complaint, outcome != .paused || !output.isQuiet {
            output.error("ossync: \(complaint)")
        }
    }

    /// For a service, whose runs are many: a line in words, or one of JSON.
    func printLine(to output: Output) {
        if output.isJSON { output.line(json.line) }
        if let complaint { return output.error("ossync: \(complaint)") }
        output.note(
            words.prefix(3).map { $0.split(separator: " ").joined(separator: " ") }
                .joined(separator: "; "))
    }

    private var ink: Output.Ink {
        switch outcome {
        case .completed: .green
        case .paused, .partial, .interrupted: .yellow
        case .failed: .red
        }
    }

    static func requests(_ counters: RunCounters) -> JSONText {
        .object([
            ("list", .number(counters.listRequests)), ("detail", .number(counters.detailRequests)),
            ("other", .number(counters.otherRequests)), ("total", .number(counters.requests)),
        ])
    }

    static func records(_ counters: RunCounters) -> JSONText {
        .object([
            ("seen", .number(counters.seen)), ("new", .number(counters.new)),
            ("changed", .number(counters.changed)), ("unchanged", .number(counters.unchanged)),
            ("detailed", .number(counters.detailed)), ("failed", .number(counters.failed)),
            ("deleted", .number(counters.deleted)),
        ])
    }

    /// The command that goes on, where there is something to go on with; a list that stalls does
    /// so again.
    private static func next(_ end: RunCompleted) -> String? {
        switch end.outcome {
        case .completed: nil
        case .failed where end.reason == .stalled: "ossync doctor"
        case .paused, .interrupted, .failed: "ossync sync --mode resume"
        case .partial: end.reason == .parked ? "ossync queue list" : "ossync sync"
        }
    }

    private static func complaint(_ run: String, _ end: RunCompleted, _ next: String?) -> String {
        let text = "\(run) \(end.outcome.name): \(end.text.withoutControls)"
        guard let next else { return text }
        return "\(text); \(end.reason == .stalled ? "see" : "go on with") `\(next)`"
    }

    private static func words(
        _ stream: String, _ mode: String, _ end: RunCompleted, _ next: String?
    ) -> [String] {
        let counters = end.counters
        var lines = [
            "\(stream) \(mode): \(end.outcome.name)"
                + (end.outcome == .completed && end.reason == nil
                    ? "" : " (\(end.text.withoutControls))"),
            "requests  \(counters.requests.grouped) (\(counters.listRequests.grouped) list, "
                + "\(counters.detailRequests.grouped) detail), \(counters.rateLimited) x 429",
            "records   \(counters.new.grouped) new, \(counters.changed.grouped) changed, "
                + "\(counters.unchanged.grouped) unchanged, \(counters.detailed.grouped) detailed, "
                + "\(counters.failed.grouped) failed",
            "time      \(time(end.durationNs)), the limits allow no less than \(time(end.floorNs))",
        ]
        if let resumeAt = end.resumeAt { lines.append("go on     from \(resumeAt.toTheSecond)") }
        if let next { lines.append("next      \(next)") }
        return lines
    }

    private static func time(_ ns: Int64) -> String {
        let tenths = ns / (.nsPerSecond / 10)
        return tenths < 600
            ? "\(tenths / 10).\(tenths % 10) s" : TimeSpan.text(seconds: tenths / 10)
    }
}
