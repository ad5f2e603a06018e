import ArgumentParser
import EventLog
import RESTSource
import SyncCore
import SyncEngine

/// `ossync doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check configuration, store, disk, clock and API; say how to mend what is wrong.",
        discussion: """
            The API is asked once, under the limits, and the request is in the log; --offline \
            leaves that out. Exit 0 when nothing is wrong, else the code of the first thing \
            that is.

            Example: ossync doctor --offline
            """)

    @Flag(help: "Send no request.")
    var offline = false

    @OptionGroup var global: GlobalOptions

    func run() throws {
        var doctor = Doctor(options: global, offline: offline)
        doctor.examine()
        doctor.print()
        if let code = doctor.exitCode { throw CommandFailure.silent(code) }
    }
}

/// The checks of `doctor`, each with what it found.
private struct Doctor {
    struct Finding {
        enum Level: String {
            case ok, warning, error

            var ink: Output.Ink {
                switch self {
                case .ok: .green
                case .warning: .yellow
                case .error: .red
                }
            }
        }

        let check: String
        let level: Level
        let text: String
        let exitCode: Int32
    }

    let options: GlobalOptions
    let offline: Bool
    private(set) var findings: [Finding] = []

    init(options: GlobalOptions, offline: Bool) {
        self.options = options
        self.offline = offline
    }

    var exitCode: Int32? { findings.first { $0.level == .error }?.exitCode }

    private mutating func note(
        _ check: String, _ level: Finding.Level, _ text: String, exitCode: Int32 = 1
    ) {
        findings.append(Finding(check: check, level: level, text: text, exitCode: exitCode))
    }

    mutating func examine() {
        guard let session = configuration() else { return }
        clock()
        disk(session)
        alerts(session)
        guard store(session) else { return }
        api(session)
    }

    private mutating func configuration() -> Session? {
        do {
            let session = try Session(options)
            let stream = try session.configuration.stream()
            let source = try session.configuration.sourceConfiguration(
                stream, environment: ConfigurationLoader.processEnvironment)
            for problem in source.problems {
                note("configuration", .error, "\(problem)", exitCode: ExitCode.usage)
            }
            guard source.problems.isEmpty else { return nil }
            _ = try session.configuration.mapping(stream)
            note(
                "configuration", .ok,
                session.configuration.files.first ?? "defaults and environment only")
            if source.hasShortSecret {
                note(
                    "secrets", .warning,
                    "a secret is shorter than 12 characters: it can't be told from other text, and "
                        + "would be stored if the API sent it back")
            }
            note(
                "limits", .ok,
                "counted in this store: another store with the same API key isn't known to it")
            if session.configuration.limitPolicy.windows.isEmpty {
                note(
                    "limits", .warning,
                    "no rate limit is configured: the API is asked without pause")
            }
            return session
        } catch {
            let failure = CommandFailure(describing: error)
            note("configuration", .error, failure.line, exitCode: ExitCode.usage)
            return nil
        }
    }

    private mutating func clock() {
        let reading = SystemClock().read()
        let year2020: Int64 = 1_577_836_800 * .nsPerSecond
        if reading.wall.rawValue < year2020 {
            note(
                "clock", .error,
                "the clock says \(reading.wall.toTheSecond): set it, the log records this time")
        } else {
            note("clock", .ok, reading.wall.toTheSecond)
        }
    }

    private mutating func disk(_ session: Session) {
        var place = session.folder
        while place.freeBytes == nil, let slash = place.path.lastIndex(of: "/"), place.path != "/" {
            place = StoreFolder(slash == place.path.startIndex ? "/" : String(place.path[..<slash]))
        }
        guard let free = place.freeBytes else {
            note("disk", .warning, "\(session.folder.path): free space can't be told")
            return
        }
        let answer = UInt64(session.configuration.api?.maxBodyBytes ?? 32 << 20)
        let concurrency = session.configuration.streams.first?.detail?.concurrency ?? 1
        let needed = 2 * answer * UInt64(concurrency)
        let text = "\(free >> 20) MiB free where the store is"
        if free < 2 * answer {
            note("disk", .error, "\(text), \(2 * answer >> 20) MiB are needed: free some space")
        } else if free < needed {
            note(
                "disk", .warning,
                "\(text): \(needed >> 20) MiB allow \(concurrency) requests at once, "
                    + "fewer will be used"
            )
        } else {
            note("disk", .ok, text)
        }
    }

    private mutating func alerts(_ session: Session) {
        for channel in session.configuration.alerts.channels {
            if let problem = AlertChannel(channel: channel).problem {
                note("alerts", .error, "channel \(channel.name): \(problem)")
            } else {
                note("alerts", .ok, "channel \(channel.name); `ossync alerts test` tries it")
            }
        }
    }

    private mutating func store(_ session: Session) -> Bool {
        do {
            try session.folder.checkReachable()
            guard session.folder.exists || session.folder.isSomethingElse else {
                note("store", .ok, "\(session.folder.path): none yet, the first sync makes it")
                return true
            }
            let log = try session.openLog()
            let control = try log.snapshot().control()
            if let bound = control.apiIdentity, let wanted = session.configuration.api?.id,
                bound != wanted
            {
                throw EngineError.otherAPI(path: session.folder.path, bound: bound, wanted: wanted)
            }
            note(
                "store", .ok,
                "\(session.folder.path): position \(control.position.rawValue.grouped), "
                    + "\(try log.usedBytes() >> 20) MiB")
            if let text = try log.snapshot().unfinishedRedactionText() {
                note("redaction", .error, text)
            }
            return true
        } catch {
            let failure = CommandFailure(describing: error)
            note("store", .error, failure.line, exitCode: failure.exitCode)
            return false
        }
    }

    private mutating func api(_ session: Session) {
        if offline {
            note("api", .ok, "not asked (--offline)")
            return
        }
        do {
            let check = try HealthCheck(session)
            if check.exitCode == 0 {
                note("api", .ok, check.words.split(separator: "\n").joined(separator: "; "))
            } else {
                note("api", .error, check.text, exitCode: check.exitCode)
            }
        } catch {
            let failure = CommandFailure(describing: error)
            note("api", .error, failure.line, exitCode: failure.exitCode)
        }
    }

    func print() {
        let output = options.output
        for finding in findings {
            if output.isJSON {
                output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "finding"), ("check", .string(finding.check)),
                        ("level", .string(finding.level.rawValue)),
                        ("message", .string(finding.text.withoutControls)),
                    ]).line)
            } else {
                output.line(
                    "\(output.paint(finding.level.rawValue.padded(to: 8), finding.level.ink)) "
                        + "\(finding.check.padded(to: 14)) "
                        + finding.text.withoutControls)
            }
        }
        guard output.isJSON else { return }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode ?? 0)),
                ("errors", .number(findings.count { $0.level == .error })),
                ("warnings", .number(findings.count { $0.level == .warning })),
            ]).line)
    }
}
