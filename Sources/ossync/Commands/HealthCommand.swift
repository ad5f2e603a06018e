import ArgumentParser

/// `ossync health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract:
            "Send one request to the API: does it answer, how fast, which limits does it name?",
        discussion: """
            The request counts against the budget and is in the log, like any other. A sync or \
            a service that holds the store is asked for it, and makes it beside its run.

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
