/// Where a configured value came from.
enum ConfigurationOrigin: Hashable, Sendable, CustomStringConvertible {
    case builtIn
    /// `path` as the user wrote it or as it was found; `line` from 1.
    case file(path: String, line: Int)
    case environment(String)
    case flag(String)

    /// The text of `config show --origin`: `default`, `file ossync.yaml:12`, `env OSSYNC_STORE`.
    var description: String {
        switch self {
        case .builtIn: "default"
        case .file: "file \(place)"
        case .environment: "env \(place)"
        case .flag: "flag \(place)"
        }
    }

    /// What a message about the value starts with: `ossync.yaml:12`, `OSSYNC_STORE`, `--store`.
    var place: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): name
        case .flag(let name): name
        }
    }
}

extension ConfigurationOrigin {
    var isFile: Bool {
        if case .file = self { true } else { false }
    }
}
