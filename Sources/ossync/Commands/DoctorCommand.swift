import ArgumentParser

/// `ossync doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check configuration, store, disk, clock and API; say how to mend what is wrong.",
        discussion: """
            The API is asked once, under the limits, and the request is in the log; --offline \
            leaves that out. Exit 0 when nothing is wrong, else the code of the first error. \
            With --json each finding has a name that stays: --list shows them all.

            Example: ossync doctor --offline
            """)

    @Flag(help: "Send no request.")
    var offline = false

    @Flag(help: "Show everything that can be found, and check nothing.")
    var list = false

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = global.output
        guard !list else {
            for trouble in Trouble.allCases {
                output.line(output.isJSON ? json(trouble) : words(trouble))
            }
            return
        }
        var doctor = Doctor(options: global, offline: offline)
        doctor.examine()
        doctor.print(output)
        if let code = doctor.exitCode { throw CommandFailure.silent(code) }
    }

    private func words(_ trouble: Trouble) -> String {
        let level = trouble.level.rawValue.padded(to: 8)
        return "\(level) \(trouble.rawValue.padded(to: 22)) \(trouble.about)"
    }

    private func json(_ trouble: Trouble) -> String {
        JSONText.object([
            ("v", .number(1)), ("type", "trouble"), ("finding", .string(trouble.rawValue)),
            ("check", .string(trouble.check)), ("level", .string(trouble.level.rawValue)),
            ("about", .string(trouble.about)),
        ]).line
    }
}
