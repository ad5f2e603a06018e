import ArgumentParser

/// `ossync schedule install`
struct ScheduleInstall: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Hand the schedules to systemd or cron, in place of earlier ones of the store.",
        discussion: """
            With systemd it writes a service and a timer for each schedule and says which commands \
            start them; --enable runs these. With service it is one service, `ossync serve`, which \
            runs the schedules of the configuration itself. With cron it puts its lines between \
            two marks at the end of your crontab, and leaves everything else as it is.

            Example: ossync schedule install --user --enable
            Example: ossync schedule install --format service --enable
            Example: ossync schedule install --format cron --every 15m
            Example: ossync schedule install --remove
            """)

    @Flag(help: "Show what would be changed; change nothing.")
    var dryRun = false

    @Flag(help: "Let systemctl read the units and start them.")
    var enable = false

    @Flag(help: "Take out what was installed for the store.")
    var remove = false

    @OptionGroup var options: ScheduleOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if enable, options.format == .cron {
            throw ValidationError("--enable is for systemd: cron needs nothing else")
        }
        if remove, enable { throw ValidationError("--remove and --enable contradict each other") }
        if remove, options.every != nil || options.cron != nil {
            throw ValidationError("--remove takes out all schedules of the store; it makes none")
        }
    }

    func run() throws {
        let session = try Session(global)
        let sync = try ScheduledSync(session, environmentFile: options.environmentFile)
        var schedules: [Configuration.Schedule] = []
        if !remove {
            schedules = try options.schedules(session.configuration)
            try check(session.configuration, sync)
        }
        let changes: Changes
        switch options.format {
        case .systemd:
            changes = try installUnits(
                sync, starting: schedules.map { SystemdUnits.timerName($0.name) }, session.output
            ) { units in try schedules.flatMap { try units.files($0) } }
        case .service:
            changes = try installUnits(
                sync, starting: remove ? [] : [SystemdUnits.serveName], session.output
            ) { remove ? [] : [$0.serve()] }
        case .cron: changes = try installLines(sync, schedules)
        }
        if !remove, sync.environmentFile == nil, !sync.variables.isEmpty {
            session.output.note(
                "the configuration reads \(sync.variables.joined(separator: ", ")) from the "
                    + "environment: give --environment-file FILE")
        }
        report(changes, session.output)
    }

    /// Runs that could only fail are not begun.
    ///
    /// - Throws: exit 2 for what is missing.
    private func check(_ configuration: Configuration, _ sync: ScheduledSync) throws {
        _ = try configuration.requireAPI()
        _ = try configuration.stream()
        guard !configuration.files.isEmpty else {
            throw CommandFailure(
                ExitCode.usage, "\(sync.config): there is no such file, and a run has nothing else",
                hint: "ossync init writes one, --config names another")
        }
        guard let path = sync.environmentFile else { return }
        do throws(ConfigurationFile.Failure) {
            _ = try ConfigurationFile(path: path)
        } catch {
            throw CommandFailure(
                ExitCode.usage, "--environment-file \(path): it can't be read: \(error.reason)",
                hint: "write NAME=VALUE lines into it, for you alone (chmod 600)")
        }
    }

    /// What was done, or would be.
    private struct Changes {
        var written: [String] = []
        var removed: [String] = []
        var unchanged: [String] = []
        /// What is left to be run, in this order.
        var commands: [[String]] = []
    }

    /// - Parameter starting: the units that are enabled.
    private func installUnits(
        _ sync: ScheduledSync, starting: [String], _ output: Output,
        _ files: (SystemdUnits) throws -> [SystemdUnits.File]
    ) throws -> Changes {
        let folder = try SystemdFolder(options.scope)
        let units = try SystemdUnits(sync, isSystem: folder.isSystem)
        let files = try files(units)
        for file in files { try folder.check(file, store: sync.store) }
        let names = files.map(\.name)
        let stale = try folder.files(of: sync.store).filter { !names.contains($0) }
        var changes = Changes()
        for file in files {
            let path = "\(folder.path)/\(file.name)"
            guard !folder.holds(file) else {
                changes.unchanged.append(path)
                continue
            }
            if !dryRun { try folder.write(file) }
            changes.written.append(path)
        }
        let stopped = stale.filter { $0.hasSuffix(".timer") || $0 == SystemdUnits.serveName }
        if !stopped.isEmpty { changes.commands.append(folder.systemctl + ["stop"] + stopped) }
        // What goes on keeps its file, which is what can be seen of it.
        if enable, !dryRun, !stopped.isEmpty { try perform(&changes, 1, output) }
        for name in stale {
            if !dryRun { try folder.remove(name) }
            changes.removed.append("\(folder.path)/\(name)")
        }
        changes.commands.append(folder.systemctl + ["daemon-reload"])
        if !starting.isEmpty {
            changes.commands.append(folder.systemctl + ["enable", "--now"] + starting)
        }
        // One that runs already goes on as it was.
        let isChanged = changes.written.contains { $0.hasSuffix("/\(SystemdUnits.serveName)") }
        if isChanged {
            changes.commands.append(
                folder.systemctl + ["restart", SystemdUnits.serveName])
        }
        if enable, !dryRun { try perform(&changes, changes.commands.count, output) }
        if !folder.isSystem, !remove {
            output.note(
                "units of your own run while you are logged in; `loginctl enable-linger` lets "
                    + "them run always")
        }
        return changes
    }

    /// Runs the first commands; where one fails, what was changed until then is told, and that it
    /// and those behind it are left to be run.
    private func perform(_ changes: inout Changes, _ count: Int, _ output: Output) throws {
        for _ in 0..<count {
            let command = changes.commands[0]
            if let reason = Self.failure(of: command) {
                report(changes, output, exitCode: ExitCode.failure)
                let line = command.joined(separator: " ")
                output.error("ossync: `\(line)` failed: \(reason.withoutControls)")
                throw CommandFailure.silent(ExitCode.failure)
            }
            changes.commands.removeFirst()
        }
    }

    /// Runs a command.
    ///
    /// - Returns: why it failed; nil when it didn't.
    private static func failure(of command: [String]) -> String? {
        do {
            let result = try ExternalProgram.run(command)
            return result.code == 0 ? nil : result.reason
        } catch {
            return CommandFailure(describing: error).line
        }
    }

    private func installLines(
        _ sync: ScheduledSync, _ schedules: [Configuration.Schedule]
    ) throws -> Changes {
        let block = remove ? nil : try CrontabBlock(sync, schedules)
        let old = try Crontab.read()
        let new = try CrontabBlock.replacing(blockOf: sync.store, in: old, with: block)
        var changes = Changes()
        guard new != old else {
            changes.unchanged.append("crontab")
            return changes
        }
        if !dryRun { try Crontab.write(new) }
        if remove { changes.removed.append("crontab") } else { changes.written.append("crontab") }
        return changes
    }

    private func report(_ changes: Changes, _ output: Output, exitCode: Int32 = 0) {
        let commands = changes.commands.map { $0.joined(separator: " ") }
        if output.isJSON {
            let texts = { (texts: [String]) in JSONText.array(texts.map { .string($0) }) }
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
                    ("format", .string(options.format.rawValue)),
                    ("dryRun", JSONText(booleanLiteral: dryRun)),
                    ("written", texts(changes.written)), ("removed", texts(changes.removed)),
                    ("unchanged", texts(changes.unchanged)), ("commands", texts(commands)),
                ]).line)
            return
        }
        let would = dryRun ? "would be " : ""
        let lines =
            changes.written.map { "\($0): \(would)written" }
            + changes.removed.map { "\($0): \(would)taken out" }
            + changes.unchanged.map { "\($0): as it is" } + commands.map { "next: \($0)" }
        // What a dry run tells is what it was asked for.
        for line in lines { dryRun ? output.line(line) : output.note(line) }
    }
}
