import ArgumentParser
import EventLog
import Glibc
import LMDB
import Projections
import SyncCore
import SyncEngine

extension LogCommand {
    struct Salvage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy what is whole of a damaged log into a new store.",
            discussion: """
                Copies commit by commit, each checked, up to the first that is damaged, with rows \
                and state folded anew, and checks the new store. The damaged one is only read. \
                A sync in the new store goes on where that part of the log ends.

                Exit 0 when a store was made, whatever was lost; 12 when nothing can be had.

                Example: ossync log salvage ./salvaged --store ./ossync-store
                """)

        /// The parts of the work, each in a process of its own.
        enum Part: String, ExpressibleByArgument {
            case copy, complete, survey
        }

        @Argument(
            help: "The folder of the new store: absent, or empty.", completion: .directory)
        var destination: String

        @Flag(name: .customLong("in-process"), help: ArgumentHelp(visibility: .hidden))
        var inProcess = false

        @Option(help: ArgumentHelp(visibility: .hidden))
        var part: Part?

        @Option(help: ArgumentHelp(visibility: .hidden))
        var after: UInt64 = 0

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            guard inProcess else {
                Output.outliveReader()
                var parent = try SalvageParent(session, destination)
                return try parent.run()
            }
            try ChildProcess.report {
                let child = SalvageChild(source: session.folder.path, target: destination)
                switch part {
                case .copy: try child.copy()
                case .complete: try child.complete()
                case .survey: try child.survey(after: Position(after))
                case nil: throw CommandFailure(ExitCode.usage, "--part is missing")
                }
            }
        }
    }
}

/// What the child processes do; they report every line.
private struct SalvageChild {
    let source: String
    let target: String

    /// Copies until something is damaged.
    func copy() throws {
        let log = try openTarget()
        var salvage = try LogSalvage(from: source, into: log, workers: Processors.others)
        while try salvage.advance() {
            ChildProcess.tell("progress", salvage.position.text, salvage.end.text)
        }
        ChildProcess.tell(
            "copied", salvage.position.text, salvage.reason ?? "", String(salvage.textsLeft))
    }

    /// Ends what was copied, puts it on the disk, and checks it.
    func complete() throws {
        let log = try LogSalvage.complete(try openTarget())
        let verification = try StoreVerification(
            log, folder: nil, clock: SystemClock(), workers: Processors.others)
        while verification.advance() {
            ChildProcess.tell("checked", verification.position.text, verification.end.text)
        }
        let report = verification.finish()
        if let problem = report.problems.first {
            throw CommandFailure(
                ExitCode.corrupt, "what was copied doesn't stand the check: \(problem.text)")
        }
        let head = report.head.withUnsafeBytes { hexadecimal($0) }
        ChildProcess.tell(
            "completed", String(report.events), String(report.commits), report.position.text, head)
    }

    /// Looks at what could not be copied.
    func survey(after position: Position) throws {
        try LostEvents.count(in: source, after: position) { lost in
            let types = lost.types.sorted { $0.key.rawValue < $1.key.rawValue }
            ChildProcess.tell(
                ["lost", String(lost.events), String(lost.sound)]
                    + [lost.firstTime, lost.lastTime].map { $0.map { String($0.rawValue) } ?? "" }
                    + types.flatMap { [$0.key.name, String($0.value)] })
        }
    }

    private func openTarget() throws -> EventLog {
        // Another copy may be larger than what the first one needs.
        let size = FileSystem.size("\(EventLog.folder(of: source))/data.mdb") ?? 0
        let mapSize = max(EnvironmentOptions().mapSize, 4 * Int(clamping: size))
        return try EventLog.open(
            store: target, .write, durability: .none, mapSize: mapSize)
    }
}
