import ArgumentParser
import EventLog
import Glibc
import Projections
import SyncCore
import SyncEngine
import Synchronization

extension LogCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every event, the hash chain, and all that is folded from them.",
            discussion: """
                Core rows, indexes and counters must be what the events make of them, and each \
                projection must fit the log. Exit 0 when all is well, 12 when anything is wrong; \
                then it says up to where the log is whole, which `log salvage` copies.

                It runs in a process of its own, so that damage which crashes it is reported too. \
                When it is interrupted, the next one goes on where it was, within a day and the \
                same boot, and says so; --restart begins anew.

                The head that it prints, kept elsewhere, proves later that the log was not \
                rewritten: --against looks for it in the chain.

                Example: ossync log verify
                """)

        @Option(
            help: ArgumentHelp(
                "A head that was printed before, 64 hexadecimal digits, which the log must extend.",
                valueName: "[position:]head"))
        var against: String?

        @Flag(help: "Begin at the first event, whatever an interrupted check has done.")
        var restart = false

        @Flag(
            help: "Leave out what is in the archive: rows and state are compared with nothing then."
        )
        var withoutArchive = false

        @Flag(name: .customLong("in-process"), help: ArgumentHelp(visibility: .hidden))
        var inProcess = false

        @Option(help: ArgumentHelp(visibility: .hidden))
        var projection: String?

        @OptionGroup var global: GlobalOptions

        func run() throws {
            var wanted: ChainHead?
            if let against {
                guard let head = ChainHead(against) else {
                    throw CommandFailure(
                        ExitCode.usage, "--against \(against): this is no head of a chain",
                        hint: "it has 64 hexadecimal digits, as `ossync log verify` prints them")
                }
                wanted = head
            }
            let session = try Session(global)
            if inProcess {
                let child = VerifyChild(session: session, skipsArchive: withoutArchive)
                return try ChildProcess.report {
                    try child.reportingProblems {
                        if let projection {
                            try child.check(projection)
                        } else {
                            try child.check(wanted, restarts: restart)
                        }
                    }
                }
            }
            Output.outliveReader()
            var parent = VerifyParent(session, skipsArchive: withoutArchive)
            try parent.run(against: wanted, restarts: restart)
        }
    }
}

/// What the child process does: the check itself, of which it reports every line.
private struct VerifyChild {
    let session: Session
    let skipsArchive: Bool

    /// It is noted that often where it is.
    private static let saveNs: Int64 = 2 * .nsPerSecond

    private static let isStopped = Atomic<Int32>(0)

    func check(_ against: ChainHead?, restarts: Bool) throws {
        Signals.install()
        Signals.during { reason in
            Self.isStopped.store(reason == .sigint ? SIGINT : SIGTERM, ordering: .relaxed)
        }
        let log = try session.openLog()
        var folder: String? = session.folder.verification
        var restarts = restarts
        while let reason = try check(log, against, in: &folder, restarts: restarts) {
            ChildProcess.tell("anew", reason)
            restarts = true
        }
    }

    /// - Parameter folder: where it is kept how far it is; nil for nowhere, which it becomes where
    ///   there is no room for that.
    /// - Returns: why all must be checked once more; nil when it was.
    private func check(
        _ log: EventLog, _ against: ChainHead?, in folder: inout String?, restarts: Bool
    ) throws -> String? {
        let verification = try StoreVerification(
            log, folder: folder, clock: SystemClock(), against: against,
            skipsArchive: skipsArchive, restarts: restarts, workers: Processors.others)
        if let earlier = verification.earlier {
            ChildProcess.tell("resumed", earlier.position.text, String(earlier.at.rawValue))
        }
        var told = 0
        var goesOn = true
        while goesOn {
            goesOn = verification.advance()
            // What comes next may crash.
            for problem in verification.problems[told...] { ChildProcess.tell(problem) }
            told = verification.problems.count
            ChildProcess.tell(
                "progress", verification.position.text, verification.end.text,
                verification.whole.text)
            guard goesOn else { break }
            let signal = Self.isStopped.load(ordering: .relaxed)
            if signal != 0 {
                let isSaved = verification.save()
                ChildProcess.tell("stopped", isSaved ? "1" : "0")
                throw CommandFailure.silent(128 + signal)
            }
            verification.save(notWithin: Self.saveNs)
        }
        let report = verification.finish()
        if verification.mustBeginAnew { return "what an interrupted check left can't be used" }
        if verification.hasNoRoom {
            folder = nil
            return "there is no room beside the log for what is collected"
        }
        for problem in report.problems[told...] { ChildProcess.tell(problem) }
        for text in report.unchecked { ChildProcess.tell("unchecked", text) }
        ChildProcess.tell(report, isResumable: verification.isResumable)
        return nil
    }

    func check(_ projection: String) throws {
        let audit = ProjectionAudit(folder: session.folder.projections, log: try session.openLog())
        if let text = audit.problem(of: projection) {
            ChildProcess.tell("problem", VerifyReport.Part.projection.rawValue, "", text)
        }
    }

    /// Whatever keeps a store from being checked is a problem of it: one that can't be read is not
    /// known to be whole.
    func reportingProblems(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as CommandFailure {
            guard error.exitCode == ExitCode.failure else { throw error }
            throw CommandFailure(ExitCode.corrupt, error.message, hint: error.hint)
        } catch let error as EventLogError {
            switch error {
            // Neither says that anything is wrong with it.
            case .noStore, .older: throw error
            default: try fail(error)
            }
        } catch {
            try fail(error)
        }
    }

    private func fail(_ error: any Error) throws {
        ChildProcess.tell(VerifyReport.Problem(position: nil, text: "\(error)"))
        throw CommandFailure.silent(ExitCode.corrupt)
    }
}

extension ChildProcess {
    fileprivate static func tell(_ problem: VerifyReport.Problem) {
        tell("problem", problem.part.rawValue, problem.position?.text ?? "", problem.text)
    }

    fileprivate static func tell(_ report: VerifyReport, isResumable: Bool) {
        let head = report.head.withUnsafeBytes { hexadecimal($0) }
        tell(
            "summary", String(report.events), String(report.commits), report.position.text, head,
            report.whole.text, report.end.text, report.isFolded ? "1" : "0",
            report.isCut ? "1" : "0", isResumable ? "1" : "0")
    }
}

extension Position {
    var text: String { String(rawValue) }

    init?(text: String) {
        guard let number = UInt64(text) else { return nil }
        self.init(number)
    }
}

extension StoreFolder {
    /// Where an interrupted check of the log leaves what the next one goes on with.
    var verification: String { "\(path)/verify" }
}
