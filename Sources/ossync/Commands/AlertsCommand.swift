import ArgumentParser
import EventLog
import SyncCore
import SyncEngine

/// `ossync alerts`
struct AlertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "See the alerts, look for new ones, and try whether they arrive.",
        discussion: """
            Every sync looks for alerts at its end. What is to be noticed between runs, such as \
            that none was completed for a day, is noticed by `ossync alerts check` from cron.

            Example: ossync alerts test
            Example: ossync alerts check --quiet
            """,
        subcommands: [List.self, Check.self, Test.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the alerts that stand, and who could not be told yet.",
            discussion: "Example: ossync alerts list --json")

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let control = try session.openLog().snapshot().control()
            for stream in control.streams {
                for alert in stream.alerts?.alerts ?? [] {
                    let entry = AlertEntry(alert: alert, stream: stream.name)
                    session.output.line(session.output.isJSON ? entry.json.line : entry.words)
                }
            }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look for alerts now, and tell what is to be told.",
            discussion: """
                While another process holds the store there is nothing to do: a sync looks at its \
                end. Where nothing changes, nothing is written. Exit 1 when somebody could not be \
                told.

                Example: */5 * * * * ossync alerts check --quiet
                """)

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            guard !session.configuration.alerts.channels.isEmpty else {
                throw CommandFailure(
                    ExitCode.usage, "alerts.channels is empty: nobody is to be told of anything",
                    hint: "add a channel to the configuration")
            }
            guard
                let store = try EngineSession(
                    session, activity: "alerts check", creates: false, ifRunning: .skip)
            else {
                report(nil, isTold: true, session.output)
                return
            }
            let alerts = AlertSession(store: store)
            var isTold = true
            if try alerts.hasWork() {
                // What an engine that is gone left behind is settled first.
                let stream = try session.stream(in: store.engine.control).name
                _ = try store.engine.process(
                    store.engine.startInputs(apiIdentity: store.apiIdentity, stream: stream))
                isTold = try alerts.evaluate()
            }
            report(store.engine.control, isTold: isTold, session.output)
            if !isTold { throw CommandFailure.silent(ExitCode.failure) }
        }

        /// - Parameter control: nil where the store was somebody else's.
        private func report(_ control: ControlState?, isTold: Bool, _ output: Output) {
            let standing = (control?.streams ?? []).flatMap { stream in
                (stream.alerts?.firing ?? []).map { AlertEntry(alert: $0, stream: stream.name) }
            }
            guard output.isJSON else {
                for entry in standing { output.note(entry.words) }
                if control != nil, standing.isEmpty { output.note("no alert stands") }
                return
            }
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"),
                    ("exitCode", .number(isTold ? 0 : ExitCode.failure)),
                    ("reason", control == nil ? "skipped" : .null),
                    ("firing", .array(standing.map(\.json))),
                    ("position", control.map { .number($0.position.rawValue) } ?? .null),
                ]).line)
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a test message through each channel.",
            discussion: """
                It needs no store and is no event. Exit 1 when a channel could not be told.

                Example: ossync alerts test --channel pager
                """)

        @Option(help: "Only this channel; may be given several times.")
        var channel: [String] = []

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let channels = try chosen(of: session.configuration)
            let message = AlertMessage(
                testAt: SystemClock().read().wall, session: session)
            Interruption.begin()
            defer { Signals.during(nil) }
            var failures = 0
            for channel in channels {
                let outcome = AlertChannel(channel: channel).tell(message)
                try Interruption.check("not all channels were told")
                if outcome.problem != nil { failures += 1 }
                report(channel.name, outcome, session.output)
            }
            if failures > 0 { throw CommandFailure.silent(ExitCode.failure) }
        }

        private func chosen(of configuration: Configuration) throws -> [Configuration.Channel] {
            let all = configuration.alerts.channels
            guard !all.isEmpty else {
                throw CommandFailure(
                    ExitCode.usage, "alerts.channels is empty: there is nothing to try",
                    hint: "add a channel to the configuration")
            }
            for name in channel where !all.contains(where: { $0.name == name }) {
                let near = NearestKey.find(name, among: all.map(\.name))
                throw CommandFailure(
                    ExitCode.usage, "there is no channel \"\(name)\"".withoutControls,
                    hint: near.map { "did you mean \"\($0)\"?" }
                        ?? "known: \(all.map(\.name).joined(separator: ", "))")
            }
            return channel.isEmpty ? all : all.filter { channel.contains($0.name) }
        }

        private func report(_ name: String, _ outcome: AlertChannel.Outcome, _ output: Output) {
            let problem = outcome.problem?.withoutControls
            if output.isJSON {
                output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "delivery"), ("channel", .string(name)),
                        ("delivered", .literal(problem == nil ? "true" : "false")),
                        ("attempts", .number(outcome.attempts)),
                        ("message", .optional(problem)),
                    ]).line)
            } else {
                let tries = outcome.attempts == 1 ? "1 try" : "\(outcome.attempts) tries"
                output.line("\(name): \(problem ?? "told") (\(tries))")
            }
        }
    }
}

/// An alert as people and programs see it.
private struct AlertEntry {
    let alert: StandingAlert
    let stream: String

    private var untold: [String] { alert.pending.map(\.channel) }

    var words: String {
        let state = alert.isFiring ? "since \(alert.raisedAt.toTheSecond)" : "over"
        let left = untold.isEmpty ? "" : " (not told yet: \(untold.joined(separator: ", ")))"
        return "\(alert.rule.name) \(stream) \(state): \(alert.text)\(left)".withoutControls
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "alert"), ("alert", .string(alert.rule.name)),
            ("stream", .string(stream.withoutControls)),
            ("firing", .literal(alert.isFiring ? "true" : "false")),
            ("since", .string(alert.raisedAt.rfc3339())),
            ("raised", .number(alert.raised.rawValue)), ("reminders", .number(alert.reminders)),
            ("text", .string(alert.text.withoutControls)),
            ("untold", .array(untold.map { .string($0) })),
        ])
    }
}
