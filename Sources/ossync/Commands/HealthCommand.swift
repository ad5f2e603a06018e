import ArgumentParser
import EventLog
import RESTSource
import SyncCore

/// `ossync health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract:
            "Send one request to the API: does it answer, how fast, which limits does it name?",
        discussion: """
            The request counts against the budget and is in the log, like any other.

            Example: ossync health --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        Output.log(as: session.configuration.log.format)
        let check = try HealthCheck(session)
        session.output.line(session.output.isJSON ? check.json.line : check.words)
        if check.exitCode != 0 { throw CommandFailure.silent(check.exitCode) }
    }
}

/// One health request and what it said.
struct HealthCheck {
    private let completed: RunCompleted
    private let exchange: Exchange?
    private let answeredAt: LogTime?
    private let position: Position

    var exitCode: Int32 { completed.exitCode }
    var text: String { completed.text }

    /// The longest wait for a free slot of the budget: the windows that people configure are
    /// minutes.
    private static let patienceMs: Int64 = 60_000

    init(_ session: Session) throws {
        let stream = try session.configuration.stream()
        let source = try session.source(stream)
        guard let store = try EngineSession(session, activity: "health", creates: true) else {
            throw CommandFailure(ExitCode.locked, "the store is in use")
        }
        let result = try RunSession(
            store: store, source: source, stream: stream, mode: .health,
            options: RunOptions(patienceMs: Self.patienceMs)
        ).run()
        completed = result.completed
        position = result.control.position
        var found: Exchange?
        var at: LogTime?
        try store.log.snapshot().forEachEventBackwards(before: Position(.max)) { event in
            switch event.event {
            case .healthChecked(let event): found = event.exchange
            case .requestFailed(let event): found = event.exchange
            case .rateLimited(let event): found = event.exchange
            case .runRequested: return false
            default: return true
            }
            at = event.time
            return false
        }
        exchange = found
        answeredAt = at
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
            ("ok", .literal(exitCode == 0 ? "true" : "false")),
            ("status", exchange.map { .number($0.status) } ?? .null),
            ("latencyMs", exchange.map { .number($0.latencyUs / 1_000) } ?? .null),
            (
                "headers",
                .object(
                    (exchange?.headers ?? []).map {
                        ($0.name, .string($0.value.withoutControls))
                    })
            ), ("clockSkewSeconds", skewSeconds.map { .number($0) } ?? .null),
            ("message", .string(completed.text.withoutControls)),
            ("position", .number(position.rawValue)),
        ])
    }

    /// How far the server's clock is ahead of ours, by its Date header; a second of it is rounding.
    private var skewSeconds: Int64? {
        guard let date = exchange?.headers.first(where: { $0.name == "date" })?.value,
            let ours = answeredAt.map({ $0.rawValue / .nsPerSecond }),
            let server = HTTPDate.seconds(date, near: ours)
        else { return nil }
        return server - ours
    }

    var words: String {
        guard let exchange else { return "no answer: \(completed.text.withoutControls)" }
        var lines = [
            exitCode == 0
                ? "the API answers: \(exchange.status) in \(exchange.latencyUs / 1_000) ms"
                : completed.text.withoutControls
        ]
        for header in exchange.headers where header.name != "date" {
            lines.append("\(header.name): \(header.value.withoutControls)")
        }
        if let skew = skewSeconds, abs(skew) > 2 {
            lines.append("its clock is \(abs(skew)) s \(skew > 0 ? "ahead of" : "behind") ours")
        }
        return lines.joined(separator: "\n")
    }
}
