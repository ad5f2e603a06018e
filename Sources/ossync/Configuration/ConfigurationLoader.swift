import Glibc

/// A value given on the command line, over every other source.
struct ConfigurationOverride: Sendable {
    /// A dotted key path of the table: `store`, `rateLimits.requestsPerMinute`.
    let key: String
    /// `--store`
    let flag: String
    let text: String
}

/// Finds, merges and checks the configuration.
///
/// Precedence: flags, `OSSYNC_*` variables, `./ossync.yaml` or the file of `--config`, the user's
/// own `ossync.yaml` below `$XDG_CONFIG_HOME`, defaults. An empty variable counts as not set.
struct ConfigurationLoader {
    static let fileName = "ossync.yaml"
    static let configVariable = "OSSYNC_CONFIG"

    let environment: (String) -> String?
    /// An absolute path.
    let workingDirectory: String

    init(
        environment: @escaping (String) -> String? = processEnvironment,
        workingDirectory: String = processDirectory()
    ) {
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    /// Loads the configuration; every problem of every file is in the one error.
    ///
    /// `configFile` is the value of `--config`. Secrets are not read here.
    func load(
        configFile: String? = nil, overrides: [ConfigurationOverride] = []
    ) throws(ConfigurationError) -> Configuration {
        let files = try findFiles(configFile: configFile)
        var tree = ConfigurationTree(content: .mapping([]), origin: .builtIn)
        var problems: [ConfigurationProblem] = []
        for file in files.reversed() {
            do throws(ConfigurationError) {
                guard let written = try ConfigurationTree(file: file) else { continue }
                guard case .mapping = written.content else {
                    throw ConfigurationError(
                        place: written.origin.place,
                        message: "must be a mapping of keys, not \(written.spelling)")
                }
                tree = tree.overlaid(by: written, keys: ConfigurationKeys.root)
            } catch {
                problems += error.problems
            }
        }
        for (key, name) in ConfigurationKeys.environment {
            guard let text = variable(name) else { continue }
            tree = overlay(tree, key: key, text: text, origin: .environment(name))
        }
        for override in overrides {
            tree = overlay(
                tree, key: override.key, text: override.text, origin: .flag(override.flag))
        }
        var reader = ConfigurationReader(files: files, workingDirectory: workingDirectory)
        let values = reader.section(ConfigurationKeys.root, tree, path: "")
        // What a file that isn't YAML would have set is unknown: only its own mistake counts.
        if problems.isEmpty {
            problems = reader.problems + ConfigurationChecks.problems(of: values)
        }
        guard problems.isEmpty, let store = values["store"], let path = store.text else {
            throw ConfigurationError(Self.sorted(problems))
        }
        let start =
            store.origin == .builtIn
            ? projectDirectory(files, reader) : reader.directory(of: store.origin)
        let textfile = values["metrics.textfile"].flatMap { value in
            value.text.map { PathText.resolve($0, from: reader.directory(of: value.origin)) }
        }
        return Configuration(
            values: values, store: PathText.resolve(path, from: start), metricsTextfile: textfile,
            files: files.map(\.path))
    }

    private func overlay(
        _ tree: ConfigurationTree, key: String, text: String, origin: ConfigurationOrigin
    ) -> ConfigurationTree {
        let single = ConfigurationTree.single(path: key, text: text, origin: origin)
        return tree.overlaid(by: single, keys: ConfigurationKeys.root)
    }

    /// The files that exist, highest precedence first; one that was asked for must exist.
    private func findFiles(configFile: String?) throws(ConfigurationError) -> [ConfigurationFile] {
        var files: [ConfigurationFile] = []
        if let path = configFile {
            files += try read(path, asked: "--config")
        } else if let path = variable(Self.configVariable) {
            files += try read(path, asked: Self.configVariable)
        } else {
            files += try read(Self.fileName, asked: nil)
        }
        if let path = userFile { files += try read(path, asked: nil) }
        return files
    }

    private func read(
        _ path: String, asked: String?
    ) throws(ConfigurationError) -> [ConfigurationFile] {
        do {
            let file = try ConfigurationFile(path: PathText.resolve(path, from: workingDirectory))
            return [ConfigurationFile(path: path, text: file.text, mode: file.mode)]
        } catch  where error.isMissing && asked == nil {
            return []
        } catch {
            throw ConfigurationError(
                place: path, message: "can't be read: \(error.reason)",
                hint: asked.map { "it was named by \($0)" })
        }
    }

    private var userFile: String? {
        if let folder = variable("XDG_CONFIG_HOME"), folder.hasPrefix("/") {
            return "\(folder)/ossync/\(Self.fileName)"
        }
        return variable("HOME").map { "\($0)/.config/ossync/\(Self.fileName)" }
    }

    /// Where the default store lies: beside the project's own file, else in the working folder.
    private func projectDirectory(
        _ files: [ConfigurationFile], _ reader: ConfigurationReader
    ) -> String {
        guard let file = files.first, file.path != userFile else { return workingDirectory }
        return reader.directory(of: .file(path: file.path, line: 1))
    }

    func variable(_ name: String) -> String? {
        guard let value = environment(name), !value.isEmpty else { return nil }
        return value
    }

    /// File by file, line by line; other places keep their order, last.
    private static func sorted(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
        func line(_ problem: ConfigurationProblem) -> (file: String, line: Int)? {
            guard let colon = problem.place.lastIndex(of: ":"),
                let line = Int(problem.place[problem.place.index(after: colon)...])
            else { return nil }
            return (String(problem.place[..<colon]), line)
        }
        return problems.enumerated().sorted { left, right in
            switch (line(left.element), line(right.element)) {
            case (let first?, let second?) where first != second: first < second
            case (.some, nil): true
            case (nil, .some): false
            default: left.offset < right.offset
            }
        }.map(\.element)
    }

    /// The environment of this process.
    static func processEnvironment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// The working folder of this process; `/` when it is gone.
    static func processDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}

extension ConfigurationKeys {
    /// The keys with an environment variable, in the order of the table.
    static let environment: [(key: String, variable: String)] = variables(of: root, path: "")

    private static func variables(
        of keys: [ConfigurationKey], path: String
    ) -> [(key: String, variable: String)] {
        keys.flatMap { key -> [(key: String, variable: String)] in
            let full = path.isEmpty ? key.name : "\(path).\(key.name)"
            if case .section(let nested) = key.shape { return variables(of: nested, path: full) }
            return key.environment.map { [(full, $0)] } ?? []
        }
    }
}
