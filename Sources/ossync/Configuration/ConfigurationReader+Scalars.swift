import RESTSource

extension ConfigurationReader {
    mutating func whole(
        _ range: ClosedRange<Int>, _ nullable: Bool, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        if nullable, tree.isNull {
            // A value that was forgotten must not lift a limit.
            guard !tree.isBlank else {
                report(
                    tree.origin, "\(path) is empty", hint: "write a number, or null for no limit")
                return ConfigurationValue(content: .invalid, origin: tree.origin)
            }
            return ConfigurationValue(content: .null, origin: tree.origin)
        }
        guard case .scalar(let text, plain: true) = tree.content, text.isWholeNumber else {
            return wrong(tree, path, "must be a whole number")
        }
        guard let number = Int(text), range.contains(number) else {
            return wrong(
                tree, path, "must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return ConfigurationValue(content: .whole(number), origin: tree.origin)
    }

    mutating func number(
        _ range: ClosedRange<Double>, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        guard case .scalar(let text, plain: true) = tree.content, text.isDecimalNumber,
            let number = Double(text)
        else { return wrong(tree, path, "must be a number") }
        guard range.contains(number) else {
            let bounds = [range.lowerBound, range.upperBound].map {
                ConfigurationValue(content: .number($0), origin: .builtIn).shown
            }
            return wrong(tree, path, "must be from \(bounds[0]) to \(bounds[1])")
        }
        return ConfigurationValue(content: .number(number), origin: tree.origin)
    }

    mutating func flag(_ tree: ConfigurationTree, path: String) -> ConfigurationValue {
        guard case .scalar(let text, plain: true) = tree.content, ["true", "false"].contains(text)
        else { return wrong(tree, path, "must be true or false") }
        return ConfigurationValue(content: .flag(text == "true"), origin: tree.origin)
    }

    mutating func choice(
        _ words: [String], _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        guard case .scalar(let text, _) = tree.content, words.contains(text) else {
            return wrong(tree, path, "must be one of \(words.joined(separator: ", "))")
        }
        return ConfigurationValue(content: .text(text), origin: tree.origin)
    }

    /// Reads text: any scalar but null, with a number's spelling kept.
    mutating func text(
        _ kind: ConfigurationText, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        guard case .scalar(let text, _) = tree.content, !tree.isNull else {
            return wrong(tree, path, "must be \(kind.noun)")
        }
        if let reason = kind.refusal(of: text) {
            report(tree.origin, "\(path) \(reason)")
            return ConfigurationValue(content: .invalid, origin: tree.origin)
        }
        guard case .file = kind else {
            return ConfigurationValue(content: .text(text), origin: tree.origin)
        }
        let path = PathText.resolve(text, from: directory(of: tree.origin))
        return ConfigurationValue(content: .text(path), origin: tree.origin)
    }

    mutating func secret(_ tree: ConfigurationTree, path: String) -> ConfigurationValue {
        let invalid = ConfigurationValue(content: .invalid, origin: tree.origin)
        let forms = "must be { env: NAME }, { file: PATH } or text"
        let source: SecretReference.Source
        switch tree.content {
        case .list:
            return wrong(tree, path, forms)
        case .scalar(let text, _):
            // A mistyped secret is never quoted in a message.
            guard !tree.isNull, !text.isEmpty else {
                report(tree.origin, "\(path) is empty", hint: "it \(forms)")
                return invalid
            }
            guard isLiteralAllowed(tree.origin, path) else { return invalid }
            source = .literal(Secret(text))
        case .mapping(let entries):
            guard entries.count == 1, let entry = entries.first,
                case .scalar(let text, _) = entry.value.content, !entry.value.isNull, !text.isEmpty,
                ["env", "file"].contains(entry.key)
            else {
                let names = entries.map(\.key).joined(separator: ", ")
                report(tree.origin, "\(path) \(forms), not a mapping of \(names)")
                return invalid
            }
            source =
                entry.key == "env"
                ? .environment(text)
                : .file(PathText.resolve(text, from: directory(of: tree.origin)))
        }
        let reference = SecretReference(source: source, key: path, origin: tree.origin)
        return ConfigurationValue(content: .secret(reference), origin: tree.origin)
    }

    /// Reads a header's value; literal text counts as a secret when the header's name says so.
    mutating func headerValue(_ tree: ConfigurationTree, path: String) -> ConfigurationValue {
        if case .mapping = tree.content { return secret(tree, path: path) }
        // `api.headers.NAME`; a name may have points of its own.
        let name = path.split(separator: ".", maxSplits: 2).last.map { $0.lowercased() } ?? ""
        let marks = [
            "auth", "cookie", "token", "key", "secret", "password", "credential", "session",
        ]
        if marks.contains(where: { name.contains($0) }) { return secret(tree, path: path) }
        return text(.orEmpty, tree, path: path)
    }

    /// Reads an address, or where one is to be found that is a secret.
    mutating func address(_ tree: ConfigurationTree, path: String) -> ConfigurationValue {
        if case .mapping = tree.content { return secret(tree, path: path) }
        return text(.any, tree, path: path)
    }

    /// A secret in a file that others can read is refused, with the command that mends it.
    private mutating func isLiteralAllowed(_ origin: ConfigurationOrigin, _ path: String) -> Bool {
        guard case .file(let name, _) = origin, let file = files[name], !file.isPrivate else {
            return true
        }
        report(
            origin, "\(path) is a secret in a file that others can read",
            hint: "run: chmod 600 \(name)", isExposedSecret: true)
        return false
    }
}

extension String {
    /// An optional sign and digits, without a leading zero.
    var isWholeNumber: Bool {
        let digits = hasPrefix("-") || hasPrefix("+") ? dropFirst() : self[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return false
        }
        return digits.utf8.count == 1 || !digits.hasPrefix("0")
    }

    /// Digits with at most one point among them: no exponent, infinity or hexadecimal.
    var isDecimalNumber: Bool {
        let parts = split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, String(first).isWholeNumber else { return false }
        guard parts.count == 2 else { return true }
        return !parts[1].isEmpty && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
