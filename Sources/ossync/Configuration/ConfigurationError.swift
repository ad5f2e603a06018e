/// One thing that is wrong with the configuration.
struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// `ossync.yaml:12`, a file, an environment variable or a flag.
    let place: String
    let message: String
    /// What to do about it.
    let hint: String?
    /// It is a secret that others can read.
    let isExposedSecret: Bool

    init(place: String, message: String, hint: String? = nil, isExposedSecret: Bool = false) {
        self.isExposedSecret = isExposedSecret
        self.place = place
        self.message = Self.printable(message)
        self.hint = hint.map(Self.printable)
    }

    /// One line, without the controls that a quoted value may hold.
    private static func printable(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            line.append(isControl ? "\u{fffd}" : scalar)
        }
        return String(line)
    }

    /// One line: `ossync.yaml:12: unknown key "x" in api; did you mean "id"?`.
    var description: String {
        "\(place): \(message)" + (hint.map { "; \($0)" } ?? "")
    }
}

/// Everything that is wrong with the configuration, found in one reading.
struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one, in the order in which they were found, file by file.
    let problems: [ConfigurationProblem]

    /// The exit code of the process: usage or configuration.
    static let exitCode: Int32 = 2

    init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    init(place: String, message: String, hint: String? = nil, isExposedSecret: Bool = false) {
        problems = [
            ConfigurationProblem(
                place: place, message: message, hint: hint, isExposedSecret: isExposedSecret)
        ]
    }

    /// A line a problem.
    var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
