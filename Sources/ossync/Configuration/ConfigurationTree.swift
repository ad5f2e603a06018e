/// A YAML value as written, with its place; what the reader checks against the key table.
struct ConfigurationTree: Sendable {
    indirect enum Content: Sendable {
        /// `plain` is false for quoted and block text, which is never a number, a flag or null.
        case scalar(String, plain: Bool)
        case list([ConfigurationTree])
        case mapping([Entry])
    }

    struct Entry: Sendable {
        let key: String
        /// The place of the key itself.
        let origin: ConfigurationOrigin
        var value: ConfigurationTree
    }

    var content: Content
    var origin: ConfigurationOrigin

    /// Whether it is written as nothing, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Whether nothing is written, which is null to YAML.
    var isBlank: Bool {
        if case .scalar("", plain: true) = content { true } else { false }
    }

    /// How a message names the value: `"many"`, `20`, `null`, `a list`, `a mapping`.
    var spelling: String {
        switch content {
        case .scalar where isNull: "null"
        case .scalar(let text, plain: true) where Double(text) != nil: text
        case .scalar(let text, _): "\"\(text.count > 60 ? text.prefix(60) + "..." : text)\""
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Lays `higher` over this tree.
    ///
    /// Sections of the key table merge key by key; every other value is taken whole from the higher
    /// tree, because the parts of a list, a variant or a stream belong together.
    func overlaid(by higher: ConfigurationTree, keys: [ConfigurationKey]) -> ConfigurationTree {
        guard case .mapping(var entries) = content, case .mapping(let upper) = higher.content
        else { return higher.isNull ? self : higher }
        for entry in upper {
            guard let index = entries.firstIndex(where: { $0.key == entry.key }) else {
                entries.append(entry)
                continue
            }
            guard case .section(let nested)? = keys.first(where: { $0.name == entry.key })?.shape
            else {
                entries[index] = entry
                continue
            }
            let value = entries[index].value.overlaid(by: entry.value, keys: nested)
            let place = entry.origin.isFile ? entry.origin : entries[index].origin
            entries[index] = Entry(key: entry.key, origin: place, value: value)
        }
        // What a section lacks is reported where it is written, not at a flag that set one key.
        let place = higher.origin.isFile ? higher.origin : origin
        return ConfigurationTree(content: .mapping(entries), origin: place)
    }

    /// A tree that holds nothing but one value at a dotted key path.
    static func single(
        path: String, text: String, origin: ConfigurationOrigin
    ) -> ConfigurationTree {
        path.split(separator: ".").reversed().reduce(
            ConfigurationTree(content: .scalar(text, plain: true), origin: origin)
        ) { tree, name in
            let entry = Entry(key: String(name), origin: origin, value: tree)
            return ConfigurationTree(content: .mapping([entry]), origin: origin)
        }
    }
}
