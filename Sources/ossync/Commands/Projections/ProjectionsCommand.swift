import ArgumentParser
import Projections

/// `ossync projections`
struct ProjectionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "See, rebuild and check the tables folded from the log.",
        discussion: """
            One for each stream, and one called history: the index over the log. Deleting the \
            folder projections/ of a store is always safe: they are rebuilt.

            Example: ossync projections list
            """,
        subcommands: [
            List.self, Rebuild.self, Verify.self, Drop.self, Rollback.self,
        ])

    /// Another process is at the projections.
    static let busy = CommandFailure(
        ExitCode.locked, "another process is writing the projections; try again")
}
