import ArgumentParser

/// `ossync config`
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "See the configuration in force.",
        discussion: "Example: ossync config show --origin", subcommands: [Show.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every value in force; secrets as ***.",
            discussion: "Example: ossync config show --origin")

        @Flag(help: "Say where each value came from.")
        var origin = false

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let values = session.configuration.describe()
            let width = values.map { $0.key.count + $0.text.count + 2 }.max() ?? 0
            for value in values {
                if session.output.isJSON {
                    session.output.line(
                        JSONText.object([
                            ("v", .number(1)), ("type", "setting"), ("key", .string(value.key)),
                            ("value", .string(value.text)),
                            ("origin", .string("\(value.origin)")),
                        ]).line)
                } else {
                    let text = "\(value.key): \(value.text)"
                    session.output.line(
                        origin ? "\(text.padded(to: min(width, 60)))  # \(value.origin)" : text)
                }
            }
        }
    }
}
