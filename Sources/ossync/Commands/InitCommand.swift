import ArgumentParser
import EventLog
import Glibc
import SyncEngine

/// `ossync init`
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented ossync.yaml and make an empty store.",
        discussion: """
            Nothing that exists is overwritten.

            Example: ossync init
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let path = global.config ?? ConfigurationLoader.fileName
        let output = global.output
        try write(ConfigurationTemplate.generic(), to: path, output)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let schema = folder + ConfigurationTemplate.schemaFileName
        try write(ConfigurationSchema.text, to: schema, output)
        let session = try Session(withConfig(path))
        if session.folder.exists {
            output.note("\(session.folder.path): the store is there already")
        } else if session.folder.isSomethingElse {
            throw CommandFailure(
                ExitCode.corrupt,
                "\(session.folder.path): there is something that is not an ossync store; choose "
                    + "another --store")
        } else {
            try session.folder.make()
            try EventLog.create(store: session.folder.path)
            output.note("\(session.folder.path): made an empty store")
        }
        output.note("next: edit \(path), then `ossync doctor`, then `ossync sync --max 10`")
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("config", .string(path)), ("store", .string(session.folder.path)),
                ]).line)
        }
    }

    private func withConfig(_ path: String) -> GlobalOptions {
        var options = global
        options.config = path
        return options
    }

    /// Writes a file that doesn't exist, so that only its owner can read it.
    private func write(_ text: String, to path: String, _ output: Output) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0, errno == EEXIST {
            output.note("\(path): it is there already, and stays as it is")
            return
        }
        let bytes = Array(text.utf8)
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count,
            close(descriptor) == 0
        else {
            throw CommandFailure(
                ExitCode.failure,
                "\(path): it can't be written: \(String(cString: strerror(errno)))")
        }
        output.note("\(path): written")
    }
}
