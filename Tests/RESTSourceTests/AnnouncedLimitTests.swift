import RESTSource
import SyncCore
import Testing

struct AnnouncedLimitTests {
    private func limits(_ name: String, _ value: String) -> [[Int]] {
        AnnouncedLimit.all(in: [Exchange.HeaderField(name: name, value: value)])
            .map { [$0.requests, Int($0.seconds)] }
    }

    @Test(arguments: [
        ("ratelimit-policy", "\"burst\";q=100;w=60, \"day\" ; q=5000 ; w=86400"),
        ("ratelimit-policy", "100;w=60, 5000;w=86400;comment=\"x\""),
        ("ratelimit-limit", "100, 100;w=60, 5000;w=86400"),
    ])
    func readsWhatTheDraftsWrite(name: String, value: String) {
        #expect(limits(name, value) == [[100, 60], [5_000, 86_400]])
    }

    @Test func readsAWindowInTheName() {
        #expect(limits("x-ratelimit-limit-minute", "20") == [[20, 60]])
        #expect(limits("ratelimit-limit-hour", "600") == [[600, 3_600]])
    }

    @Test(arguments: [
        ("x-ratelimit-limit", "100"), ("x-ratelimit-limit", "secret"), ("date", "100;w=60"),
        ("ratelimit-policy", "100;w=0"), ("ratelimit-policy", "-1;w=60"), ("ratelimit-policy", ""),
        ("x-ratelimit-limit-month", "20"), ("x-ratelimit-remaining-minute", "20"),
    ])
    func saysNothingWithoutAWindow(name: String, value: String) {
        #expect(limits(name, value).isEmpty)
    }

    @Test func tellsWhatTheConfiguredWindowsAdmitInItsTime() {
        let minute = RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)
        let hour = RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond)
        func admitted(_ seconds: Int64, _ windows: [RateWindow]) -> Int? {
            AnnouncedLimit(requests: 1, seconds: seconds, header: "").admitted(by: windows)
        }
        #expect(admitted(60, [minute, hour]) == 20)
        #expect(admitted(1, [minute, hour]) == 20)
        #expect(admitted(61, [minute, hour]) == 40)
        #expect(admitted(3_600, [minute, hour]) == 600)
        #expect(admitted(86_400, [minute, hour]) == 14_400)
        #expect(admitted(60, []) == nil)
        #expect(admitted(.max, [RateWindow(name: "", requests: .max, periodNs: 1)]) == .max)
    }
}
