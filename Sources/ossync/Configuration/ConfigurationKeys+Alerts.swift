import SyncCore

extension ConfigurationKeys {
    static let alerts: [ConfigurationKey] = [
        ConfigurationKey(
            "rules", .section(alertRules), .filled, "What is an alert; each holds per stream."),
        ConfigurationKey(
            "remindEvery", .text(.timeSpan), .otherwise("1d"),
            "An alert that still stands is told again after this time; `0s`: never."),
        ConfigurationKey(
            "channels", .named(.channels, of: .section(alertChannel)), .filled,
            "Who is told; each has exactly one of `command`, `webhook` and `file`."),
        ConfigurationKey(
            "ping", .section(alertPing), .optional,
            "An address that is asked for after each completed run, so that a watchdog elsewhere "
                + "notices when none comes."),
    ]

    static let alertRules: [ConfigurationKey] = [
        ConfigurationKey(
            "failed", .flag, .otherwise("true"),
            "`failed`: the last run failed; over with one that doesn't."),
        ConfigurationKey(
            "partial", .flag, .otherwise("true"),
            "`partial`: the last run was completed in part (exit 3)."),
        ConfigurationKey(
            "parkedFor", .text(.timeSpan), .optional,
            "`parked`: there have been parked records without a break for this time."),
        ConfigurationKey(
            "noSuccessFor", .text(.timeSpan), .optional,
            "`noSuccess`: no run was completed for this time; it is noticed between runs by "
                + "`ossync alerts check`, from cron."),
        ConfigurationKey(
            "rateLimitedPercent", .number(0...100), .optional,
            "`rateLimited`: two or more requests of the last run, and more than this share of "
                + "them, were refused with 429."),
        ConfigurationKey(
            "expensesMovedPercent", .number(0...1_000_000), .optional,
            "`expensesMoved`: the sum of `expense_total` moved by more than this from the run "
                + "before to the last one, up or down."),
    ]

    static let alertChannel: [ConfigurationKey] = [
        ConfigurationKey(
            "command", .list(of: .text(.orEmpty)), .filled,
            "A program and its arguments, no shell; `{text}`, `{alert}`, `{event}` and `{stream}` "
                + "in them are replaced. The message is JSON on standard input, and in the "
                + "variables `OSSYNC_ALERT_*`."),
        ConfigurationKey(
            "webhook", .section(alertWebhook), .optional,
            "An address that the message is sent to by POST."),
        ConfigurationKey(
            "file", .text(.file), .optional,
            "A file that a line of JSON is appended to; a relative one starts at the "
                + "configuration file."),
        ConfigurationKey(
            "on", .list(of: .choice(AlertRule.allCases.map(\.name))), .filled,
            "The alerts that it is told; none given: all."),
        ConfigurationKey(
            "recovery", .flag, .otherwise("true"), "Whether it is told when an alert is over."),
        ConfigurationKey(
            "timeout", .text(.timeSpan), .otherwise("10s"),
            "How long a try may take, from `1s` to `5m`; a program is killed then."),
        ConfigurationKey(
            "attempts", .whole(1...10), .otherwise("3"),
            "Tries in a row, after half a second, one, two and so on; what could not be told is "
                + "tried again when alerts are looked at next."),
    ]

    static let alertWebhook: [ConfigurationKey] = [
        ConfigurationKey(
            "url", .address, .required,
            "The address: text, or a secret as `{ env: NAME }` or `{ file: PATH }`."),
        ConfigurationKey(
            "secret", .secret, .optional,
            "What the message is signed with (HMAC-SHA256, as standardwebhooks.com describes).",
            absent: "it is not signed"),
        ConfigurationKey(
            "headers", .named(.headers, of: .headerValue), .filled,
            "Further headers: text, or a secret."),
        ConfigurationKey(
            "allowPlainHTTP", .flag, .otherwise("false"),
            "Allows `http://` to other hosts than this one."),
    ]

    static let alertPing: [ConfigurationKey] = [
        ConfigurationKey(
            "url", .address, .required, "Asked for by GET after a run that was completed."),
        ConfigurationKey(
            "failURL", .address, .optional,
            "Asked for after a run that failed or was completed in part.", absent: "nothing"),
        ConfigurationKey(
            "timeout", .text(.timeSpan), .otherwise("10s"), "How long a try may take."),
        ConfigurationKey("attempts", .whole(1...10), .otherwise("3"), "Tries in a row."),
        ConfigurationKey(
            "allowPlainHTTP", .flag, .otherwise("false"),
            "Allows `http://` to other hosts than this one."),
    ]
}
