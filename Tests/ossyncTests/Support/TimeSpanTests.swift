import Testing

@testable import ossync

@Suite struct TimeSpanTests {
    @Test(
        arguments: [
            ("90s", 90_000), ("30m", 1_800_000), ("2h", 7_200_000), ("1d", 86_400_000),
            ("1h30m", 5_400_000), ("0s", 0), ("1d2h3m4s", 93_784_000),
        ] as [(String, Int64)])
    func itIsReadAsPeopleWriteIt(text: String, ms: Int64) {
        #expect(TimeSpan(text)?.ms == ms)
    }

    @Test(arguments: [
        "", "30", "m", "30x", "-5m", "5 m", "1h30", "h1", "1.5h", "٣m", "9223372036854775807d",
        "99999999999999999999s", "106751991168d106751991168d",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(TimeSpan(text) == nil)
    }

    @Test(
        arguments: [
            (0, "0 s"), (42, "42 s"), (60, "1 min"), (11_400, "3 h 10 min"), (3_601, "1 h 1 s"),
            (90_061, "1 d 1 h"),
        ] as [(Int64, String)])
    func itIsShownInAtMostTwoParts(seconds: Int64, text: String) {
        #expect(TimeSpan.text(seconds: seconds) == text)
    }
}
