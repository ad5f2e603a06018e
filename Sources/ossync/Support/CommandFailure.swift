/// Why a command ends with a code other than 0: one clear line, and what to do.
struct CommandFailure: Error {
    let exitCode: Int32
    let message: String
    let hint: String?

    init(_ exitCode: Int32, _ message: String, hint: String? = nil) {
        self.exitCode = exitCode
        self.message = message
        self.hint = hint
    }

    /// The command has said all there is to say; only the code is left.
    static func silent(_ exitCode: Int32) -> CommandFailure { CommandFailure(exitCode, "") }
}

/// The documented exit codes that commands name themselves.
enum ExitCode {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
    static let nothingNew: Int32 = 7
    static let noStore: Int32 = 10
    static let locked: Int32 = 11
    static let corrupt: Int32 = 12
}
