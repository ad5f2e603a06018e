/// The part of `docs/configuration.md` that lists every key, made of the key table.
enum ConfigurationReference {
    /// Markdown: a table of all keys in their order, then a table of the variables.
    static var markdown: String {
        var lines = [
            "| key | type | default | meaning |", "| --- | --- | --- | --- |",
        ]
        append(ConfigurationKeys.root, path: "", to: &lines)
        lines += ["", "| variable | key |", "| --- | --- |"]
        lines += ["| `\(ConfigurationLoader.configVariable)` | the file, as `--config` |"]
        lines += ConfigurationKeys.environment.map { "| `\($0.variable)` | `\($0.key)` |" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func append(
        _ keys: [ConfigurationKey], path: String, to lines: inout [String]
    ) {
        for key in keys {
            let full = path.isEmpty ? key.name : "\(path).\(key.name)"
            lines.append(
                row("`\(full)`", type(key.shape), fallback(key), key.doc))
            append(key.shape, path: full, to: &lines)
        }
    }

    private static func append(
        _ shape: ConfigurationShape, path: String, to lines: inout [String]
    ) {
        switch shape {
        case .section(let keys): append(keys, path: path, to: &lines)
        case .named(_, let shape): append(shape, path: "\(path).NAME", to: &lines)
        case .list(let shape): append(shape, path: "\(path)[]", to: &lines)
        case .variant(let variants):
            for variant in variants.variants {
                lines.append(row("`\(path)`: `type: \(variant.type)`", "", "", variant.doc))
                append(variant.keys, path: path, to: &lines)
            }
        default: break
        }
    }

    private static func row(_ cells: String...) -> String {
        "| "
            + cells.map { cell in
                cell.split(separator: "|", omittingEmptySubsequences: false)
                    .joined(separator: "\\|")
            }.joined(separator: " | ") + " |"
    }

    private static func fallback(_ key: ConfigurationKey) -> String {
        switch key.presence {
        case .required: "required"
        case .optional: key.absent ?? "none"
        case .otherwise(let text): text.isEmpty ? "`\"\"`" : "`\(text)`"
        case .filled: ""
        }
    }

    private static func type(_ shape: ConfigurationShape) -> String {
        switch shape {
        case .section: "section"
        case .named(_, of: .section): "sections by name"
        case .named: "values by name"
        case .list: "list"
        case .variant: "section with `type`, or a bare type"
        case .whole(let range, let nullable):
            "whole number, \(range.lowerBound) to \(range.upperBound)"
                + (nullable ? ", or null" : "")
        case .number(let range):
            "number, \(Int(range.lowerBound)) to \(Int(range.upperBound))"
        case .flag: "true or false"
        case .text(let kind): kind.noun
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .secret: "secret"
        case .headerValue: "text or secret"
        case .address: "URL or secret"
        }
    }
}
