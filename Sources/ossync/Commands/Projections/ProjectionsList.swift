import ArgumentParser
import EventLog
import Projections
import SyncCore

extension ProjectionsCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the projections, how far they follow the log, and what is kept.",
            discussion: "Example: ossync projections list --json")

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let end = try log.snapshot().tail().position
            for projection in try session.projections(log) {
                let standing = try projection.standing()
                let kept = try projection.generations().filter { !$0.isInUse }
                session.output.line(
                    session.output.isJSON
                        ? json(projection.name, standing, kept, end).line
                        : words(projection.name, standing, kept, end))
            }
        }

        private func json(
            _ name: String, _ standing: ProjectionStanding?, _ kept: [ProjectionGeneration],
            _ end: Position
        ) -> JSONText {
            .object([
                ("v", .number(1)), ("type", "projection"), ("name", .string(name)),
                ("generation", standing.map { .number($0.generation) } ?? .null),
                ("position", standing.map { .number($0.position.rawValue) } ?? .null),
                ("logPosition", .number(end.rawValue)),
                ("rows", standing.map { .number($0.rows) } ?? .null),
                ("stale", .literal(standing?.isStale ?? true ? "true" : "false")),
                (
                    "kept",
                    .array(
                        kept.map { old in
                            .object([
                                ("generation", .number(old.number)),
                                ("position", .number(old.position.rawValue)),
                                ("rows", .number(old.rows)),
                                ("stale", .literal(String(old.isStale))),
                            ])
                        })
                ),
            ])
        }

        private func words(
            _ name: String, _ standing: ProjectionStanding?, _ kept: [ProjectionGeneration],
            _ end: Position
        ) -> String {
            guard let standing else { return "\(name)  not built yet" }
            let lag = end.rawValue - min(standing.position.rawValue, end.rawValue)
            let rows = name == HistoryProjection.name ? "segments" : "rows"
            var text =
                "\(name)  generation \(standing.generation), \(standing.rows.grouped) \(rows), at "
                + "position \(standing.position.rawValue.grouped), \(lag.grouped) events behind"
                + (standing.isStale ? ", stale: it is rebuilt at the next use" : "")
            if !kept.isEmpty {
                let numbers = kept.map { String($0.number) }.joined(separator: ", ")
                text += "; generation \(numbers) is kept: go back with `projections rollback`"
            }
            return text
        }
    }
}
