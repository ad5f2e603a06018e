import ArgumentParser
import SyncEngine

/// `ossync schedule`
struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule",
        abstract: "Hand the schedules of the configuration to systemd or cron.",
        discussion: """
            A schedule runs `ossync sync --quiet`, which says nothing unless something is wrong. \
            Of its exit codes, 5 (stopped by budget or --max-duration) and 143 (stopped with the \
            machine) are no failures: the next run goes on. 3 (some records failed) and 6 (API \
            unavailable) are, until the next good run.

            Example: ossync schedule print --every 15m
            Example: ossync schedule install --user --enable
            """, subcommands: [SchedulePrint.self, ScheduleInstall.self])
}

/// What `schedule print` and `schedule install` have in common.
struct ScheduleOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case systemd, cron
        /// One service of systemd, `ossync serve`.
        case service
    }

    enum Scope: String, EnumerableFlag {
        case user, system

        static func help(for value: Scope) -> ArgumentHelp? {
            switch value {
            case .user: "Units of your own systemd (the default, but for root)."
            case .system: "Units of the whole machine, in /etc/systemd/system."
            }
        }
    }

    @Option(
        help: """
            What runs the schedules: systemd, by a timer for each; cron; or service, \
            `ossync serve` as a unit of systemd.
            """)
    var format: Format = .systemd

    @Flag(exclusivity: .exclusive)
    var scope: Scope?

    @Option(
        help: ArgumentHelp(
            "A file of NAME=VALUE lines with the secrets that the configuration takes from the "
                + "environment.", valueName: "file"), completion: .file())
    var environmentFile: String?

    @Option(help: "Without schedules in the configuration: a run every so often, for example 15m.")
    var every: String?

    @Option(help: "Without schedules in the configuration: the times as five fields of cron.")
    var cron: String?

    @Option(help: "The time zone of --cron (default: UTC).")
    var timeZone: String?

    @Option(help: "The mode of the runs of --every or --cron (default: incremental).")
    var mode: SyncCommand.Mode?

    func validate() throws {
        try CommandFailure.whileParsing { _ = try own() }
        if format == .service, every != nil || cron != nil {
            throw ValidationError(
                "--every and --cron make no schedule for a service: it reads those of the "
                    + "configuration")
        }
        if scope != nil, format == .cron {
            throw ValidationError(
                "--user and --system are for systemd: cron's lines go into your own crontab")
        }
    }

    /// The schedule that the flags make; nil without any.
    private func own() throws -> Configuration.Schedule? {
        let fail = { (message: String) in CommandFailure(ExitCode.usage, message) }
        if timeZone != nil, cron == nil { throw fail("--time-zone needs --cron") }
        let timing: Configuration.Schedule.Timing
        switch (every, cron) {
        case (nil, nil):
            if mode != nil { throw fail("--mode needs --every or --cron") }
            return nil
        case (.some, .some): throw fail("give --every or --cron, not both")
        case (let every?, nil):
            guard let span = TimeSpan(every) else {
                throw fail("--every \(every): give a time such as 15m, 2h or 1d")
            }
            if let refusal = Configuration.Schedule.refusal(everyMs: span.ms) {
                throw fail("--every \(every): it \(refusal)")
            }
            timing = .every(minutes: span.ms / 60_000)
        case (nil, let cron?):
            let zone = timeZone ?? "UTC"
            for (kind, flag, text) in [
                (ConfigurationText.cron, "--cron", cron), (.timeZone, "--time-zone", zone),
            ] {
                if let refusal = kind.refusal(of: text) { throw fail("\(flag) \(refusal)") }
            }
            timing = .cron(cron, timeZone: zone)
        }
        return Configuration.Schedule(
            name: "sync", timing: timing, mode: mode ?? .incremental, jitterMs: 0, overlap: .skip,
            catchUp: true, maxDuration: nil, patience: SyncCommand.defaultPatience)
    }

    /// The schedules of the configuration, or the one that the flags make.
    ///
    /// - Throws: exit 2 where there is none, or both.
    func schedules(_ configuration: Configuration) throws -> [Configuration.Schedule] {
        let place = configuration.files.first ?? ConfigurationLoader.fileName
        let configured = configuration.schedules
        guard let own = try own() else {
            // A service also makes runs that are asked for.
            guard !configured.isEmpty || format == .service else {
                throw CommandFailure(
                    ExitCode.usage, "\(place): there are no schedules",
                    hint: "add `schedules: { quarter: { every: 15m } }`, or give --every 15m")
            }
            return configured
        }
        guard configured.isEmpty else {
            throw CommandFailure(
                ExitCode.usage, "\(place) has schedules, so --every and --cron make none",
                hint: "add another one there")
        }
        return [own]
    }
}
