import ArgumentParser
import CProcess
import Glibc

/// The program: its commands, and how it ends.
@main
struct OSSync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ossync",
        abstract: "Keeps a local copy of the records of a rate-limited REST API.",
        discussion: """
            Every request and every answer is an event in a log; records, queue and budget are \
            folded from it. A sync may be stopped at any moment and goes on where it was, \
            within the API's limits.

            Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 some records failed, 4 \
            authentication, 5 stopped by budget or --max-duration, 6 API unavailable or a wait \
            beyond --patience, 7 nothing new (with --error-on-no-change), 10 no store, 11 another \
            run holds it, 12 store damaged, newer or replaced, 130/143 interrupted.

            Try it: ossync demo. Begin with your own API: ossync init.
            """,
        version: Version.text,
        subcommands: [
            InitCommand.self, DoctorCommand.self, HealthCommand.self, PlanCommand.self,
            SyncCommand.self, ServeCommand.self, StatusCommand.self, MonitorCommand.self,
            MetricsCommand.self, ShowCommand.self, HistoryCommand.self, WhyCommand.self,
            RunsCommand.self, LogCommand.self,
            ReplayCommand.self, ReportCommand.self, QueueCommand.self, ProjectionsCommand.self,
            ExportCommand.self, BackupCommand.self, RestoreCommand.self, ScheduleCommand.self,
            AlertsCommand.self, ConfigCommand.self, DemoCommand.self,
        ])

    static func main() {
        ProcessStart.dieWithParent()
        openMissingDescriptors()
        // Left to itself, the allocator keeps the memory of every large answer, on each thread: a
        // fixed threshold gives it back, for some percent more processor time.
        mallopt(M_MMAP_THRESHOLD, 512 << 10)
        // A file that may not grow is an error of the write, told like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        let groups = configuration.subcommands.filter { !$0.configuration.subcommands.isEmpty }
        let arguments = GlobalOptions.movedBehindCommand(
            Array(CommandLine.arguments.dropFirst()),
            groups: Set(groups.compactMap { $0.configuration.commandName }))
        let isJSON = arguments.contains("--json")
        if arguments.contains(ChildProcess.flag) {
            CrashHandler.leaveToParent()
        } else {
            CrashHandler.install(isJSON: isJSON)
        }
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            try Output.checkWritten()
        } catch {
            end(error, isJSON: isJSON, command: arguments.first)
        }
    }

    /// Gives a process that was started without standard input, output or error something in their
    /// place.
    ///
    /// Otherwise the store's own files get these numbers, and what is printed is written into them.
    private static func openMissingDescriptors() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free number is the one that is missing.
            guard open("/dev/null", O_RDWR) == descriptor else { _exit(ExitCode.failure) }
        }
    }

    private static func end(_ error: any Error, isJSON: Bool, command: String?) -> Never {
        let parserCode = exitCode(for: error)
        let isOwn = !(error is CommandFailure) && parserCode != .failure
        if isOwn, parserCode == .success { exit(withError: error) }
        let failure =
            isOwn
            ? CommandFailure(ExitCode.usage, sentence(error), hint: help(command))
            : CommandFailure(describing: error)
        report(failure, isJSON: isJSON)
        Glibc.exit(failure.exitCode)
    }

    /// What the parser says, as a part of a sentence.
    private static func sentence(_ error: any Error) -> String {
        let text = message(for: error)
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    private static func help(_ command: String?) -> String {
        let known = configuration.subcommands.compactMap { $0.configuration.commandName }
        let name = command.flatMap { known.contains($0) ? " \($0)" : nil } ?? ""
        return "see `ossync\(name) --help`"
    }

    private static func report(_ failure: CommandFailure, isJSON: Bool) {
        guard !failure.message.isEmpty else { return }
        let output = Output(isJSON: isJSON, isQuiet: false, isVerbose: false, color: .never)
        // What is wrong and what to do stand in one line, for whoever greps a log.
        let text = [failure.message, failure.hint].compactMap { $0 }.joined(separator: "; ")
        for line in text.split(separator: "\n") {
            output.error("ossync: \(line)".withoutControls)
        }
        guard isJSON else { return }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "error"), ("exitCode", .number(failure.exitCode)),
                ("message", .string(failure.message)), ("hint", .optional(failure.hint)),
            ]).line)
    }
}
