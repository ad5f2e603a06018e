import Testing

@testable import RESTSource

@Suite("Waits in headers")
struct WaitHeadersTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT
    private let then: Int64 = 784_111_777

    private func limit(_ headers: (String, String)..., at now: Int64 = 1_700_000_000) -> Int64? {
        let fields = headers.map { HTTPField(name: $0.0, value: $0.1) }
        let response = HTTPResponse(status: 429, headers: fields, body: [], receivedAt: now)
        return WaitHeaders(response: response).limit?.waitMs
    }

    @Test(
        "reads Retry-After in seconds",
        arguments: [
            ("1", 1000), (" 120 ", 120_000), ("007", 7000), ("0", nil), ("-5", nil), ("1.5", nil),
            ("", nil), ("soon", nil), ("1 2", nil), ("+3", nil),
            ("99999999999999999999", .max), ("9223372036854775807", .max),
        ] as [(String, Int64?)])
    func seconds(_ text: String, _ wait: Int64?) {
        #expect(limit(("retry-after", text)) == wait)
    }

    @Test(
        "reads the three forms of an HTTP date",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ])
    func dates(_ text: String) {
        #expect(HTTPDate.seconds(text, near: then) == then)
        #expect(limit(("retry-after", text), at: then - 30) == 30_000)
        #expect(limit(("retry-after", text), at: then) == nil)
        #expect(limit(("retry-after", text), at: then + 1) == nil)
    }

    @Test("measures a date by the server's own clock, where it tells it")
    func serverClock() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:07 GMT")
        #expect(limit(("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), date) == 30_000)
        #expect(limit(("x-ratelimit-reset", "1700000060"), ("date", "nonsense")) == 60_000)
    }

    @Test("takes a year of two digits for one at most 50 years ahead")
    func shortYears() {
        let now: Int64 = 1_700_000_000
        #expect(HTTPDate.seconds("Friday, 01-Jan-27 00:00:00 GMT", near: now) == 1_798_761_600)
        #expect(HTTPDate.seconds("Friday, 01-Jan-99 00:00:00 GMT", near: now) == 915_148_800)
    }

    @Test(
        "refuses dates that are none",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 06 Foo 1994 08:49:37 GMT", "06 Nov 1994",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 0849 GMT",
        ])
    func badDates(_ text: String) {
        #expect(HTTPDate.seconds(text, near: then) == nil)
    }

    @Test(
        "reads RFC 3339",
        arguments: [
            ("1994-11-06T08:49:37Z", true), ("1994-11-06t08:49:37.999z", true),
            ("1994-11-06 05:49:37-03:00", true), ("1994-11-06T14:19:37+05:30", true),
            ("1994-11-06T08:49:37", false), ("1994-13-06T08:49:37Z", false),
            ("1994-11-06T08:49:37+0530", false), ("1994-11-06T08:49:37+24:00", false),
        ])
    func rfc3339(_ text: String, _ isValid: Bool) {
        #expect(HTTPDate.rfc3339(text) == (isValid ? then : nil))
    }

    @Test(
        "reads the headers of the drafts and of vendors, by magnitude",
        arguments: [
            ("ratelimit", "\"permin\";r=0;t=30", 30_000),
            ("ratelimit", "\"permin\";r=0;t=30, \"perhr\";r=400;t=2000", 30_000),
            ("ratelimit", "\"permin\";r=5;t=30, \"per;h,r\";r=0;t=2000", 2_000_000),
            ("ratelimit", "limit=100, remaining=0, reset=30", 30_000),
            ("ratelimit", "\"permin\";r=0", nil),
            ("ratelimit-reset", "45", 45_000),
            ("x-ratelimit-reset", "45", 45_000),
            ("x-ratelimit-reset", "0.5", 1000),
            ("x-ratelimit-reset", "1700000060", 60_000),
            ("x-ratelimit-reset", "1700000060000", 60_000),
            ("x-ratelimit-reset", "2023-11-14T22:14:20Z", 60_000),
            ("x-ratelimit-reset", "Tue, 14 Nov 2023 22:14:20 GMT", 60_000),
            ("x-ratelimit-reset", "1699999999", nil),
            ("x-ratelimit-reset", "0", nil),
            ("x-ratelimit-reset", "later", nil),
            ("x-rate-limit-reset", "5", 5000),
            ("x-ratelimit-reset-after", "2.25", 3000),
            ("x-ratelimit-limit", "60", nil),
        ] as [(String, String, Int64?)])
    func limits(_ name: String, _ value: String, _ wait: Int64?) {
        #expect(limit((name, value)) == wait)
    }

    @Test("prefers Retry-After, and of several the longest")
    func precedence() {
        #expect(limit(("x-ratelimit-reset", "900"), ("retry-after", "5")) == 5000)
        #expect(limit(("retry-after", "5"), ("retry-after", "70")) == 70_000)
        #expect(limit(("retry-after", "0"), ("ratelimit-reset", "9")) == 9000)
        #expect(
            limit(
                ("ratelimit", "\"permin\";r=5;t=2"), ("ratelimit", "\"perhr\";r=0;t=1500"))
                == 1_500_000)
        #expect(limit(("ratelimit", "reset=5"), ("ratelimit", "reset=70")) == 70_000)
        #expect(limit(("x-ratelimit-reset", "900"), ("ratelimit", "\"a\";r=0;t=9")) == 9000)
        #expect(limit() == nil)
    }
}
