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
            On a terminal, without options that say something about the API, it asks for what it \
            has to know; Enter takes what stands in brackets. Whatever is not said is an example \
            in the file, to be edited. Nothing that exists is overwritten.

            Example: ossync init
            Example: ossync init --base-url https://erp.example.com/api --token-env ERP_TOKEN
            """)

    @OptionGroup var starter: StarterOptions

    @Flag(help: "Ask for nothing.")
    var noInput = false

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let path =
            global.config ?? ConfigurationLoader().variable(ConfigurationLoader.configVariable)
            ?? ConfigurationLoader.fileName
        let output = global.output
        let values = try values(for: path)
        let isNew = try write(
            ConfigurationTemplate.generic(store: store(of: path), values: values), to: path, output)
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
        var options = global
        // A new configuration names the store.
        if isNew { options.store = nil }
        sayNext(session, path, options.storeArguments, output)
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("config", .string(path)), ("store", .string(session.folder.path)),
                ]).line)
        }
    }

    private func sayNext(
        _ session: Session, _ path: String, _ arguments: String, _ output: Output
    ) {
        var steps: [String] = []
        if session.configuration.api?.baseURL == ConfigurationTemplate.exampleURL {
            steps.append("edit \(path)")
        }
        for secret in session.configuration.api?.secrets ?? [] {
            if case .environment(let name) = secret.source, Environment[name] ?? "" == "" {
                steps.append("`read -rs \(name) && export \(name)`")
            }
        }
        steps += ["`ossync doctor\(arguments)`", "`ossync sync --max 10\(arguments)`"]
        output.note("next: " + steps.joined(separator: ", then "))
    }

    /// What is said about the API, by options or at the terminal.
    private func values(for path: String) throws -> StarterValues {
        let given = try starter.values()
        let mayAsk = !noInput && !global.json && !global.quiet && isatty(STDIN_FILENO) == 1
        guard mayAsk, isatty(STDERR_FILENO) == 1, given == StarterValues(),
            access(path, F_OK) != 0
        else { return given }
        return try StarterQuestions().ask()
    }

    /// The store as a new configuration names it, which is relative to that file.
    private func store(of config: String) -> String? {
        guard let store = global.store else { return nil }
        if store.hasPrefix("/") || !config.contains("/") { return store }
        return ConfigurationLoader.processDirectory() + "/" + store
    }

    private func withConfig(_ path: String) -> GlobalOptions {
        var options = global
        options.config = path
        return options
    }

    /// Writes a file that doesn't exist, so that only its owner can read it.
    ///
    /// - Returns: false when it is there already.
    @discardableResult
    private func write(_ text: String, to path: String, _ output: Output) throws -> Bool {
        let status = ConfigurationFile.create(path, text)
        if status == EEXIST {
            output.note("\(path): it is there already, and stays as it is")
            return false
        }
        guard status == 0 else {
            throw CommandFailure(
                ExitCode.failure,
                "\(path): it can't be written: \(String(cString: strerror(status)))")
        }
        output.note("\(path): written")
        return true
    }
}
