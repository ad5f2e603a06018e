import SyncCore
import SyncEngine
import TestSupport
import Testing

private func utc(_ text: String) throws -> Int64 {
    try #require(LogTime(rfc3339: text)).rawValue / .nsPerSecond
}

private func times(
    _ cron: String, _ zone: ZoneRules, after start: String, count: Int
) throws -> [String] {
    let expression = try CronExpression(cron)
    var instant = try utc(start)
    return try (0..<count).map { _ in
        instant = try #require(expression.next(after: instant, in: zone))
        let text = LogTime(nanoseconds: instant * .nsPerSecond).rfc3339(fractionDigits: 0)
        return String(text.prefix(16))
    }
}

@Suite struct CronExpressionTests {
    @Test(
        arguments: [
            ("*/15 * * * *", "*/15 * * * *"), ("0 8-18/2 * * MON-fri", "0 8-18/2 * * 1-5"),
            ("5,35 0 1,15 jan,Jul 7", "5,35 0 1,15 1,7 7"), ("@daily", "0 0 * * *"),
            ("@Hourly", "0 * * * *"), ("@weekly", "0 0 * * 0"), ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"), ("\t1  2 3 4 5 ", "1 2 3 4 5"),
        ])
    func itIsWrittenInFigures(text: String, expected: String) throws {
        #expect(try CronExpression(text).text == expected)
    }

    @Test(
        arguments: [
            ("* * * *", "has 4 fields, not five"), ("* * * * * *", "has 6 fields, not five"),
            ("60 * * * *", "minute \"60\" is not allowed: 0-59"),
            ("* 24 * * *", "hour \"24\" is not allowed: 0-23"),
            ("* * 0 * *", "day-of-month \"0\" is not allowed: 1-31"),
            ("* * * 13 *", "month \"13\" is not allowed: 1-12, JAN-DEC"),
            ("* * * * 8", "day-of-week \"8\" is not allowed: 0-7, SUN-SAT"),
            ("5/15 * * * *", "minute \"5/15\" is not allowed"), ("*/0 * * * *", "\"*/0\""),
            ("5-1 * * * *", "\"5-1\""), ("1-2-3 * * * *", "\"1-2-3\""), (", * * * *", "\"\""),
            ("1, * * * *", "\"\""), ("-1 * * * *", "\"-1\""), ("+1 * * * *", "\"+1\""),
            ("MON * * * *", "minute \"MON\""), ("*/99999999999999999999 * * * *", "minute"),
            ("0 0 31 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
            ("@reboot", "none of @hourly"), ("@daily 1", "none of @hourly"),
            ("* * * * ٣", "day-of-week"),
        ])
    func whatIsWrongIsNamed(text: String, words: String) {
        do throws(CronExpression.Problem) {
            _ = try CronExpression(text)
            Issue.record("\(text) is taken")
        } catch {
            #expect(error.description.contains(words), "\(error)")
            #expect(!error.description.contains("\n"))
        }
    }

    @Test func eitherDayMatchesWhenBothAreRestricted() throws {
        // 13 November 2026 is a Friday.
        #expect(
            try times("0 12 1 * fri", .utc, after: "2026-11-01T12:00:00Z", count: 3)
                == ["2026-11-06T12:00", "2026-11-13T12:00", "2026-11-20T12:00"])
        #expect(
            try times("0 12 1 12 fri", .utc, after: "2026-11-01T12:00:00Z", count: 2)
                == ["2026-12-01T12:00", "2026-12-04T12:00"])
        // A field that begins with * restricts with the other one.
        #expect(
            try times("0 12 */2 * fri", .utc, after: "2026-11-01T12:00:00Z", count: 2)
                == ["2026-11-13T12:00", "2026-11-27T12:00"])
    }

    @Test func leapDaysAreWaitedFor() throws {
        #expect(
            try times("0 0 29 2 *", .utc, after: "2096-03-01T00:00:00Z", count: 1)
                == ["2104-02-29T00:00"])
        #expect(
            try times("0 0 29 2 */7", .utc, after: "2026-01-01T00:00:00Z", count: 1)
                == ["2032-02-29T00:00"])
    }

    @Test func aTimeInAGapComesOnceAtItsEnd() throws {
        let zone = try ZoneRules(tzif: ZoneFixture.saoPaulo)
        #expect(
            try times("30 0 * * *", zone, after: "2018-11-02T12:00:00Z", count: 3)
                == ["2018-11-03T03:30", "2018-11-04T03:00", "2018-11-05T02:30"])
        // Several times of one gap, and the first instant after it, are one run.
        #expect(
            try times("0,15,30 0,1 * * *", zone, after: "2018-11-03T12:00:00Z", count: 3)
                == ["2018-11-04T03:00", "2018-11-04T03:15", "2018-11-04T03:30"])
        // Asked at the last second before it.
        #expect(
            try times("0 0 4 11 *", zone, after: "2018-11-04T02:59:59Z", count: 1)
                == ["2018-11-04T03:00"])
    }

    @Test func aFixedTimeInAnOverlapComesOnceTheFirstTime() throws {
        let zone = try ZoneRules(tzif: ZoneFixture.saoPaulo)
        #expect(
            try times("30 23 * * *", zone, after: "2019-02-15T12:00:00Z", count: 3)
                == ["2019-02-16T01:30", "2019-02-17T01:30", "2019-02-18T02:30"])
        #expect(
            try times("30 23 * * *", zone, after: "2019-02-17T01:30:00Z", count: 1)
                == ["2019-02-18T02:30"])
    }

    @Test func wildcardsGoByElapsedTime() throws {
        let zone = try ZoneRules(tzif: ZoneFixture.saoPaulo)
        #expect(
            try times("30 * * * *", zone, after: "2019-02-17T01:00:00Z", count: 4)
                == ["2019-02-17T01:30", "2019-02-17T02:30", "2019-02-17T03:30", "2019-02-17T04:30"])
        #expect(
            try times("*/30 * * * *", zone, after: "2018-11-04T02:15:00Z", count: 3)
                == ["2018-11-04T02:30", "2018-11-04T03:00", "2018-11-04T03:30"])
    }

    /// A slow walk through all minutes, by the words of cron(8), against the fast search: in the
    /// days about two changes of the clocks, and about the end of February in three years.
    @Test(arguments: ZoneFixture.rules)
    func itIsWhatAWalkMinuteByMinuteFinds(rule: String) throws {
        let zone = try ZoneFixture.zone(rule)
        var generator = SeededGenerator(seed: Schedule.hash(rule))
        var days = try ["2026", "2027", "2028"].map { try utc("\($0)-02-28T00:00:00Z") }
        for _ in 0..<2 {
            if let change = zone.nextTransition(after: days.last ?? 0) { days.append(change) }
        }
        for day in days {
            let start = day - 100_000 - Int64(generator.below(20_000))
            let walk = CronWalk(zone, after: start, before: day + 140_000)
            for _ in 0..<12 {
                let text = CronText.draw(&generator)
                guard let expression = try? CronExpression(text) else { continue }
                var found: [Int64] = []
                var instant = start
                while let next = expression.next(after: instant, in: zone), next < walk.end {
                    found.append(next)
                    instant = next
                }
                #expect(found == walk.times(of: expression), "\(text) in \(rule)")
            }
        }
    }
}

/// Fields that people might write, the rare ones more often than they do.
private enum CronText {
    static func draw(_ generator: inout SeededGenerator) -> String {
        let minute = ["*", "*/15", "0", "30", "0,30", "59", "10-50/20", "*/7"]
        let hour = ["*", "*/6", "0", "1", "2", "3", "1-3", "23", "0,12", "2-4/2"]
        let day = ["*", "*", "*", "1", "31", "*/10", "25-31", "29"]
        let month = ["*", "*", "*", "3,10", "2", "11", "1-6/5"]
        let weekday = ["*", "*", "*", "0", "7", "sun", "1-5", "*/3"]
        return [minute, hour, day, month, weekday].map { $0[generator.below($0.count)] }
            .joined(separator: " ")
    }
}

/// The reference: every minute of UTC is looked at, and what the clocks show then.
private struct CronWalk {
    let start: Int64
    let end: Int64
    private var minutes: [(instant: Int64, shown: Int64)] = []

    init(_ zone: ZoneRules, after start: Int64, before end: Int64) {
        (self.start, self.end) = (start, end)
        // Half a day ahead, so that what the clocks showed before is known.
        var minute = (start - 43_200) / 60 * 60
        while minute < end {
            minutes.append((minute, zone.civilTime(at: minute).seconds))
            minute += 60
        }
    }

    func times(of expression: CronExpression) -> [Int64] {
        var found: [Int64] = []
        var highest = (minutes.first?.shown ?? 0) - 60
        for (instant, shown) in minutes {
            if expression.isByElapsedTime {
                if expression.matches(CivilTime(seconds: shown)) { found.append(instant) }
            } else {
                // Every minute of the calendar that is new by now: usually one, none when the
                // clocks went back, more when they went forward.
                let new = stride(from: highest + 60, through: shown, by: 60)
                if new.contains(where: { expression.matches(CivilTime(seconds: $0)) }) {
                    found.append(instant)
                }
            }
            highest = max(highest, shown)
        }
        return found.filter { $0 > start }
    }
}
