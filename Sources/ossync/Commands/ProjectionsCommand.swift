import ArgumentParser
import EventLog
import Projections
import SyncCore

/// `ossync projections`
struct ProjectionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections", abstract: "See and rebuild the tables folded from the log.",
        discussion: """
            Deleting the folder projections/ of a store is always safe: they are rebuilt.

            Example: ossync projections list
            """, subcommands: [List.self, Rebuild.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the projections and how far they follow the log.",
            discussion: "Example: ossync projections list --json")

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let end = try log.snapshot().tail().position
            for stream in session.configuration.streams {
                guard let projector = try session.projector(stream.name, log: log) else { continue }
                let standing = try projector.standing()
                if session.output.isJSON {
                    session.output.line(json(stream.name, standing, end).line)
                } else {
                    session.output.line(words(stream.name, standing, end))
                }
            }
        }

        private func json(
            _ name: String, _ standing: ProjectionStanding?, _ end: Position
        ) -> JSONText {
            .object([
                ("v", .number(1)), ("type", "projection"), ("name", .string(name)),
                ("generation", standing.map { .number($0.generation) } ?? .null),
                ("position", standing.map { .number($0.position.rawValue) } ?? .null),
                ("logPosition", .number(end.rawValue)),
                ("rows", standing.map { .number($0.rows) } ?? .null),
                ("stale", .literal(standing?.isStale ?? true ? "true" : "false")),
            ])
        }

        private func words(
            _ name: String, _ standing: ProjectionStanding?, _ end: Position
        ) -> String {
            guard let standing else { return "\(name)  not built yet" }
            let lag = end.rawValue - min(standing.position.rawValue, end.rawValue)
            return "\(name)  generation \(standing.generation), \(standing.rows.grouped) rows, at "
                + "position \(standing.position.rawValue.grouped), \(lag.grouped) events behind"
                + (standing.isStale ? ", stale: it is rebuilt at the next use" : "")
        }
    }

    struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fold the whole log into a new generation of a projection.",
            discussion: """
                Needs no network. The old generation serves until the new one is whole.

                Example: ossync projections rebuild os
                """)

        @Argument(help: "The projection's name, for example os.")
        var name: String

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            guard let projector = try session.projector(name, log: log) else {
                let known = session.configuration.streams.map(\.name).joined(separator: ", ")
                throw CommandFailure(
                    ExitCode.usage, "there is no projection \(name)", hint: "known: \(known)")
            }
            let output = session.output
            let isDone = try projector.rebuild { position, end in
                guard output.isInteractive else { return }
                output.raw("\r\u{1B}[K\(position.rawValue.grouped)/\(end.rawValue.grouped) events")
            }
            if output.isInteractive { output.raw("\r\u{1B}[K") }
            guard isDone != nil, let standing = try projector.standing() else {
                throw CommandFailure(
                    ExitCode.locked, "another process is writing the projections; try again")
            }
            if output.isJSON {
                output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "summary"), ("projection", .string(name)),
                        ("exitCode", .number(0)), ("rows", .number(standing.rows)),
                        ("position", .number(standing.position.rawValue)),
                        ("generation", .number(standing.generation)),
                    ]).line)
            } else {
                output.line(
                    "\(name): \(standing.rows.grouped) rows, generation \(standing.generation)")
            }
        }
    }
}
