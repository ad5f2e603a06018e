/// A checked value of the configuration with its origin; defaults are filled in.
struct ConfigurationValue: Sendable {
    indirect enum Content: Sendable {
        /// A problem was reported for it.
        case invalid
        case null
        case flag(Bool)
        case whole(Int)
        case number(Double)
        case text(String)
        case secret(SecretReference)
        case list([ConfigurationValue])
        case object([Field])
    }

    struct Field: Sendable {
        let name: String
        var value: ConfigurationValue
    }

    var content: Content
    let origin: ConfigurationOrigin

    /// The value of a dotted key path; nil where there is none.
    subscript(path: String) -> ConfigurationValue? {
        var value = self
        for name in path.split(separator: ".") {
            guard let field = value.fields.first(where: { $0.name == name }) else { return nil }
            value = field.value
        }
        return value
    }

    var fields: [Field] {
        if case .object(let fields) = content { fields } else { [] }
    }

    var items: [ConfigurationValue] {
        if case .list(let items) = content { items } else { [] }
    }

    var text: String? {
        if case .text(let text) = content { text } else { nil }
    }

    var whole: Int? {
        if case .whole(let number) = content { number } else { nil }
    }

    var number: Double? {
        switch content {
        case .number(let number): number
        case .whole(let number): Double(number)
        default: nil
        }
    }

    var flag: Bool? {
        if case .flag(let flag) = content { flag } else { nil }
    }

    var secret: SecretReference? {
        if case .secret(let secret) = content { secret } else { nil }
    }

    var isNull: Bool {
        if case .null = content { true } else { false }
    }

    /// The value as `config show` prints it; secrets never.
    var shown: String {
        switch content {
        case .invalid: "(invalid)"
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .whole(let number): String(number)
        case .number(let number):
            number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
        case .text(let text): text.isEmpty ? "\"\"" : text
        case .secret(let reference): reference.shown
        case .list(let items): "[" + items.map(\.shown).joined(separator: ", ") + "]"
        case .object(let fields):
            "{" + fields.map { "\($0.name): \($0.value.shown)" }.joined(separator: ", ") + "}"
        }
    }
}

extension SecretReference {
    /// What is shown in place of the secret: `***`, and where it is read from.
    var shown: String {
        switch source {
        case .environment(let name): "*** (env \(name))"
        case .file(let path): "*** (file \(path))"
        case .literal: "***"
        }
    }
}
