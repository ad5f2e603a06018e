import SyncEngine
import Testing

@testable import ossync

@Suite struct ConfigurationScheduleTests {
    @Test func aScheduleIsReadWithItsDefaults() throws {
        let folder = ConfigurationFolder()
        try folder.write(
            """
            schedules:
              quarter: { every: 1h30m, jitter: 30s }
              night-run:
                cron: "30 2 * * MON"
                mode: details-only
                overlap: queue
                catchUp: false
                maxDuration: 4h
                patience: 30m
            """)
        let schedules = try folder.load().schedules
        #expect(
            schedules == [
                Configuration.Schedule(
                    name: "quarter", timing: .every(minutes: 90), mode: .incremental,
                    jitterMs: 30_000, overlap: .skip, catchUp: true, maxDuration: nil,
                    patience: "2h"),
                Configuration.Schedule(
                    name: "night-run", timing: .cron("30 2 * * MON", timeZone: "UTC"),
                    mode: .detailsOnly, jitterMs: 0, overlap: .queue, catchUp: false,
                    maxDuration: "4h", patience: "30m"),
            ])
        #expect(try schedules[0].plan().timing == .every(seconds: 5_400))
        try folder.write("schedules:\n")
        #expect(try folder.load().schedules == [])
    }

    static let bad: [BadFile] = [
        BadFile(
            "neither", "schedules:\n  a: { mode: full }\n",
            "ossync.yaml:2: schedules.a needs every or cron; for example every: 15m"),
        BadFile(
            "both", "schedules:\n  a:\n    every: 15m\n    cron: \"@daily\"\n",
            "ossync.yaml:2: schedules.a has every and cron; keep one"),
        BadFile(
            "an unknown key", "schedules:\n  a:\n    evry: 15m\n    every: 15m\n",
            "ossync.yaml:3: unknown key \"evry\" in schedules.a; did you mean \"every\"?"),
        BadFile(
            "no time", "schedules:\n  a: { every: 15 }\n",
            "ossync.yaml:2: schedules.a.every must be a time such as 90s, 30m or 2h, not \"15\""),
        BadFile(
            "seconds", "schedules:\n  a: { every: 90s }\n",
            "ossync.yaml:2: schedules.a.every must be whole minutes, from 1m to 31d"),
        BadFile(
            "a time zone beside every", "schedules:\n  a: { every: 1h, timeZone: UTC }\n",
            "ossync.yaml:2: schedules.a.timeZone is for cron: every counts from "
                + "1970-01-01T00:00Z; leave it out, or write the times as cron"),
        BadFile(
            "much jitter of cron",
            "schedules:\n  a: { cron: \"0,20 9 * * 1-5\", jitter: 20m }\n",
            "ossync.yaml:2: schedules.a.jitter is not less than the shortest time between two runs "
                + "(20 min)"),
        BadFile(
            "much jitter", "schedules:\n  a: { every: 15m, jitter: 15m }\n",
            "ossync.yaml:2: schedules.a.jitter is not less than every"
        ),
        BadFile(
            "a field of cron", "schedules:\n  a: { cron: \"0 25 * * *\" }\n",
            "ossync.yaml:2: schedules.a.cron can't be used: hour \"25\" is not allowed: 0-23, "
                + "ranges a-b, steps */n and a-b/n, lists of these"),
        BadFile(
            "a day that never comes", "schedules:\n  a: { cron: \"0 0 31 2 *\" }\n",
            "ossync.yaml:2: schedules.a.cron can't be used: \"0 0 31 2 *\" never comes: no such "
                + "month has day-of-month 31"),
        BadFile(
            "a time zone outside", "schedules:\n  a: { cron: \"@daily\", timeZone: ../UTC }\n",
            "ossync.yaml:2: schedules.a.timeZone can't be used: \"../UTC\" is not a time zone's "
                + "name"),
        BadFile(
            "a mode", "schedules:\n  a: { every: 1h, mode: fast }\n",
            "ossync.yaml:2: schedules.a.mode must be one of incremental, full, resume, "
                + "details-only, not \"fast\""),
        BadFile(
            "a name", "schedules:\n  a b: { every: 1h }\n",
            "ossync.yaml:2: schedules: \"a b\" can't name a schedule (letters, digits, _ and -, "
                + "at most 40, starting with a letter or digit)"),
    ]

    @Test(arguments: bad)
    func aMistakeIsNamedWithItsLine(file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }
}
