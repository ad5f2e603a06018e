import ArgumentParser

/// `ossync schedule install`
struct ScheduleInstall: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Hand the schedules to systemd or cron, in place of earlier ones of the store.",
        discussion: """
            With systemd it writes a service and a timer for each schedule and says which commands \
            start them; --enable runs these. With cron it puts its lines between two marks at the \
            end of your crontab, and leaves everything else as it is.

            Example: ossync schedule install --user --enable
            Example: ossync schedule install --format cron --every 15m
            Example: ossync schedule install --remove
            """)

    @Flag(help: "Show what would be changed; change nothing.")
    var dryRun = false

    @Flag(help: "Let systemctl read the units and start the timers.")
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
            // Runs that could only fail are not begun.
            _ = try session.configuration.requireAPI()
        }
        let changes: Changes
        switch options.format {
        case .systemd: changes = try installUnits(sync, schedules, session.output)
        case .cron: changes = try installLines(sync, schedules)
        }
        if !remove, sync.environmentFile == nil, !sync.variables.isEmpty {
            session.output.note(
                "the configuration reads \(sync.variables.joined(separator: ", ")) from the "
                    + "environment: give --environment-file FILE")
        }
        report(changes, session.output)
    }

    /// What was done, or would be.
    private struct Changes {
        var written: [String] = []
        var removed: [String] = []
        var unchanged: [String] = []
        /// What is left to be run, in this order.
        var commands: [[String]] = []
    }

    private func installUnits(
        _ sync: ScheduledSync, _ schedules: [Configuration.Schedule], _ output: Output
    ) throws -> Changes {
        let folder = try SystemdFolder(options.scope)
        let units = try SystemdUnits(sync, isSystem: folder.isSystem)
        let files = try schedules.flatMap { try units.files($0) }
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
        for name in stale {
            if !dryRun { try folder.remove(name) }
            changes.removed.append("\(folder.path)/\(name)")
        }
        let stopped = stale.filter { $0.hasSuffix(".timer") }
        if !stopped.isEmpty { changes.commands.append(folder.systemctl + ["stop"] + stopped) }
        changes.commands.append(folder.systemctl + ["daemon-reload"])
        if !schedules.isEmpty {
            let timers = schedules.map { SystemdUnits.timerName($0.name) }
            changes.commands.append(folder.systemctl + ["enable", "--now"] + timers)
        }
        if enable, !dryRun {
            for command in changes.commands { try Self.perform(command) }
            changes.commands = []
        }
        if !folder.isSystem, !remove {
            output.note(
                "units of your own run while you are logged in; `loginctl enable-linger` lets "
                    + "them run always")
        }
        return changes
    }

    private static func perform(_ command: [String]) throws {
        let result = try ExternalProgram.run(command)
        guard result.code == 0 else {
            throw CommandFailure(
                ExitCode.failure, "`\(command.joined(separator: " "))` failed: \(result.reason)")
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

    private func report(_ changes: Changes, _ output: Output) {
        let commands = changes.commands.map { $0.joined(separator: " ") }
        if output.isJSON {
            let texts = { (texts: [String]) in JSONText.array(texts.map { .string($0) }) }
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
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
