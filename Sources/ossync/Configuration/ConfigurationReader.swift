/// Checks a tree against the key table, fills in defaults and collects every problem.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationProblem] = []
    /// The files that were read, by the path that their origins carry.
    let files: [String: ConfigurationFile]
    let workingDirectory: String

    init(files: [ConfigurationFile], workingDirectory: String) {
        self.files = Dictionary(
            files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        self.workingDirectory = workingDirectory
    }

    mutating func report(
        _ origin: ConfigurationOrigin, _ message: String, hint: String? = nil,
        isExposedSecret: Bool = false
    ) {
        let problem = ConfigurationProblem(
            place: origin.place, message: message, hint: hint, isExposedSecret: isExposedSecret)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// The folder that relative paths of a value start from: its file's, else the working one.
    func directory(of origin: ConfigurationOrigin) -> String {
        guard case .file(let path, _) = origin, let file = files[path] else {
            return workingDirectory
        }
        return PathText.resolve(file.directory, from: workingDirectory)
    }

    /// Reads the keys of a mapping; unknown and missing ones are problems.
    mutating func section(
        _ keys: [ConfigurationKey], _ tree: ConfigurationTree, path: String, within: String? = nil
    ) -> ConfigurationValue {
        guard case .mapping(let entries) = tree.content else {
            if tree.isNull, case .file = tree.origin {
                return section(keys, tree.emptied, path: path, within: within)
            }
            return wrong(tree, path, "must be a mapping of keys")
        }
        reportUnknown(entries, keys: keys, path: path, within: within)
        let fields = keys.map { key in
            let entry = entries.first { $0.key == key.name }
            let value = value(
                of: key, entry?.value, path: path.isEmpty ? key.name : "\(path).\(key.name)",
                parent: tree.origin, entry: entry?.origin)
            return ConfigurationValue.Field(name: key.name, value: value)
        }
        return ConfigurationValue(content: .object(fields), origin: tree.origin)
    }

    private mutating func reportUnknown(
        _ entries: [ConfigurationTree.Entry], keys: [ConfigurationKey], path: String,
        within: String?
    ) {
        let known = keys.map(\.name)
        for entry in entries where !known.contains(entry.key) {
            let place = within ?? path
            let nearest = NearestKey.find(entry.key, among: known)
            let hint = nearest.map { "did you mean \"\($0)\"?" }
            report(
                entry.origin,
                "unknown key \"\(entry.key)\"" + (place.isEmpty ? "" : " in \(place)"),
                hint: hint ?? (known.isEmpty ? nil : "known: \(known.joined(separator: ", "))"))
        }
    }

    /// Reads one key's value, or its default.
    private mutating func value(
        of key: ConfigurationKey, _ tree: ConfigurationTree?, path: String,
        parent: ConfigurationOrigin, entry: ConfigurationOrigin?
    ) -> ConfigurationValue {
        if let tree, !(tree.isNull && key.acceptsNullAsAbsent) {
            return read(key.shape, tree.placed(at: entry), path: path)
        }
        let builtIn = ConfigurationOrigin.builtIn
        switch key.presence {
        case .required:
            report(entry ?? parent, "\(path) is missing")
            return ConfigurationValue(content: .invalid, origin: parent)
        case .optional:
            return ConfigurationValue(content: .null, origin: entry ?? builtIn)
        case .otherwise(let text):
            let tree = ConfigurationTree(
                content: .scalar(text, plain: !text.isEmpty), origin: builtIn)
            return read(key.shape, tree, path: path)
        case .filled:
            var empty = ConfigurationTree(content: .mapping([]), origin: builtIn)
            if case .list = key.shape { empty.content = .list([]) }
            return read(key.shape, empty, path: path)
        }
    }

    mutating func read(
        _ shape: ConfigurationShape, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        switch shape {
        case .section(let keys): section(keys, tree, path: path)
        case .named(let names, let shape): named(names, shape, tree, path: path)
        case .list(let shape): list(shape, tree, path: path)
        case .variant(let variants): variant(variants, tree, path: path)
        case .whole(let range, let nullable): whole(range, nullable, tree, path: path)
        case .number(let range): number(range, tree, path: path)
        case .flag: flag(tree, path: path)
        case .text(let kind): text(kind, tree, path: path)
        case .choice(let words): choice(words, tree, path: path)
        case .secret: secret(tree, path: path)
        case .headerValue: headerValue(tree, path: path)
        case .address: address(tree, path: path)
        }
    }

    private mutating func named(
        _ names: ConfigurationNames, _ shape: ConfigurationShape, _ tree: ConfigurationTree,
        path: String
    ) -> ConfigurationValue {
        guard case .mapping(let entries) = tree.content else {
            if tree.isNull {
                return ConfigurationValue(content: .object([]), origin: tree.origin)
            }
            return wrong(tree, path, "must be a mapping of names", quoting: false)
        }
        var fields: [ConfigurationValue.Field] = []
        var seen: [String: ConfigurationOrigin] = [:]
        for entry in entries {
            if let reason = names.refusal(of: entry.key) {
                report(entry.origin, "\(path): \(reason)")
                continue
            }
            if let first = seen.updateValue(entry.origin, forKey: entry.key.lowercased()) {
                report(
                    entry.origin, "\(path): \"\(entry.key)\" is there twice, but for its case",
                    hint: "the first is at \(first.place)")
                continue
            }
            let value = read(
                shape, entry.value.placed(at: entry.origin), path: "\(path).\(entry.key)")
            fields.append(ConfigurationValue.Field(name: entry.key, value: value))
        }
        return ConfigurationValue(content: .object(fields), origin: tree.origin)
    }

    private mutating func list(
        _ shape: ConfigurationShape, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        guard case .list(let items) = tree.content else {
            if tree.isNull { return ConfigurationValue(content: .list([]), origin: tree.origin) }
            return wrong(tree, path, "must be a list")
        }
        var values: [ConfigurationValue] = []
        for (index, item) in items.enumerated() {
            values.append(read(shape, item, path: "\(path)[\(index)]"))
        }
        return ConfigurationValue(content: .list(values), origin: tree.origin)
    }

    /// Reads `{ type: NAME, ... }`, or the bare type name.
    private mutating func variant(
        _ variants: ConfigurationVariants, _ tree: ConfigurationTree, path: String
    ) -> ConfigurationValue {
        let supported = variants.types.joined(separator: ", ")
        var entries: [ConfigurationTree.Entry] = []
        var typeTree = tree
        if case .mapping(let written) = tree.content {
            guard let type = written.first(where: { $0.key == "type" }) else {
                report(tree.origin, "\(path).type is missing", hint: "supported: \(supported)")
                return ConfigurationValue(content: .invalid, origin: tree.origin)
            }
            typeTree = type.value.placed(at: type.origin)
            entries = written.filter { $0.key != "type" }
        }
        guard case .scalar(let name, _) = typeTree.content, !typeTree.isNull else {
            let expected = typeTree.origin == tree.origin ? "\(path)" : "\(path).type"
            return wrong(typeTree, expected, "must be one of \(supported)")
        }
        guard let variant = variants.variants.first(where: { $0.type == name }) else {
            let near = NearestKey.find(name, among: variants.types)
            let known = variants.unsupported.contains(name)
            if entries.isEmpty, near == nil, !known {
                return wrong(typeTree, path, "must be one of \(supported)", quoting: false)
            }
            let hint = known || near == nil ? "" : "; did you mean \"\(near ?? "")\"?"
            report(
                typeTree.origin, "\(path).type \"\(name)\" is not supported by this version",
                hint: "supported: \(supported)" + hint)
            return ConfigurationValue(content: .invalid, origin: tree.origin)
        }
        let rest = ConfigurationTree(content: .mapping(entries), origin: tree.origin)
        let value = section(
            variant.keys, rest, path: path, within: "\(path) of type \(name)")
        let type = ConfigurationValue.Field(
            name: "type", value: ConfigurationValue(content: .text(name), origin: typeTree.origin))
        return ConfigurationValue(content: .object([type] + value.fields), origin: tree.origin)
    }

    /// Reports a value of the wrong type: `PATH must be a whole number, not "many"`.
    ///
    /// `quoting` is false where the value may be a misplaced secret.
    mutating func wrong(
        _ tree: ConfigurationTree, _ path: String, _ expected: String, quoting: Bool = true
    ) -> ConfigurationValue {
        var spelling = tree.spelling
        if !quoting, case .scalar = tree.content, !tree.isNull { spelling = "text" }
        report(tree.origin, "\(path) \(expected), not \(spelling)")
        return ConfigurationValue(content: .invalid, origin: tree.origin)
    }
}

extension ConfigurationKey {
    /// Whether a written null is the same as leaving the key out.
    var acceptsNullAsAbsent: Bool {
        switch presence {
        case .optional, .required: return true
        case .otherwise: return false
        case .filled:
            if case .section = shape { return true }
            return false
        }
    }
}

extension ConfigurationTree {
    /// The same value at its key's place, where it was written without one of its own.
    func placed(at key: ConfigurationOrigin?) -> ConfigurationTree {
        guard let key else { return self }
        var copy = self
        switch content {
        case .scalar(_, plain: true) where isNull: copy.origin = key
        // A block mapping starts on the line after its key; what it lacks is reported at the key.
        case .mapping, .list: copy.origin = key
        case .scalar: break
        }
        return copy
    }

    var emptied: ConfigurationTree {
        ConfigurationTree(content: .mapping([]), origin: origin)
    }
}
