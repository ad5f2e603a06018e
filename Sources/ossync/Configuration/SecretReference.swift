import RESTSource

/// Where a secret of the configuration is to be found; it is read only when it is needed.
struct SecretReference: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        case environment(String)
        /// An absolute path, or one relative to the working directory.
        case file(String)
        case literal(Secret)
    }

    let source: Source
    /// The key that names it, `api.auth.token`.
    let key: String
    let origin: ConfigurationOrigin

    /// The longest secret read from a file; a longer file is surely not one.
    static let maxFileBytes = 64 * 1024

    /// The secret itself.
    ///
    /// A file's trailing line ends are dropped. Refused are: a variable that isn't set, a file that
    /// can't be read or that everyone can read, and a value that is empty or holds control
    /// characters (it would be sent as a header).
    func resolve(
        environment: (String) -> String? = ConfigurationLoader.processEnvironment
    ) throws(ConfigurationError) -> Secret {
        let text: String
        switch source {
        case .literal(let secret):
            text = secret.reveal()
        case .environment(let name):
            guard let value = environment(name), !value.isEmpty else {
                throw error(
                    "needs the environment variable \(name), which is not set",
                    hint: "run: read -rs \(name) && export \(name); or write { file: PATH } there")
            }
            text = value
        case .file(let path):
            text = try read(path)
        }
        guard !text.isEmpty else { throw error("is empty") }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw error("holds a line end or another control character")
        }
        return Secret(text)
    }

    private func read(_ path: String) throws(ConfigurationError) -> String {
        let file: ConfigurationFile
        do {
            file = try ConfigurationFile(path: path, maxBytes: Self.maxFileBytes)
        } catch {
            throw self.error("can't be read from \(path): \(error.reason)")
        }
        guard file.mode & 0o007 == 0 else {
            throw error(
                "is in \(path), which everyone can read", hint: "run: chmod 600 \(path)",
                isExposed: true)
        }
        var text = Substring(file.text)
        while let last = text.unicodeScalars.last, last == "\n" || last == "\r" {
            text.unicodeScalars.removeLast()
        }
        return String(text)
    }

    private func error(
        _ message: String, hint: String? = nil, isExposed: Bool = false
    ) -> ConfigurationError {
        ConfigurationError(
            place: origin.place, message: "\(key) \(message)", hint: hint,
            isExposedSecret: isExposed)
    }
}
