import ArgumentParser
import EventLog
import SyncCore
import SyncEngine

/// `ossync plan`
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a sync would request, and the soonest it can end under the limits.",
        discussion: """
            Sends and writes nothing. The size of the list is the last one known, or \
            --records.

            Example: ossync plan --mode full --records 10000
            """)

    @Option(help: "The mode to plan for: incremental, full, resume or details-only.")
    var mode: SyncCommand.Mode = .incremental

    @Flag(help: "Plan for headers only.")
    var noDetails = false

    @Option(parsing: .unconditional, help: "How many records the list has.")
    var records: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (0...Self.mostRecords).contains(records ?? 0) else {
            throw ValidationError("--records must be from 0 to \(Self.mostRecords)")
        }
    }

    private static let mostRecords = 1_000_000_000_000

    func run() throws {
        let session = try Session(global)
        let stream = try session.configuration.stream()
        try PlanReport(session: session, stream: stream, mode: mode, noDetails: noDetails)
            .print(records: records.map { UInt64($0) })
    }
}

/// What `plan` and `sync --dry-run` print.
struct PlanReport {
    let session: Session
    let stream: Configuration.Stream
    let mode: SyncCommand.Mode
    let noDetails: Bool

    func print(records: UInt64?) throws {
        let now = SystemClock().read().wall
        var control = ControlState()
        if session.folder.exists { control = try session.openLog().snapshot().control() }
        let policy = try session.configuration.policy(stream: stream)
        let plan = Plan(
            control, stream: control.stream(named: stream.name), policy: policy,
            mode: mode.runMode, noDetails: noDetails, knownRecords: records,
            givesTotal: stream.list.total != nil, now: now)
        if session.output.isJSON {
            session.output.line(json(plan, now).line)
        } else {
            for line in words(plan, now) { session.output.line(line) }
        }
    }

    private func json(_ plan: Plan, _ now: LogTime) -> JSONText {
        let number = { (value: UInt64?) in value.map { JSONText.number($0) } ?? .null }
        let total = plan.listRequests.flatMap { list in plan.detailRequests.map { list + $0 } }
        return .object([
            ("v", .number(1)), ("type", "plan"), ("stream", .string(stream.name)),
            ("mode", .string(mode.rawValue)),
            (
                "requests",
                .object([
                    ("list", number(plan.listRequests)), ("detail", number(plan.detailRequests)),
                    ("other", .number(0)), ("total", number(total)),
                ])
            ), ("records", number(plan.records)),
            ("floorSeconds", plan.floorNs.map { .number($0 / .nsPerSecond) } ?? .null),
            ("soonestEnd", .optional(plan.floorNs.map { now.adding(ns: $0).rfc3339() })),
        ])
    }

    private func words(_ plan: Plan, _ now: LogTime) -> [String] {
        let text = { (value: UInt64?) in value.map(\.grouped) ?? "unknown" }
        var lines = [
            "\(stream.name) \(mode.rawValue)",
            "requests  \(text(plan.listRequests)) list, \(text(plan.detailRequests)) detail",
            "records   \(text(plan.records))",
        ]
        if let floor = plan.floorNs {
            lines.append(
                "time      no less than \(TimeSpan.text(seconds: floor / .nsPerSecond)) under the "
                    + "limits, so not before \(now.adding(ns: floor).toTheSecond)")
        } else {
            lines.append(
                "time      unknown until an answer has told how many records there are"
                    + (stream.list.total.map { " (list.total, \($0))" } ?? "")
                    + ": give their number with --records")
        }
        return lines
    }
}
