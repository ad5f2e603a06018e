/// The JSON Schema of the configuration, made of the key table; editors check `ossync.yaml` by it.
enum ConfigurationSchema {
    /// The whole document, with a line end.
    static var text: String {
        var members: [(String, JSONText)] = [
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", "ossync.yaml"),
        ]
        members += object(ConfigurationKeys.root)
        members.append(
            ("$defs", ["secret": secret, "pointer": pointer(), "pointerWithElements": pointer()]))
        return JSONText.object(members).rendered() + "\n"
    }

    private static func object(
        _ keys: [ConfigurationKey], type: String? = nil
    ) -> [(String, JSONText)] {
        var properties = keys.map { ($0.name, property($0)) }
        var required = keys.filter(\.isRequired).map(\.name)
        if let type {
            properties.insert(("type", ["const": .string(type)]), at: 0)
            required.insert("type", at: 0)
        }
        var members: [(String, JSONText)] = [
            ("type", "object"), ("additionalProperties", false),
            ("properties", .object(properties)),
        ]
        if !required.isEmpty { members.append(("required", .array(required.map(JSONText.string)))) }
        return members
    }

    private static func property(_ key: ConfigurationKey) -> JSONText {
        var members = schema(key.shape)
        let absent = key.absent.map { " Absent: \($0)." } ?? ""
        members.append(("description", .string(key.doc + absent)))
        if case .otherwise(let text) = key.presence {
            let value: JSONText
            switch key.shape {
            case .whole, .number, .flag: value = .literal(text)
            default: value = .string(text)
            }
            members.append(("default", value))
        }
        guard key.isNullable else { return .object(members) }
        // Null is the same as leaving the key out.
        return ["anyOf": [.object(members), ["type": "null"]]]
    }

    private static func schema(_ shape: ConfigurationShape) -> [(String, JSONText)] {
        switch shape {
        case .section(let keys): object(keys)
        case .named(_, let shape):
            [("type", "object"), ("additionalProperties", .object(schema(shape)))]
        case .list(let shape): [("type", "array"), ("items", .object(schema(shape)))]
        case .variant(let variants): [("oneOf", .array(alternatives(variants)))]
        case .whole(let range, let nullable):
            [
                ("type", nullable ? ["integer", "null"] : "integer"),
                ("minimum", .literal("\(range.lowerBound)")),
                ("maximum", .literal("\(range.upperBound)")),
            ]
        case .number(let range):
            [
                ("type", "number"), ("minimum", .literal("\(range.lowerBound)")),
                ("maximum", .literal("\(range.upperBound)")),
            ]
        case .flag: [("type", "boolean")]
        case .text(let kind): text(kind)
        case .choice(let words): [("enum", .array(words.map(JSONText.string)))]
        case .secret: [("$ref", "#/$defs/secret")]
        case .headerValue:
            [("anyOf", [["$ref": "#/$defs/secret"], ["type": ["string", "number", "boolean"]]])]
        case .address:
            [
                (
                    "anyOf",
                    [
                        ["type": "string", "minLength": .literal("1")], reference("env"),
                        reference("file"),
                    ]
                )
            ]
        }
    }

    /// A bare type name where the type has no required keys, and a mapping for each type.
    private static func alternatives(_ variants: ConfigurationVariants) -> [JSONText] {
        let bare = variants.variants.filter { !$0.keys.contains(where: \.isRequired) }
        var alternatives: [JSONText] = []
        if !bare.isEmpty {
            alternatives.append(["enum": .array(bare.map { .string($0.type) })])
        }
        return alternatives
            + variants.variants.map {
                .object(object($0.keys, type: $0.type) + [("description", .string($0.doc))])
            }
    }

    private static func text(_ kind: ConfigurationText) -> [(String, JSONText)] {
        switch kind {
        case .any: [("type", ["string", "number", "boolean"]), ("minLength", .literal("1"))]
        case .orEmpty: [("type", ["string", "number", "boolean"])]
        case .pointer: [("$ref", "#/$defs/pointer")]
        case .wildcardPointer: [("$ref", "#/$defs/pointerWithElements")]
        case .file: [("type", "string"), ("minLength", .literal("1"))]
        case .path: [("type", "string"), ("pattern", "^/([^/# ][^# ]*)?$")]
        case .baseURL: [("type", "string"), ("pattern", "^[hH][tT][tT][pP][sS]?://[^@?# ]+$")]
        case .headerName: [("type", "string"), ("pattern", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
        case .timeSpan: [("type", "string"), ("pattern", "^([0-9]+[smhd])+$")]
        case .cron:
            [
                ("type", "string"),
                ("pattern", "^[ \\t]*(@[A-Za-z]+|([^ \\t]+[ \\t]+){4}[^ \\t]+)[ \\t]*$"),
            ]
        case .timeZone: [("type", "string"), ("pattern", "^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$")]
        }
    }

    private static func pointer() -> JSONText {
        ["type": "string", "pattern": "^(/([^~]|~[01])*)?$"]
    }

    private static let secret: JSONText = [
        "description": "A secret: { env: NAME }, { file: PATH }, or the text itself (chmod 600).",
        "oneOf": [
            ["type": ["string", "number", "boolean"], "minLength": .literal("1")],
            reference("env"), reference("file"),
        ],
    ]

    private static func reference(_ name: String) -> JSONText {
        let value: JSONText = ["type": "string", "minLength": .literal("1")]
        return [
            "type": "object", "additionalProperties": false, "required": [.string(name)],
            "properties": .object([(name, value)]),
        ]
    }
}

extension ConfigurationKey {
    var isRequired: Bool {
        if case .required = presence { true } else { false }
    }

    /// Whether null may be written in its place, beyond what its shape says.
    fileprivate var isNullable: Bool {
        switch presence {
        case .optional, .filled: true
        case .required, .otherwise: false
        }
    }
}
