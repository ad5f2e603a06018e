import EventLog
import Projections
import SyncCore
import SyncEngine

/// What the process does that somebody started: it runs the check in a child, one for the log and
/// one for each projection, and says what they report, or that they crashed.
struct VerifyParent {
    private let session: Session
    private let skipsArchive: Bool
    private let progress: FoldProgress
    private var output: Output { session.output }
    private var report = VerifyReport()
    private var headText = ""
    /// Where an earlier check was gone on with, and since when what is before it was checked.
    private var earlier: (position: Position, since: LogTime)?
    private var isResumable = false
    private var isStopSaved = false
    /// How far the child was when it was last heard of.
    private var reached = Position.none
    private var projections = 0

    init(_ session: Session, skipsArchive: Bool) {
        self.session = session
        self.skipsArchive = skipsArchive
        progress = FoldProgress(session.output, "verify")
    }

    mutating func run(against: ChainHead?, restarts: Bool) throws {
        do {
            try checkLog(against, restarts)
            // The projections of a log that isn't whole have nothing to be compared with.
            if report.isFolded {
                for name in ProjectionAudit.names(in: session.folder.projections) {
                    try check(name)
                }
            }
        } catch let failure as CommandFailure where failure.exitCode > 128 {
            progress.end()
            tellStopped(failure.exitCode)
            throw failure
        }
        tellEnd()
        if !report.isClean { throw CommandFailure.silent(ExitCode.corrupt) }
    }

    private mutating func checkLog(_ against: ChainHead?, _ restarts: Bool) throws {
        var arguments: [String] = []
        if let against { arguments += ["--against", against.description] }
        if restarts { arguments.append("--restart") }
        if skipsArchive { arguments.append("--without-archive") }
        let end = try child(arguments)
        progress.end()
        // Silence is no verdict.
        guard headText.isEmpty, end.isCrash || report.isClean else { return }
        (report.position, report.end) = (reached, reached)
        note(VerifyReport.Problem(position: nil, text: "the check \(end.text)"))
    }

    private mutating func check(_ projection: String) throws {
        projections += 1
        let problems = report.problems.count
        let end = try child(["--projection=\(projection)"])
        guard end != .exited(0), report.problems.count == problems else { return }
        note(
            VerifyReport.Problem(
                .projection, position: nil,
                text: "projection \(projection) can't be read: the check of it \(end.text); run "
                    + "`ossync projections rebuild \(projection)`"))
    }

    private mutating func child(_ arguments: [String]) throws -> ChildProcess.End {
        var all = ["log", "verify", ChildProcess.flag, "--store", session.folder.path]
        if let config = session.options.config { all += ["--config", config] }
        var failure: CommandFailure?
        let end = try ChildProcess.run(all + arguments) { words in
            failure = failure ?? ChildProcess.failure(words)
            take(words)
        }
        if let failure, !failure.message.isEmpty { throw failure }
        return end
    }

    private mutating func take(_ words: [String]) {
        let position = { (index: Int) in
            words.indices.contains(index) ? Position(text: words[index]) : nil
        }
        switch (words.first, words.count) {
        case ("progress", 4):
            reached = position(1) ?? reached
            report.whole = position(3) ?? report.whole
            progress.tell(reached, position(2) ?? reached)
        case ("resumed", 3):
            guard let position = position(1), let since = Int64(words[2]) else { return }
            reached = position
            earlier = (position, LogTime(nanoseconds: since))
            tellEarlier()
        case ("anew", 2):
            earlier = nil
            (reached, report.whole) = (.none, .none)
            output.note("\(words[1]): begins at the first event")
        case ("stopped", 2): isStopSaved = words[1] == "1"
        case ("problem", 4):
            let part = VerifyReport.Part(rawValue: words[1]) ?? .events
            note(VerifyReport.Problem(part, position: position(2), text: words[3]))
        case ("unchecked", 2):
            progress.end()
            report.unchecked.append(words[1])
            output.note(words[1])
        case ("summary", 10):
            report.events = UInt64(words[1]) ?? 0
            report.commits = UInt64(words[2]) ?? 0
            report.position = position(3) ?? .none
            headText = words[4]
            report.whole = position(5) ?? .none
            report.end = position(6) ?? .none
            report.isFolded = words[7] == "1"
            report.isCut = words[8] == "1"
            isResumable = words[9] == "1"
        default: break
        }
    }

    private mutating func note(_ problem: VerifyReport.Problem) {
        progress.end()
        report.note(problem.part, problem.position, problem.text)
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "problem"),
                    ("part", .string(problem.part.rawValue)),
                    ("position", problem.position.map { .number($0.rawValue) } ?? .null),
                    ("message", .string(problem.text)),
                ]).line)
        } else {
            let place = problem.position.map { "position \($0.rawValue): " } ?? ""
            output.line(output.paint("\(place)\(problem.text)", .red))
        }
    }
}

// MARK: - What is said

extension VerifyParent {
    private func tellEarlier() {
        guard let earlier, !output.isJSON else { return }
        output.line(
            "goes on at position \(earlier.position.next.rawValue.grouped): what is before it was "
                + "checked since \(earlier.since.toTheSecond) (--restart begins anew)")
    }

    private func tellStopped(_ exitCode: Int32) {
        if output.isJSON {
            output.line(summary(exitCode, reached, next: "ossync log verify").line)
        } else {
            output.note(
                "interrupted at position \(reached.rawValue.grouped); "
                    + (isStopSaved
                        ? "`ossync log verify` goes on there" : "the next one begins anew"))
        }
    }

    private func tellEnd() {
        if output.isJSON {
            output.line(
                summary(report.isClean ? 0 : ExitCode.corrupt, report.position, next: mending).line)
            return
        }
        for line in words { output.line(line) }
        if !headText.isEmpty { output.line("head \(headText)") }
    }

    private var hasDamagedLog: Bool { report.problems.contains { $0.part == .events } }

    private var place: String { session.options.storeArguments }

    /// The command that helps.
    private var mending: String? {
        let parts = Set(report.problems.map(\.part))
        if !parts.isDisjoint(with: [.events, .rows, .pages]) {
            return "ossync log salvage DEST\(place)"
        }
        if parts.contains(.redaction) { return "ossync log redact ID --reason TEXT" + place }
        if parts.contains(.archive) { return "ossync log verify --without-archive" + place }
        return parts.contains(.projection)
            ? "ossync projections rebuild NAME\(place)" : nil
    }

    private var words: [String] {
        guard !report.isClean else {
            let fits =
                projections == 0
                ? "" : "; \(projections == 1 ? "1 projection fits" : "\(projections) fit") the log"
            let written =
                "\(report.events.grouped) events in \(report.commits.grouped) commits are as they "
                + "were written"
            return [
                report.isFolded
                    ? "\(written); rows and state are what they make\(fits)"
                    : "\(written); without those in the archive, rows and state were not compared"
            ]
        }
        let count = report.problems.count
        var lines = [
            "\(count)\(report.isCut ? " and more" : "") \(count == 1 ? "problem" : "problems")"
        ]
        if hasDamagedLog {
            let lost = report.end.rawValue - min(report.whole, report.end).rawValue
            lines.append(
                "the log is whole up to position \(report.whole.rawValue.grouped); "
                    + (lost == 0
                        ? "what lies behind it is not known"
                        : "\(lost.grouped) positions lie behind it"))
            lines.append("rows, state and projections were not compared with it")
            lines.append("restore a backup, or copy what is whole: `\(mending ?? "")`")
        } else if report.problems.contains(where: { $0.part == .rows || $0.part == .pages }) {
            lines.append("the events are whole, up to \(report.position.rawValue.grouped)")
            lines.append("make a new store of them: `\(mending ?? "")`")
        } else if report.problems.contains(where: { $0.part == .archive }) {
            lines.append("what the log has itself is as it was written; rows, state and")
            lines.append("projections were not compared with it")
            lines.append("put the archive back, or leave it out: `\(mending ?? "")`")
        } else if report.problems.contains(where: { $0.part == .redaction }) {
            lines.append("the log is as it was written, but not all that was redacted is gone")
        }
        return lines
    }

    private func summary(_ exitCode: Int32, _ position: Position, next: String?) -> JSONText {
        .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
            ("ok", .literal(String(exitCode == 0))), ("events", .number(report.events)),
            ("commits", .number(report.commits)), ("position", .number(position.rawValue)),
            ("head", headText.isEmpty ? .null : .string(headText)),
            ("problems", .number(report.problems.count)),
            ("wholeUpTo", .number(report.whole.rawValue)), ("end", .number(report.end.rawValue)),
            ("unchecked", .array(report.unchecked.map { .string($0) })),
            ("rowsCompared", .literal(String(report.isFolded))),
            ("projections", .number(projections)),
            ("resumedFrom", earlier.map { .number($0.position.rawValue) } ?? .null),
            ("checkedSince", earlier.map { .string($0.since.toTheSecond) } ?? .null),
            ("resumable", .literal(String(isResumable || isStopSaved))), ("next", .optional(next)),
        ])
    }
}
