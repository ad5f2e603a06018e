import LMDB

/// The unit files of a schedule: a service that syncs once, and a timer that starts it.
struct SystemdUnits {
    struct File: Equatable {
        let name: String
        let text: String
    }

    let sync: ScheduledSync
    let isSystem: Bool

    /// - Throws: exit 2 for a file of the environment whose name systemd would take for a pattern.
    init(_ sync: ScheduledSync, isSystem: Bool) throws {
        if let file = sync.environmentFile, file.contains(where: { "*?[]\\".contains($0) }) {
            throw CommandFailure(
                ExitCode.usage,
                "--environment-file \(file): systemd would take *, ?, [ and \\ for a pattern")
        }
        self.sync = sync
        self.isSystem = isSystem
    }

    /// The line that says to which store a unit belongs.
    static func mark(store: String) -> String {
        "# Made by `ossync schedule install` for the store \(store)"
    }

    /// The store that a unit belongs to, by its text; nil where it isn't ours.
    static func store(ofUnit text: String) -> String? {
        let mark = mark(store: "")
        guard let line = text.split(separator: "\n").first, line.hasPrefix(mark) else {
            return nil
        }
        return String(line.dropFirst(mark.count))
    }

    /// Whether a unit belongs to a store, by whichever name it was installed.
    static func isUnit(_ text: String, of store: String) -> Bool {
        self.store(ofUnit: text).map { FileSystem.isSame($0, store) } ?? false
    }

    static func timerName(_ schedule: String) -> String { "ossync-\(schedule).timer" }

    /// The schedule whose timer has a name; nil for other files.
    static func schedule(ofTimer name: String) -> String? {
        guard name.hasPrefix("ossync-"), name.hasSuffix(".timer") else { return nil }
        return String(name.dropFirst(7).dropLast(6))
    }

    /// The program that a service of ours starts; nil where its name is quoted, or it isn't one.
    static func program(ofService text: String) -> String? {
        let key = "ExecStart="
        let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
        guard let word = line?.dropFirst(key.count).split(separator: " ").first,
            word.hasPrefix("/")
        else { return nil }
        return String(word).replacing("%%", with: "%")
    }

    /// The service, then the timer.
    func files(_ schedule: Configuration.Schedule) throws -> [File] {
        [
            File(name: "ossync-\(schedule.name).service", text: service(schedule)),
            File(name: Self.timerName(schedule.name), text: try timer(schedule)),
        ]
    }

    private func head(_ description: String) -> [String] {
        [
            Self.mark(store: sync.store),
            "# and replaced by it: put what is your own into a drop-in (systemctl edit).", "",
            "[Unit]", "Description=\(Self.value(description))",
        ]
    }

    /// The unit of `ossync serve`, which runs the schedules itself.
    static let serveName = "ossync-serve.service"

    /// Whether a service of ours is that, and not one of a schedule that has its name.
    static func isServe(_ text: String) -> Bool { text.contains("\nType=notify\n") }

    func serve() -> File {
        let lines =
            serviceHead("ossync serve of \(sync.store)", type: "notify") + [
                start(sync.serveArguments),
                "ExecReload=/bin/kill -HUP $MAINPID",
                "# It waits for a sync that holds the store.",
                "TimeoutStartSec=infinity",
                "WatchdogSec=5min",
                "Restart=on-failure",
                "RestartSec=30s",
                "# 2: the configuration; 12: the store. Neither mends itself.",
                "RestartPreventExitStatus=2 12",
                "# What it has started to tell an alert is its own to end.",
                "KillMode=mixed",
                stop, "", "[Install]",
                "WantedBy=\(isSystem ? "multi-user" : "default").target",
            ]
        return File(name: Self.serveName, text: lines.joined(separator: "\n") + "\n")
    }

    private func service(_ schedule: Configuration.Schedule) -> String {
        let title = "ossync \(schedule.name): \(schedule.mode.rawValue) of \(sync.store)"
        let lines =
            serviceHead(title, type: "oneshot") + [
                start(sync.arguments(schedule)),
                "# 5: stopped by budget or --max-duration; 143: by SIGTERM. The next run goes on.",
                "SuccessExitStatus=5 143",
                stop,
            ]
        return lines.joined(separator: "\n") + "\n"
    }

    private func start(_ arguments: [String]) -> String {
        let words = [Self.program(sync.executable)] + arguments.map(Self.argument)
        return "ExecStart=\(words.joined(separator: " "))"
    }

    /// A run that is told to stop lets its request in flight end.
    private var stop: String { "TimeoutStopSec=\(sync.stopSeconds)s" }

    private func serviceHead(_ title: String, type: String) -> [String] {
        var lines = head(title)
        if isSystem { lines += ["Wants=network-online.target", "After=network-online.target"] }
        lines += ["", "[Service]", "Type=\(type)"]
        if isSystem, let owner = sync.owner { lines.append("User=\(owner)") }
        if let home = sync.configHome {
            lines.append("Environment=\(Self.argument("XDG_CONFIG_HOME=\(home)"))")
        }
        if let file = sync.environmentFile {
            lines.append("EnvironmentFile=\(Self.value(file))")
        } else if !sync.variables.isEmpty {
            lines += [
                "# The configuration reads \(sync.variables.joined(separator: ", ")): give them in",
                "# a file of NAME=VALUE lines that only you can read, with --environment-file.",
                "# EnvironmentFile=",
            ]
        }
        return lines
    }

    private func timer(_ schedule: Configuration.Schedule) throws -> String {
        var lines = head("ossync \(schedule.name): \(schedule.timingText)")
        lines += ["", "[Timer]"]
        if let (cron, timeZone) = try schedule.cron() {
            lines += SystemdCalendar.events(cron, timeZone: timeZone).map { "OnCalendar=\($0)" }
            lines.append("Persistent=\(schedule.catchUp)")
        } else if case .every(let minutes) = schedule.timing {
            lines += [
                "# It divides neither an hour nor a day: counted from the last start.",
                "OnActiveSec=1min",
                "OnUnitActiveSec=\(Configuration.Schedule.span(minutes: minutes))",
            ]
        }
        if schedule.jitterMs >= 1_000 {
            lines += [
                "RandomizedDelaySec=\(schedule.jitterMs / 1_000)s", "FixedRandomDelay=true",
            ]
        }
        lines += ["AccuracySec=1s", "", "[Install]", "WantedBy=timers.target"]
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: - Escapes

    /// A setting's value: `%` begins a specifier (systemd.unit(5)).
    static func value(_ text: String) -> String { text.replacing("%", with: "%%") }

    /// The program of a command line; its first word takes no variable (systemd.service(5)).
    static func program(_ word: String) -> String { quoted(value(word)) }

    /// A further word of a command line: `$` begins a variable too.
    static func argument(_ word: String) -> String {
        quoted(value(word).replacing("$", with: "$$"))
    }

    /// In double quotes, with the escapes of C, unless nothing in it needs them.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy {
            $0.value > 0x20 && !"\"'\\;".unicodeScalars.contains($0)
        }
        if isPlain, !word.isEmpty { return word }
        return "\""
            + word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
