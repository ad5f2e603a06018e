import SyncEngine
import Testing

@testable import ossync

@Suite struct SystemdCalendarTests {
    @Test(
        arguments: [
            ("*/15 * * * *", ["*-*-* *:00/15:00 UTC"]), ("0 * * * *", ["*-*-* *:00:00 UTC"]),
            ("30 2 * * *", ["*-*-* 02:30:00 UTC"]), ("0 */6 * * *", ["*-*-* 00/6:00:00 UTC"]),
            ("0,30 8-18 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 08..18:00,30:00 UTC"]),
            ("0 0 1 * 7", ["*-*-01 00:00:00 UTC", "Sun *-*-* 00:00:00 UTC"]),
            ("0 0 */10 1,2,7 1", ["Mon *-01,02,07-01/10 00:00:00 UTC"]),
            ("1,2,3,9 4 * * *", ["*-*-* 04:01..03,09:00 UTC"]),
            ("10-50/20 0 * * *", ["*-*-* 00:10/20:00 UTC"]),
            ("10-30/10 0 * * *", ["*-*-* 00:10,20,30:00 UTC"]),
        ])
    func timesOfCronAsCalendarEvents(cron: String, events: [String]) throws {
        #expect(SystemdCalendar.events(try CronExpression(cron), timeZone: "UTC") == events)
    }

    @Test(
        arguments: [
            (1, "* * * * *"), (15, "*/15 * * * *"), (60, "0 * * * *"), (120, "0 */2 * * *"),
            (1_440, "0 0 * * *"), (7, nil), (90, nil), (2_880, nil),
        ] as [(Int64, String?)])
    func everyAsFiveFields(minutes: Int64, cron: String?) throws {
        let schedule = Configuration.Schedule.every(minutes)
        let expected = cron == "* * * * *" ? "*/1 * * * *" : cron
        #expect(try schedule.cron()?.expression.text == expected)
    }
}

@Suite struct ScheduleEscapeTests {
    @Test(
        arguments: [
            ("/srv/erp", "/srv/erp"), ("/srv/a b", #""/srv/a b""#), ("100%", "100%%"),
            ("$HOME", "$$HOME"), (#"a"b"#, #""a\"b""#), ("it's", #""it's""#), (#"a\b"#, #""a\\b""#),
            (";", #"";""#), ("", #""""#),
        ])
    func wordsOfASystemdCommandLine(word: String, expected: String) {
        #expect(SystemdUnits.argument(word) == expected)
    }

    @Test func theProgramTakesNoVariable() {
        #expect(SystemdUnits.program("/a b/$x%") == "\"/a b/$x%%\"")
    }

    @Test(
        arguments: [
            ("/srv/erp", "/srv/erp"), ("/srv/a b", "'/srv/a b'"), ("a%b", #"'a'\%'b'"#),
            ("$HOME", "'$HOME'"), ("it's", #"'it'\''s'"#), (#"a"b"#, #"'a"b'"#),
        ])
    func wordsOfACrontab(word: String, expected: String) throws {
        #expect(try CrontabBlock.word(word) == expected)
    }

    @Test func aBackslashIsRefusedByCron() {
        #expect(throws: CommandFailure.self) { try CrontabBlock.word(#"a\b"#) }
    }
}

@Suite struct CrontabBlockTests {
    private let sync = ScheduledSync.example
    private let mine = "MAILTO=me\n# mine\n*/5 * * * *\tthing \\% é\n"

    private func replaced(_ crontab: String, _ block: CrontabBlock?) throws -> String {
        String(
            decoding: try CrontabBlock.replacing(
                blockOf: sync.store, in: Array(crontab.utf8), with: block), as: UTF8.self)
    }

    @Test func itHoldsACommandForEachSchedule() throws {
        let block = try CrontabBlock(sync, [.every(15)])
        let lines = block.text.split(separator: "\n")
        #expect(lines.first == "# BEGIN ossync schedules of /srv/erp/store")
        #expect(lines.last == "# END ossync schedules of /srv/erp/store")
        #expect(
            lines.suffix(3).dropLast() == [
                "CRON_TZ=UTC",
                "*/15 * * * * /usr/bin/ossync sync --mode incremental "
                    + "--config '/srv/my erp/ossync.yaml' --quiet --if-running skip",
            ])
    }

    @Test func everythingElseStaysByteForByte() throws {
        let block = try CrontabBlock(sync, [.every(15)])
        #expect(try replaced("", block) == block.text)
        #expect(try replaced(mine, block) == mine + block.text)
        #expect(try replaced(mine + block.text, nil) == mine)
        let other = try CrontabBlock(sync, [.every(30)])
        #expect(try replaced(mine + block.text + "later\n", other) == mine + "later\n" + other.text)
        #expect(try replaced("no end of line", block) == "no end of line\n" + block.text)
        #expect(try replaced(mine, nil) == mine)
    }

    @Test func theBlockOfAnotherStoreStays() throws {
        let block = try CrontabBlock(sync, [.every(15)])
        let theirs = block.text.replacing("/srv/erp/store", with: "/srv/erp/store2")
        #expect(try replaced(theirs + block.text, nil) == theirs)
    }

    @Test func whatIsInstalledIsReadBack() throws {
        let block = try CrontabBlock(sync, [.every(15)])
        let theirs = block.text.replacing("/srv/erp/store", with: "/srv/erp/store2")
        let crontab = Array((mine + theirs + block.text).utf8)
        #expect(CrontabBlock.schedules(of: sync.store, in: crontab) == ["quarter"])
        #expect(CrontabBlock.schedules(of: "/srv/erp", in: crontab).isEmpty)
        #expect(CrontabBlock.stores(in: crontab) == ["/srv/erp/store2", "/srv/erp/store"])
        #expect(CrontabBlock.stores(in: Array(mine.utf8)).isEmpty)
    }

    @Test func aBlockWithoutItsEndIsLeftAlone() throws {
        let block = try CrontabBlock(sync, [.every(15)])
        let cut = block.text.split(separator: "\n").dropLast().joined(separator: "\n")
        #expect(throws: CommandFailure.self) { try replaced(mine + cut + "\n", block) }
    }

    @Test func whatCronCannotDoIsRefused() {
        #expect(throws: CommandFailure.self) { try CrontabBlock(sync, [.every(7)]) }
        #expect(throws: CommandFailure.self) {
            try CrontabBlock(sync, [.every(15, overlap: .queue)])
        }
    }
}

extension ScheduledSync {
    fileprivate static let example = ScheduledSync(
        executable: "/usr/bin/ossync", config: "/srv/my erp/ossync.yaml", storeOption: nil,
        store: "/srv/erp/store", environmentFile: nil, variables: [], stopSeconds: 130)
}

extension Configuration.Schedule {
    fileprivate static func every(
        _ minutes: Int64, overlap: SyncEngine.Schedule.Overlap = .skip
    ) -> Configuration.Schedule {
        Configuration.Schedule(
            name: "quarter", timing: .every(minutes: minutes), mode: .incremental, jitterMs: 0,
            overlap: overlap, catchUp: true, maxDuration: nil, patience: "2h")
    }
}
