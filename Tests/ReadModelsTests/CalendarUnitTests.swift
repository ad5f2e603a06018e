import Foundation
import ReadModels
import Records
import SyncCore
import Testing

@Suite struct CalendarUnitTests {
    private func label(_ unit: CalendarUnit, _ text: String) throws -> String {
        unit.label(unit.number(of: try #require(DateText.day(of: text.utf8))))
    }

    /// The examples of ISO 8601 and of those who got it wrong.
    @Test(arguments: [
        ("2026-11-24", "2026-W48"), ("2005-01-01", "2004-W53"), ("2005-01-02", "2004-W53"),
        ("2005-12-31", "2005-W52"), ("2007-01-01", "2007-W01"), ("2007-12-31", "2008-W01"),
        ("2008-12-29", "2009-W01"), ("2009-12-31", "2009-W53"), ("2010-01-03", "2009-W53"),
        ("2010-01-04", "2010-W01"), ("1969-12-28", "1969-W52"), ("1969-12-29", "1970-W01"),
        ("1970-01-04", "1970-W01"), ("1970-01-05", "1970-W02"), ("0000-01-01", "-0001-W52"),
        ("9999-12-31", "9999-W52"),
    ])
    func weeksAreThoseOfISO8601(day: String, week: String) throws {
        #expect(try label(.week, day) == week)
    }

    @Test func everyDayOfACenturyIsInTheWeekThatACalendarSays() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for days in stride(from: Int64(-20_000), to: 20_000, by: 1) {
            let date = Date(timeIntervalSince1970: Double(days) * 86_400)
            let parts = calendar.dateComponents([.yearForWeekOfYear, .weekOfYear], from: date)
            let expected = String(
                format: "%04d-W%02d", parts.yearForWeekOfYear ?? 0, parts.weekOfYear ?? 0)
            let day = CivilDate(daysSinceEpoch: days)
            #expect(CalendarUnit.week.label(CalendarUnit.week.number(of: day)) == expected)
            #expect(CalendarUnit.day.number(of: day) == days)
        }
    }

    @Test func monthsFollowEachOther() throws {
        #expect(try label(.month, "2026-11-24") == "2026-11")
        #expect(try label(.month, "0000-01-31") == "0000-01")
        let december = try #require(CivilDate(year: 2025, month: 12, day: 31))
        let january = try #require(CivilDate(year: 2026, month: 1, day: 1))
        #expect(
            CalendarUnit.month.number(of: january) == CalendarUnit.month.number(of: december) + 1)
        #expect(CalendarUnit.month.label(CalendarUnit.month.number(of: december)) == "2025-12")
    }

    @Test(arguments: [
        ("2026-11-24T23:30:00-03:00", "2026-11-24"), ("2026-11-25T02:30:00Z", "2026-11-25"),
        ("2026-11-24 08:00", "2026-11-24"), ("2024-02-29", "2024-02-29"),
    ])
    func aDayIsTheOneThatTheTextShows(text: String, day: String) throws {
        #expect(try label(.day, text) == day)
    }

    @Test(arguments: ["2023-02-29", "24.11.2026", "2026-11-24T25:00", "", "2026-11", "soon"])
    func whatIsNoDateHasNoDay(text: String) {
        #expect(DateText.day(of: text.utf8) == nil)
        #expect(!DateText.isDateTime(text.utf8))
    }
}
