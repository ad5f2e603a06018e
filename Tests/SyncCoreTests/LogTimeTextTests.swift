import SyncCore
import Testing

@Suite struct LogTimeTextTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_482_123_123_456_789, "2026-11-24T01:02:03.123456789Z"),
        (1_795_482_123_500_000_000, "2026-11-24T01:02:03.500Z"),
        (1_795_482_123_000_001_000, "2026-11-24T01:02:03.000001Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (Int64.min, "1677-09-21T00:12:43.145224192Z"),
        (Int64.max, "2262-04-11T23:47:16.854775807Z"),
    ])
    func aMomentIsWrittenInUTCAndReadBack(nanoseconds: Int64, text: String) {
        #expect(LogTime(nanoseconds: nanoseconds).rfc3339() == text)
        #expect(LogTime(rfc3339: text) == LogTime(nanoseconds: nanoseconds))
    }

    @Test func theLeastNumberOfFractionDigitsCanBeChosen() {
        let time = LogTime(nanoseconds: 1_795_482_123_000_000_000)
        #expect(time.rfc3339(fractionDigits: 0) == "2026-11-24T01:02:03Z")
        #expect(time.rfc3339(fractionDigits: 9) == "2026-11-24T01:02:03.000000000Z")
    }

    @Test(arguments: [
        ("2026-11-24T03:02:03+02:00", "2026-11-24T01:02:03.000Z"),
        ("2026-11-23 20:32:03.25-04:30", "2026-11-24T01:02:03.250Z"),
        ("2026-11-24t01:02:03.1234567899z", "2026-11-24T01:02:03.123456789Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ])
    func offsetsAndFractionsAreUnderstood(text: String, utc: String) {
        #expect(LogTime(rfc3339: text)?.rfc3339() == utc)
    }

    @Test(arguments: [
        "", "2026", "2026-11-24", "2026-11-24T01:02:03", "2026-11-24T01:02Z",
        "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+24:00",
        "2263-01-01T00:00:00Z", "1600-01-01T00:00:00Z", "1677-09-21T00:12:43.145224191Z",
        "２026-01-01T00:00:00Z", "+026-01-01T00:00:00Z",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(LogTime(rfc3339: text) == nil)
    }

    @Test func everyDayOfFourCenturiesComesBack() {
        for days in Int64(-20_000)...130_000 {
            let date = CivilDate(daysSinceEpoch: days)
            #expect(date.daysSinceEpoch == days)
            #expect(CivilDate(year: date.year, month: date.month, day: date.day) == date)
        }
    }

    @Test(arguments: [
        "2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:17Z", "1677-09-21T00:12:42.5Z",
        "1677-09-21T00:12:43Z", "1677-09-21T00:12:43.145224191Z",
    ])
    func aMomentBeyondTheTypeIsRefused(text: String) { #expect(LogTime(rfc3339: text) == nil) }
}
