extension ConfigurationKeys {
    static let schedule: [ConfigurationKey] = [
        ConfigurationKey(
            "every", .text(.timeSpan), .optional,
            "A run at each multiple of this since 1970-01-01T00:00Z, in whole minutes from `1m` to "
                + "`31d`; exactly one of `every` and `cron` is given."),
        ConfigurationKey(
            "cron", .text(.cron), .optional,
            "The times of the runs: `minute hour day-of-month month day-of-week`, or `@hourly`, "
                + "`@daily`, `@weekly`, `@monthly`, `@yearly`."),
        ConfigurationKey(
            "timeZone", .text(.timeZone), .otherwise("UTC"),
            "The time zone of `cron`, for example `America/Sao_Paulo`."),
        ConfigurationKey(
            "mode", .choice(SyncCommand.Mode.allCases.map(\.rawValue)), .otherwise("incremental"),
            "The mode of the runs, as `--mode`."),
        ConfigurationKey(
            "jitter", .text(.timeSpan), .otherwise("0s"),
            "The most that a start is delayed by, to spread the load; less than `every`."),
        ConfigurationKey(
            "overlap", .choice(["skip", "queue"]), .otherwise("skip"),
            "What becomes of a time that comes while a run is under way: `skip` passes over it, "
                + "`queue` waits for the end, one run at most."),
        ConfigurationKey(
            "catchUp", .flag, .otherwise("true"),
            "Whether times that were missed, say while the machine was off, are made good, once "
                + "for all of them."),
        ConfigurationKey(
            "maxDuration", .text(.timeSpan), .optional,
            "The time after which a run pauses, as `--max-duration`.", absent: "no bound"),
        ConfigurationKey(
            "patience", .text(.timeSpan), .otherwise(SyncCommand.defaultPatience),
            "The longest wait in a run, as `--patience`."),
    ]
}
