/// One key of the configuration: the reader, the JSON Schema and the documentation are made of it.
struct ConfigurationKey: Sendable {
    /// What a key's value is when it is absent.
    enum Presence: Sendable {
        case required
        /// Absent means null.
        case optional
        /// The default, as it would be written.
        case otherwise(String)
        /// A section or list whose absence means that its own defaults apply.
        case filled
    }

    let name: String
    let shape: ConfigurationShape
    let presence: Presence
    /// One sentence, for people.
    let doc: String
    /// What an absent optional value means, when that isn't "nothing".
    let absent: String?
    /// The environment variable that overrides it.
    let environment: String?

    init(
        _ name: String, _ shape: ConfigurationShape, _ presence: Presence, _ doc: String,
        absent: String? = nil, environment: String? = nil
    ) {
        self.name = name
        self.shape = shape
        self.presence = presence
        self.doc = doc
        self.absent = absent
        self.environment = environment
    }
}

/// The values that a key takes.
indirect enum ConfigurationShape: Sendable {
    /// A mapping with these keys and no others.
    case section([ConfigurationKey])
    /// A mapping whose names the user chooses; `names` says which are allowed.
    case named(ConfigurationNames, of: ConfigurationShape)
    case list(of: ConfigurationShape)
    /// A mapping whose `type` says which other keys it has.
    case variant(ConfigurationVariants)
    case whole(ClosedRange<Int>, nullable: Bool = false)
    case number(ClosedRange<Double>)
    case flag
    case text(ConfigurationText)
    /// One of these words.
    case choice([String])
    /// `{ env: NAME }`, `{ file: PATH }` or the secret itself.
    case secret
    /// Text, or a secret's reference.
    case headerValue
    /// A URL, or the reference of a secret that holds one.
    case address
}

/// The kinds of text that are checked by form.
enum ConfigurationText: Sendable {
    /// Any text but the empty one.
    case any
    /// Any text, the empty one too.
    case orEmpty
    /// A JSON Pointer to one value.
    case pointer
    /// A JSON Pointer in which the segment `*` means every element.
    case wildcardPointer
    /// A path below the base URL, with `/` first.
    case path
    case baseURL
    /// The path of a file; a relative one starts at the configuration file that names it.
    case file
    /// An HTTP header's name.
    case headerName
    /// A length of time: `90s`, `30m`, `1h30m`.
    case timeSpan
    /// Five fields of crontab(5), or a name such as `@daily`.
    case cron
    /// A name of the system's time zone database.
    case timeZone
}

/// What the names of a user's own mapping must look like.
enum ConfigurationNames: Sendable {
    case streams
    case columns
    case headers
    case schedules
    case channels
}

/// The variants of a mapping with a `type`.
struct ConfigurationVariants: Sendable {
    struct Variant: Sendable {
        let type: String
        let doc: String
        let keys: [ConfigurationKey]
    }

    let variants: [Variant]
    /// Types that are planned or known from elsewhere, refused by name.
    let unsupported: [String]

    var types: [String] { variants.map(\.type) }
}
