import LMDB
import SyncCore
import SyncEngine

/// The checks of `ossync doctor`, and what they found.
struct Doctor {
    let options: GlobalOptions
    let offline: Bool
    private(set) var findings: [Finding] = []

    init(options: GlobalOptions, offline: Bool) {
        self.options = options
        self.offline = offline
    }

    /// That of the first error; nil without one.
    var exitCode: Int32? { findings.first { $0.level == .error }?.exitCode }

    mutating func fine(_ check: String, _ text: String) {
        findings.append(Finding(fine: check, text))
    }

    mutating func found(
        _ trouble: Trouble, _ text: String, mend: String? = nil,
        exitCode: Int32 = ExitCode.failure
    ) {
        findings.append(Finding(trouble, text, mend: mend, exitCode: exitCode))
    }

    mutating func examine() {
        let session = configuration()
        clock()
        guard let session else { return }
        disk(session)
        schedules(session)
        alerts(session)
        guard let control = store(session) else { return }
        limits(session, control)
        api(session)
    }

    // MARK: - The machine

    /// 2020: no ossync was there before.
    private static let firstYear: Int64 = 1_577_836_800 * .nsPerSecond

    private mutating func clock() {
        let now = SystemClock().read().wall
        if now.rawValue < Self.firstYear {
            found(
                .clockUnset, "the clock says \(now.toTheSecond), and the log records this time",
                mend: "set it, and let it be kept (timedatectl set-ntp true)")
        } else {
            fine("clock", now.toTheSecond)
        }
        if let folder = ZoneDirectory().missingFolder {
            found(
                .zonesMissing,
                "there are no time zones in \(folder): schedules and reports know UTC alone",
                mend: "install them (apt install tzdata), or let TZDIR name their folder")
        }
    }

    private mutating func disk(_ session: Session) {
        let path = session.folder.path
        guard let free = StoreFolder(Self.nearestFolder(path)).freeBytes else {
            found(
                .diskUnknown, "\(path): the file system doesn't say how much space is free",
                mend: "see to it that there is some; or choose another --store")
            return
        }
        let answer = UInt64(session.configuration.api?.maxBodyBytes ?? 32 << 20)
        let concurrency = session.configuration.streams.first?.detail?.concurrency ?? 1
        let needed = 2 * answer * UInt64(concurrency)
        let text = "\(free >> 20) MiB free where the store is"
        if free < 2 * answer {
            found(
                .diskFull, "\(text), and no request is sent below \(2 * answer >> 20) MiB",
                mend: "free some space, or lower api.maxBodyBytes")
        } else if free < needed {
            found(
                .diskLow,
                "\(text): \(needed >> 20) MiB allow \(concurrency) requests at once, fewer will be "
                    + "used", mend: "free some space, or lower detail.concurrency")
        } else {
            fine("disk", text)
        }
    }

    /// The folder, or the first above it that is there.
    static func nearestFolder(_ path: String) -> String {
        var place = path
        while FileSystem.names(in: place) == nil, FileSystem.parent(of: place) != place {
            place = FileSystem.parent(of: place)
        }
        return place
    }

    // MARK: - Who is told

    private mutating func alerts(_ session: Session) {
        for channel in session.configuration.alerts.channels {
            if let problem = AlertChannel(channel: channel).problem {
                found(.alertsUnusable, "channel \(channel.name): \(problem)")
            } else {
                fine("alerts", "channel \(channel.name); `ossync alerts test` tries it")
            }
        }
    }

    // MARK: - The report

    func print(_ output: Output) {
        for finding in findings {
            if output.isJSON {
                output.line(finding.json.line)
            } else {
                output.line(
                    "\(output.paint(finding.level.rawValue.padded(to: 8), finding.level.ink)) "
                        + "\(finding.check.padded(to: 14)) \(finding.line)")
            }
        }
        let errors = findings.count { $0.level == .error }
        guard output.isJSON else {
            if errors == 0, !offline {
                output.note(
                    "next: `ossync plan\(options.storeArguments)`, "
                        + "then `ossync sync --max 10\(options.storeArguments)`")
            }
            return
        }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode ?? 0)),
                ("errors", .number(errors)),
                ("warnings", .number(findings.count { $0.level == .warning })),
            ]).line)
    }
}
