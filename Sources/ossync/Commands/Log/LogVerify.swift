import ArgumentParser
import EventLog
import Glibc
import SyncCore
import SyncEngine

extension LogCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every event, the hash chain, and the state folded from them.",
            discussion: """
                Runs in a process of its own, so that damage which crashes it is reported too. \
                Exit 0 when all is well, 12 when anything is wrong. The head that it prints, \
                kept elsewhere, proves later that the log was not rewritten.

                Example: ossync log verify
                """)

        @Flag(help: ArgumentHelp(visibility: .hidden))
        var inProcess = false

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            Output.outliveReader()
            if inProcess {
                try VerifyReport.check(session)
            } else {
                try VerifyChild(session: session).run()
            }
        }
    }
}

extension VerifyReport {
    /// Checks the log in this process and prints what was found.
    fileprivate static func check(_ session: Session) throws {
        let output = session.output
        let report: VerifyReport
        do {
            let log = try session.openLog()
            let end = try log.snapshot().tail().position
            let progress = FoldProgress(output, "checking")
            report = try LogVerifier(log).run { progress.tell($0, end) }
            progress.end()
        } catch let error as EventLogError {
            if case .noStore = error { throw error }
            output.print(VerifyReport.unreadable("\(error)"))
            throw CommandFailure.silent(ExitCode.corrupt)
        } catch let error as CommandFailure {
            // One that can't be read is not known to be whole.
            throw CommandFailure(ExitCode.corrupt, error.message, hint: error.hint)
        }
        output.print(report)
        if !report.isClean { throw CommandFailure.silent(ExitCode.corrupt) }
    }

    /// A log that can't be read at all.
    static func unreadable(_ text: String) -> VerifyReport {
        VerifyReport(problems: [Problem(position: nil, text: text)])
    }

    fileprivate var headText: String { head.withUnsafeBytes { hexadecimal($0) } }

    fileprivate var exitCode: Int32 { isClean ? 0 : ExitCode.corrupt }

    fileprivate var json: [JSONText] {
        let lines = problems.map { problem -> JSONText in
            .object([
                ("v", .number(1)), ("type", "problem"),
                ("position", problem.position.map { .number($0.rawValue) } ?? .null),
                ("message", .string(problem.text.withoutControls)),
            ])
        }
        return lines + [
            .object([
                ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
                ("ok", .literal(isClean ? "true" : "false")), ("events", .number(events)),
                ("commits", .number(commits)), ("position", .number(position.rawValue)),
                ("head", .string(headText)), ("problems", .number(problems.count)),
            ])
        ]
    }

    fileprivate var words: [String] {
        let lines = problems.map { problem in
            (problem.position.map { "position \($0.rawValue): " } ?? "") + problem.text
        }
        let end =
            isClean
            ? "\(events.grouped) events in \(commits.grouped) commits are as they were written"
            : "\(problems.count)\(isCut ? " and more" : "") problems; restore a backup"
        return lines.map(\.withoutControls) + [end, "head \(headText)"]
    }
}

extension Output {
    fileprivate func print(_ report: VerifyReport) {
        if isJSON {
            for object in report.json { line(object.line) }
        } else {
            for text in report.words { line(text) }
        }
    }
}

/// Runs the check in a child process: LMDB may crash on a page that is damaged.
private struct VerifyChild {
    let session: Session

    func run() throws {
        var arguments = ["log", "verify", "--store", session.folder.path]
        if session.output.isJSON { arguments.append("--json") }
        if session.options.quiet { arguments.append("--quiet") }
        if let config = session.options.config { arguments += ["--config", config] }
        switch try ChildProcess(arguments, takesOutput: false).wait() {
        case .code(0, _): return
        case .code(let code, _): throw CommandFailure.silent(code)
        case .killed(let signal) where signal == SIGINT || signal == SIGTERM:
            throw CommandFailure.silent(128 + signal)
        case .fault(let signal), .killed(let signal):
            session.output.print(
                VerifyReport.unreadable(
                    "the check was ended by signal \(signal): a page is damaged"))
            throw CommandFailure.silent(ExitCode.corrupt)
        }
    }
}
