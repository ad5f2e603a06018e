import ArgumentParser
import EventLog
import Projections
import SyncCore

extension ProjectionsCommand {
    struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fold the whole log into a new generation of a projection.",
            discussion: """
                Needs no network, and goes on where an earlier one was killed. The old generation \
                serves until the new one is whole, and is kept until the next rebuild, or until it \
                is dropped. Says in how many records the two differ.

                Example: ossync projections rebuild os --dry-run
                """)

        @Argument(help: "The projection's name, for example os.", completion: .projections)
        var name: String

        @Flag(help: "Only say what would differ.")
        var dryRun = false

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let projection = try session.projection(name, log)
            let progress = FoldProgress(session.output, name)
            let rebuilt = try projection.rebuild(swaps: !dryRun) { progress.tell($0, $1) }
            progress.end()
            guard let rebuilt else { throw ProjectionsCommand.busy }
            session.output.line(
                session.output.isJSON ? json(rebuilt).line : words(rebuilt))
        }

        private func json(_ rebuilt: ProjectionRebuild) -> JSONText {
            let comparison = rebuilt.comparison
            return .object([
                ("v", .number(1)), ("type", "summary"), ("projection", .string(name)),
                ("exitCode", .number(0)), ("dryRun", .literal(String(dryRun))),
                ("rows", .number(rebuilt.rows)), ("position", .number(rebuilt.position.rawValue)),
                ("generation", dryRun ? .null : .number(rebuilt.generation)),
                ("kept", dryRun ? .null : rebuilt.kept.map { .number($0) } ?? .null),
                ("added", comparison.map { .number($0.added) } ?? .null),
                ("removed", comparison.map { .number($0.removed) } ?? .null),
                ("changed", comparison.map { .number($0.changed) } ?? .null),
            ])
        }

        private func words(_ rebuilt: ProjectionRebuild) -> String {
            let rows = name == HistoryProjection.name ? "segments" : "rows"
            var text = "\(name): \(rebuilt.rows.grouped) \(rows)"
            if !dryRun { text += ", generation \(rebuilt.generation)" }
            if let comparison = rebuilt.comparison {
                text +=
                    "; \(comparison.added.grouped) added, \(comparison.removed.grouped) removed, "
                    + "\(comparison.changed.grouped) changed"
            }
            if !dryRun, let kept = rebuilt.kept { text += "; generation \(kept) is kept" }
            return text
        }
    }

    struct Drop: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove the generations that are kept beside the one in use.",
            discussion: "Example: ossync projections drop os")

        @Argument(help: "The projection's name, for example os.", completion: .projections)
        var name: String

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let projection = try session.projection(name, try session.openLog())
            guard let dropped = try projection.drop() else { throw ProjectionsCommand.busy }
            let numbers = dropped.map { String($0) }.joined(separator: ", ")
            session.output.note(
                dropped.isEmpty ? "\(name): nothing is kept" : "\(name): dropped \(numbers)")
            guard session.output.isJSON else { return }
            session.output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("projection", .string(name)),
                    ("exitCode", .number(0)), ("dropped", .array(dropped.map { .number($0) })),
                ]).line)
        }
    }

    struct Rollback: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go back to the generation that was in use before the last rebuild.",
            discussion: """
                It is folded on to the log's end at its next use. One of other columns than those \
                configured can't be gone back to before the configuration is.

                Example: ossync projections rollback os
                """)

        @Argument(help: "The projection's name, for example os.", completion: .projections)
        var name: String

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let projection = try session.projection(name, try session.openLog())
            switch try projection.rollBack() {
            case .busy: throw ProjectionsCommand.busy
            case .nothingKept:
                throw CommandFailure(
                    ExitCode.failure, "no other generation of \(name) is kept",
                    hint: "a rebuild keeps the one before")
            case .stale(let generation):
                throw CommandFailure(
                    ExitCode.failure,
                    "generation \(generation.number) of \(name) was folded by other columns",
                    hint: "change the configuration back first")
            case .done(let generation):
                session.output.note("\(name): generation \(generation.number) is in use")
                guard session.output.isJSON else { return }
                session.output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "summary"), ("projection", .string(name)),
                        ("exitCode", .number(0)), ("generation", .number(generation.number)),
                        ("position", .number(generation.position.rawValue)),
                    ]).line)
            }
        }
    }
}
