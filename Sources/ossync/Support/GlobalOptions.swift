import ArgumentParser

/// Options that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp("The configuration file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(
        help: ArgumentHelp("The folder of the store.", valueName: "dir"), completion: .directory)
    var store: String?

    @Flag(help: "Print JSON: one object, or one a line.")
    var json = false

    @Flag(help: "Print data and errors only.")
    var quiet = false

    @Flag(help: "Say more on stderr.")
    var verbose = false

    @Option(help: ArgumentHelp("Colour on the terminal: auto, always or never.", valueName: "when"))
    var color: Output.Color = .auto

    @Option(
        name: .customLong("log-file"),
        help: ArgumentHelp("Also write the log of a sync to this file.", valueName: "file"),
        completion: .file())
    var logFile: String?

    @Option(
        name: .customLong("log-format"),
        help: ArgumentHelp(
            "What a sync says on stderr and in log files: human or json, an object a line.",
            valueName: "form"))
    var logFormat: LogLine.Format?

    var output: Output {
        Output(isJSON: json, isQuiet: quiet, isVerbose: verbose, color: color)
    }

    /// The options that say which store is meant, as they were given, to be put behind a command;
    /// empty without any.
    var storeArguments: String {
        [("--config", config), ("--store", store)].map { name, value in
            value.map { " \(name) \(Self.quoted($0))" } ?? ""
        }.joined()
    }

    /// The options that say which store is meant and how it is logged, for this program started
    /// once more.
    var passedOn: [String] {
        [
            ("--config", config), ("--store", store), ("--log-file", logFile),
            ("--log-format", logFormat?.rawValue),
        ].flatMap { name, value in value.map { [name, $0] } ?? [] }
    }

    /// A word as a shell takes it.
    static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if isPlain, !word.isEmpty { return word }
        let parts = word.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + parts.joined(separator: "'\\''") + "'"
    }

    /// The names that may stand before a command, and whether a value follows.
    private static let names: [String: Bool] = [
        "--config": true, "--store": true, "--json": false, "--quiet": false, "--verbose": false,
        "--color": true, "--log-file": true, "--log-format": true,
    ]

    /// Moves global options that stand before a command, or between the two words of one, behind
    /// it, where the parser looks for them.
    ///
    /// - Parameter groups: the commands that have commands of their own.
    static func movedBehindCommand(_ arguments: [String], groups: Set<String>) -> [String] {
        var rest = arguments[...]
        var moved = takeOptions(&rest)
        var words: [String] = []
        if let first = rest.first, groups.contains(first) {
            words.append(rest.removeFirst())
            moved += takeOptions(&rest)
        }
        guard !(words + rest).isEmpty else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return words + Array(rest[..<end]) + moved + Array(rest[end...])
    }

    /// Takes the global options that `arguments` begins with.
    private static func takeOptions(_ arguments: inout ArraySlice<String>) -> [String] {
        var taken: [String] = []
        while let first = arguments.first, first.hasPrefix("--") {
            let name = first.split(separator: "=", maxSplits: 1).first.map(String.init) ?? first
            guard let takesValue = names[name] else { break }
            taken.append(arguments.removeFirst())
            if takesValue, !first.contains("="), let value = arguments.popFirst() {
                taken.append(value)
            }
        }
        return taken
    }
}

extension Output.Color: ExpressibleByArgument {}

extension LogLine.Format: ExpressibleByArgument {}
