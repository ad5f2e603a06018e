import ArgumentParser

/// `ossync log`
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Read and check the log of everything that happened.",
        discussion: """
            Options that choose events can be combined: an event is shown when all of them hold; \
            of a list with commas, one is enough.

            Example: ossync log show --event RateLimited,RequestFailed --since now-1d
            """,
        subcommands: [
            Show.self, Tail.self, Grep.self, Stats.self, Diff.self, Bisect.self, Export.self,
            Verify.self, Salvage.self, Compact.self, Redact.self,
        ])
}
