import ArgumentParser

/// `ossync report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Add up expenses, runs and requests: as a table, JSON, CSV or a plot.",
        discussion: """
            Reads only; it never waits for a running sync.

            Example: ossync report expenses --by customer --top 10
            Example: ossync report runs --by day --since now-30d
            Example: ossync report rate
            """,
        subcommands: [Expenses.self, Runs.self, Rate.self])
}
