import ArgumentParser
import EventLog
import Projections
import SyncCore
import SyncEngine

/// `ossync queue`
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "See and mend the queue of details.",
        discussion: "Example: ossync queue list --state parked",
        subcommands: [List.self, Retry.self, Drop.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what waits for its details, in the order in which it is served.",
            discussion: """
                New records come before changed ones, then the retried ones, then those that \
                were given up (parked) or dropped; the newest id first. What is asked for at \
                the moment waits for nothing, and isn't listed.

                Example: ossync queue list --limit 20
                Example: ossync queue list --at now-1d
                """)

        enum State: String, ExpressibleByArgument, CaseIterable {
            case pending, retrying, parked, dropped
        }

        @Option(help: "Only entries in this state: pending, retrying, parked or dropped.")
        var state: State?

        @Option(parsing: .unconditional, help: "At most so many entries.")
        var limit: Int?

        @OptionGroup var moment: MomentOptions

        @OptionGroup var global: GlobalOptions

        func validate() throws { try ValidationError.check("--limit", limit, least: 0) }

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let past = try moment.point.map { try session.control(at: $0, log) }
            let stream = try session.stream(in: past ?? log.snapshot().control())
            guard stream.id != .none else { return }
            var left = limit ?? .max
            let output = session.output
            let order = stream.idOrder ?? .none
            func print(_ row: RecordRow) -> Bool {
                guard left > 0 else { return false }
                guard state == nil || row.state.name == state?.rawValue else { return true }
                left -= 1
                output.line(output.isJSON ? json(row).line : words(row))
                return true
            }
            guard let past else {
                return try log.forEachQueued(stream.id, order: order, print)
            }
            try session.readPast(at: past, log) { reader in
                var first = FirstInOrder<Ordinal>(limit: limit)
                try reader.forEachRow { view in
                    let row = view.core
                    if state == nil || row.state.name == state?.rawValue,
                        let key = row.queueKey(order: order)
                    {
                        first.take(row.ordinal, key: key)
                    }
                    return true
                }
                for ordinal in first.inOrder {
                    guard let row = try reader.row(ordinal)?.core, print(row) else { return }
                }
            }
        }

        private func json(_ row: RecordRow) -> JSONText {
            .object([
                ("v", .number(1)), ("type", "queueEntry"), ("id", .string(row.id.text)),
                ("state", .string(row.state.name)),
                ("priority", .string(row.queueClass?.name ?? "inFlight")),
                ("attempts", .number(row.attempts)),
                ("nextAttemptAt", .optional(row.nextAttempt?.rfc3339())),
                ("lastError", .optional(row.error?.text.withoutControls)),
            ])
        }

        private func words(_ row: RecordRow) -> String {
            var text =
                "\(row.id.text.withoutControls.padded(to: 20)) \(row.state.name.padded(to: 9))"
            if row.attempts > 0 { text += " \(row.attempts) attempts" }
            if let due = row.nextAttempt { text += " next \(due.toTheSecond)" }
            if let error = row.error { text += " \(error.text.withoutControls)" }
            return text
        }

    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask for records again, with fresh attempts.",
            discussion: """
                While a sync runs, it is the one that does it, and this command waits for that.

                Example: ossync queue retry 4711 4712
                """)

        @Argument(help: "The records' ids.")
        var ids: [String]

        @OptionGroup var global: GlobalOptions

        func run() throws {
            try QueueChange(global: global, ask: .retry(ids.map { RecordID($0) })).run()
        }
    }

    struct Drop: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take records out of the queue until their header changes.",
            discussion: """
                While a sync runs, it is the one that does it, and this command waits for that.

                Example: ossync queue drop 4711
                """)

        @Argument(help: "The records' ids.")
        var ids: [String]

        @OptionGroup var global: GlobalOptions

        func run() throws {
            try QueueChange(global: global, ask: .drop(ids.map { RecordID($0) })).run()
        }
    }
}

extension RecordRow {
    /// When it is asked for again, where that is not at once.
    var nextAttempt: LogTime? {
        guard state == .retrying, let due = queue?.due, due > .zero else { return nil }
        return due
    }
}

extension QueueClass {
    fileprivate var name: String {
        switch self {
        case .new: "new"
        case .changed: "changed"
        case .retried: "retried"
        case .parked: "parked"
        case .dropped: "dropped"
        }
    }
}
