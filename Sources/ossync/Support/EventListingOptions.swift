import ArgumentParser

/// How events are listed.
struct EventListingOptions: ParsableArguments {
    @Flag(help: "The newest first.")
    var reverse = false

    @Option(parsing: .unconditional, help: "At most so many events.")
    var limit: Int?

    @Flag(help: "With the records' texts, in JSON.")
    var bodies = false

    func validate() throws { try ValidationError.check("--limit", limit, least: 0) }
}
