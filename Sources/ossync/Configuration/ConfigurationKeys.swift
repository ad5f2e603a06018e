import Projections

/// The key table: every key of the configuration, its type, default and meaning, in one place.
enum ConfigurationKeys {
    /// The longest wait that is accepted anywhere: 31 days.
    static let maxMs = 31 * 24 * 3_600 * 1_000
    /// libcurl counts milliseconds in 32 bits.
    static let maxTimeoutMs = Int(Int32.max)

    static let root: [ConfigurationKey] = [
        ConfigurationKey(
            "store", .text(.any), .otherwise("./ossync-store"),
            "The folder of the store; a relative one starts at the configuration file.",
            environment: "OSSYNC_STORE"),
        ConfigurationKey(
            "rateLimits", .section(rateLimits), .filled,
            "The API's limits; every request of every kind counts against them."),
        ConfigurationKey(
            "api", .section(api), .optional, "The API to read from.",
            absent: "commands that read only the store need none"),
        ConfigurationKey(
            "streams", .named(.streams, of: .section(stream)), .filled,
            "The kinds of records to copy, in the order in which they are synchronised; the first "
                + "one is the default of `--stream`."),
        ConfigurationKey(
            "schedules", .named(.schedules, of: .section(schedule)), .filled,
            "When syncs are run unattended: by `ossync serve`, or by systemd or cron."),
        ConfigurationKey(
            "alerts", .section(alerts), .filled,
            "What is told to whom when syncs go wrong; without channels and `ping` nothing is "
                + "looked at."),
        ConfigurationKey(
            "report", .section(report), .filled,
            "What `ossync report expenses` adds up, and by which day."),
        ConfigurationKey("log", .section(log), .filled, "What a sync says about itself."),
        ConfigurationKey(
            "metrics", .section(metrics), .filled, "What Prometheus is told of the store."),
    ]

    static let report: [ConfigurationKey] = [
        ConfigurationKey(
            "amount", .text(.any), .otherwise(RecordProjection.totalColumn),
            "The decimal column of the first stream that is added up."),
        ConfigurationKey(
            "date", .text(.any), .optional,
            "The column of the first stream with a record's date; its day is the one that the text "
                + "shows, in whatever zone the API writes it.",
            absent: "`--by day`, `week` and `month` are refused"),
    ]

    static let log: [ConfigurationKey] = [
        ConfigurationKey(
            "format", .choice(LogLine.Format.allCases.map(\.rawValue)), .otherwise("human"),
            "The lines of a sync on stderr and in its log files: words, or a JSON object each.",
            environment: "OSSYNC_LOG_FORMAT"),
        ConfigurationKey(
            "maxBytes", .whole(4_096...1_099_511_627_776), .otherwise("10485760"),
            "The size in bytes at which `logs/combined.log` of the store is begun anew."),
        ConfigurationKey(
            "keep", .whole(1...1_000), .otherwise("5"),
            "How many older ones are kept beside it, `combined.log.1` being the newest."),
    ]

    static let metrics: [ConfigurationKey] = [
        ConfigurationKey(
            "textfile", .text(.any), .optional,
            "The file that each sync writes the metrics to at its end, for node_exporter; a "
                + "relative one starts at the configuration file.",
            environment: "OSSYNC_METRICS_TEXTFILE")
    ]

    static let rateLimits: [ConfigurationKey] = [
        ConfigurationKey(
            "requestsPerMinute", .whole(1...1_000_000, nullable: true), .otherwise("20"),
            "The most requests in any 60 seconds, wherever they start; `null`, written out, "
                + "lifts it.",
            environment: "OSSYNC_REQUESTS_PER_MINUTE"),
        ConfigurationKey(
            "requestsPerHour", .whole(1...10_000_000, nullable: true), .otherwise("600"),
            "The most requests in any 3,600 seconds; `null`, written out, lifts it.",
            environment: "OSSYNC_REQUESTS_PER_HOUR"),
        ConfigurationKey(
            "windows", .list(of: .section(window)), .filled,
            "Further sliding windows, each held beside the others."),
        ConfigurationKey(
            "backoffMultiplier", .number(1...100), .otherwise("2"),
            "What each further 429 in a row multiplies the cooldown by.",
            environment: "OSSYNC_BACKOFF_MULTIPLIER"),
        ConfigurationKey(
            "cooldownMs", .whole(0...maxMs), .otherwise("60000"),
            "The wait in milliseconds after a 429 that names none.",
            environment: "OSSYNC_COOLDOWN_MS"),
        ConfigurationKey(
            "deliveryBoundMs", .whole(0...maxMs), .otherwise("10000"),
            "How long in milliseconds a request whose answer never came may still be on its way."),
    ]

    static let window: [ConfigurationKey] = [
        ConfigurationKey("name", .text(.any), .required, "The window's name, in status and logs."),
        ConfigurationKey(
            "requests", .whole(1...10_000_000), .required, "The most requests in the window."),
        ConfigurationKey(
            "seconds", .whole(1...(31 * 24 * 3_600)), .required, "The window's length in seconds."),
    ]

    static let api: [ConfigurationKey] = [
        ConfigurationKey(
            "baseURL", .text(.baseURL), .required,
            "The address that every path is appended to, without credentials, query and fragment.",
            environment: "OSSYNC_BASE_URL"),
        ConfigurationKey(
            "id", .text(.any), .optional,
            "The identity that a store is bound to; set it to move the API to another address.",
            absent: "the base URL"),
        ConfigurationKey(
            "auth", .variant(auth), .otherwise("none"), "How requests are authenticated."),
        ConfigurationKey(
            "headers", .named(.headers, of: .headerValue), .filled,
            "Further headers of every request: text, or a secret as `{ env: NAME }` or "
                + "`{ file: PATH }`."),
        ConfigurationKey("timeouts", .section(timeouts), .filled, "When a request is given up."),
        ConfigurationKey(
            "maxBodyBytes", .whole(1...67_108_864), .otherwise("33554432"),
            "The largest answer that is accepted, in bytes after decompression."),
        ConfigurationKey(
            "allowPlainHTTP", .flag, .otherwise("false"),
            "Allows `http://` to other hosts than this one; credentials then travel in the open."),
        ConfigurationKey(
            "userAgent", .text(.any), .optional, "The `User-Agent` header.",
            absent: "the program's name and version"),
        ConfigurationKey("health", .section(health), .filled, "What `ossync health` asks for."),
    ]

    static let timeouts: [ConfigurationKey] = [
        ConfigurationKey(
            "connectMs", .whole(1...maxTimeoutMs), .otherwise("10000"),
            "The longest time to connect, TLS included."),
        ConfigurationKey(
            "idleMs", .whole(1...maxTimeoutMs), .otherwise("30000"),
            "The longest time without a byte."),
        ConfigurationKey(
            "totalMs", .whole(1...maxTimeoutMs), .otherwise("120000"),
            "The longest time of a whole request; at least `connectMs`."),
    ]

    static let health: [ConfigurationKey] = [
        ConfigurationKey(
            "path", .text(.path), .optional, "The path of the health request.",
            absent: "the list path of the first stream")
    ]

    static let auth = ConfigurationVariants(
        variants: [
            .init(type: "none", doc: "No authentication.", keys: []),
            .init(
                type: "bearer", doc: "`Authorization: Bearer TOKEN`.",
                keys: [ConfigurationKey("token", .secret, .required, "The token.")]),
            .init(
                type: "apiKey", doc: "A key in a header of its own.",
                keys: [
                    ConfigurationKey(
                        "header", .text(.headerName), .otherwise("X-Api-Key"),
                        "The header's name."),
                    ConfigurationKey("key", .secret, .required, "The key."),
                ]),
            .init(
                type: "basic", doc: "`Authorization: Basic` of user and password.",
                keys: [
                    ConfigurationKey("user", .text(.any), .required, "The user's name."),
                    ConfigurationKey("password", .secret, .required, "The password."),
                ]),
        ],
        unsupported: ["oauth2", "login", "digest", "query", "body"])
}
