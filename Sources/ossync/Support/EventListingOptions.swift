import ArgumentParser

/// How events are listed.
struct EventListingOptions: ParsableArguments {
    @Flag(help: "The newest first.")
    var reverse = false

    @Option(help: "At most so many events.")
    var limit: Int?

    @Flag(help: "With the records' texts, in JSON.")
    var bodies = false
}
