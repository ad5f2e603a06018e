import ArgumentParser
import SyncCore
import SyncEngine

/// `ossync schedule print`
struct SchedulePrint: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print",
        abstract: "Print what would be installed for each schedule, and when it comes next.",
        discussion: """
            Nothing is written. What is no unit and no line of cron stands in comments.

            Example: ossync schedule print --format cron --every 15m
            Example: ossync schedule print --cron '30 2 * * *' --time-zone America/Sao_Paulo
            """)

    @Option(parsing: .unconditional, help: "How many of the next times are printed.")
    var next = 5

    @OptionGroup var options: ScheduleOptions

    @OptionGroup var global: GlobalOptions

    private static let mostTimes = 10_000

    func validate() throws {
        guard (0...Self.mostTimes).contains(next) else {
            throw ValidationError("--next must be from 0 to \(Self.mostTimes)")
        }
    }

    func run() throws {
        let session = try Session(global)
        let schedules = try options.schedules(session.configuration)
        let sync = try ScheduledSync(session, environmentFile: options.environmentFile)
        let now = SystemClock().read().wall
        let comings = try schedules.map { try Comings($0, count: next, after: now) }
        switch options.format {
        case .service:
            let folder = try SystemdFolder(options.scope)
            let file = try SystemdUnits(sync, isSystem: folder.isSystem).serve()
            if session.output.isJSON {
                print(session.output, comings, [("files", .array([Self.json(file, in: folder)]))])
            } else {
                session.output.line("# \(folder.path)/\(file.name)\n\(file.text)")
                print(session.output, comings)
            }
        case .systemd:
            let folder = try SystemdFolder(options.scope)
            let units = try SystemdUnits(sync, isSystem: folder.isSystem)
            let files = try schedules.map { try units.files($0) }
            if session.output.isJSON {
                print(
                    session.output, comings,
                    parts: files.map { files in
                        ("files", .array(files.map { Self.json($0, in: folder) }))
                    })
            } else {
                for file in files.joined() {
                    session.output.line("# \(folder.path)/\(file.name)\n\(file.text)")
                }
                print(session.output, comings)
            }
        case .cron:
            let block = try CrontabBlock(sync, schedules)
            if session.output.isJSON {
                print(session.output, comings, [("crontab", .string(block.text))])
            } else {
                session.output.line(block.text)
                print(session.output, comings)
            }
        }
        if session.configuration.files.isEmpty {
            session.output.note("\(sync.config) isn't there yet: `ossync init` writes it")
        }
    }

    private static func json(_ file: SystemdUnits.File, in folder: SystemdFolder) -> JSONText {
        .object([
            ("path", .string("\(folder.path)/\(file.name)")), ("text", .string(file.text)),
        ])
    }

    private func print(
        _ output: Output, _ comings: [Comings], _ whole: [(String, JSONText)] = [],
        parts: [(String, JSONText)]? = nil
    ) {
        let schedules = comings.enumerated().map { index, coming in
            JSONText.object(coming.json + (parts.map { [$0[index]] } ?? []))
        }
        let members: [(String, JSONText)] = [
            ("v", .number(1)), ("type", "schedules"), ("format", .string(options.format.rawValue)),
            ("schedules", .array(schedules)),
        ]
        output.line(JSONText.object(members + whole).line)
    }

    private func print(_ output: Output, _ comings: [Comings]) {
        for line in comings.flatMap(\.words) { output.line(line) }
    }
}

/// The next times of a schedule, by the clocks of its time zone and in UTC, without jitter.
private struct Comings {
    private let schedule: Configuration.Schedule
    private let times: [(utc: LogTime, offset: Int64)]

    init(_ schedule: Configuration.Schedule, count: Int, after now: LogTime) throws {
        self.schedule = schedule
        let plan = try schedule.plan()
        var zone = ZoneRules.utc
        if case .cron(_, let rules) = plan.timing { zone = rules }
        var times: [(utc: LogTime, offset: Int64)] = []
        var last = now
        while times.count < count, let next = plan.next(after: last) {
            times.append((next, zone.offset(at: next.rawValue / .nsPerSecond)))
            last = next
        }
        self.times = times
    }

    var words: [String] {
        guard !times.isEmpty else { return [] }
        let delay =
            schedule.jitterMs < 1_000
            ? "" : ", later by \(TimeSpan.text(seconds: schedule.jitterMs / 1_000)) at most"
        return ["# \(schedule.name), \(schedule.timingText), comes next at\(delay):"]
            + times.map { time in
                "#   \(time.utc.toTheSecond(offset: time.offset))  \(time.utc.toTheSecond)"
            }
    }

    var json: [(String, JSONText)] {
        var timing: [(String, JSONText)]
        switch schedule.timing {
        case .every(let minutes):
            timing = [("every", .string(Configuration.Schedule.span(minutes: minutes)))]
        case .cron(let text, let timeZone):
            timing = [("cron", .string(text)), ("timeZone", .string(timeZone))]
        }
        timing.append(("mode", .string(schedule.mode.rawValue)))
        let next = times.map { time in
            JSONText.object([
                ("local", .string(time.utc.toTheSecond(offset: time.offset))),
                ("utc", .string(time.utc.toTheSecond)),
            ])
        }
        return [("name", .string(schedule.name))] + timing + [("next", .array(next))]
    }
}
