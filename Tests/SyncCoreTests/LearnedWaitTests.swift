import SyncCore
import Testing

/// How long a request waits for what was learned.
@Suite struct LearnedWaitTests {
    private static let minute = RateWindow(
        name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)

    @Test func refusedRequestsUseUpNothingOfALearnedLimit() {
        var limiter = LimiterState()
        let window = Self.minute
        for seconds in 1...4 as ClosedRange<Int64> {
            limiter.slots.insert(seconds * .nsPerSecond, windows: [window])
        }
        limiter.refused.insert(3 * .nsPerSecond, windows: [window])
        let earliest = { (requests: Int) in
            limiter.learned = [
                LearnedLimit(
                    window: window.name, periodNs: window.periodNs, requests: requests,
                    ceiling: requests, position: Position(1), sinceNs: 0, confirmations: 0,
                    configured: window.requests)
            ]
            return limiter.earliest(windows: [window], held: 0, now: 5 * .nsPerSecond)
        }
        #expect(earliest(4) == 5 * .nsPerSecond)
        #expect(earliest(3) == .nsPerSecond + window.holdNs)
        #expect(earliest(2) == 2 * .nsPerSecond + window.holdNs)
        #expect(earliest(1) == 4 * .nsPerSecond + window.holdNs)
    }

    /// A refusal that has no slot any more takes nobody else's.
    @Test func refusalsAreMatchedWithTheirSlots() {
        var limiter = LimiterState()
        let window = Self.minute
        for seconds in [1, 2, 4] as [Int64] {
            limiter.slots.insert(seconds * .nsPerSecond, windows: [window])
        }
        for seconds in [2, 3] as [Int64] {
            limiter.refused.insert(seconds * .nsPerSecond, windows: [window])
        }
        let earliest = { (requests: Int) in
            limiter.learned = [
                LearnedLimit(
                    window: window.name, periodNs: window.periodNs, requests: requests,
                    ceiling: requests, position: Position(1), sinceNs: 0, confirmations: 0,
                    configured: window.requests)
            ]
            return limiter.earliest(windows: [window], held: 0, now: 5 * .nsPerSecond)
        }
        #expect(earliest(1) == 4 * .nsPerSecond + window.holdNs)
        #expect(earliest(2) == .nsPerSecond + window.holdNs)
        #expect(earliest(3) == 5 * .nsPerSecond)
    }

    /// Of so many requests the newest are known one by one, the others in buckets.
    @Test func aLearnedLimitOfManyRequestsIsCountedInBucketsToo() throws {
        var limiter = LimiterState()
        let day = RateWindow(name: "day", requests: 100_000, periodNs: 86_400 * .nsPerSecond)
        for seconds in 1...9_000 as ClosedRange<Int64> {
            limiter.slots.insert(seconds * .nsPerSecond, windows: [day])
        }
        limiter.learned = [
            LearnedLimit(
                window: day.name, periodNs: day.periodNs, requests: 6_000, ceiling: 6_000,
                position: Position(1), sinceNs: 0, confirmations: 3, configured: day.requests)
        ]
        let earliest = try #require(
            limiter.earliest(windows: [day], held: 0, now: 9_001 * .nsPerSecond))
        // The 6,000th newest is that of second 3,001; a bucket runs out with its newest.
        #expect(earliest >= 3_001 * .nsPerSecond + day.holdNs)
        #expect(earliest <= 3_500 * .nsPerSecond + day.holdNs)
    }

    /// Every window has to admit the request, by what is configured and by what was learned.
    @Test func theWaitIsTheLongestOfAllWindows() {
        var limiter = LimiterState()
        let minute = RateWindow(name: "minute", requests: 4, periodNs: 60 * .nsPerSecond)
        let hour = RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond)
        for seconds in 1...4 as ClosedRange<Int64> {
            limiter.slots.insert(seconds * .nsPerSecond, windows: [minute, hour])
        }
        let earliest = { (windows: [RateWindow]) in
            limiter.earliest(windows: windows, held: 0, now: 5 * .nsPerSecond)
        }
        #expect(earliest([minute, hour]) == .nsPerSecond + minute.holdNs)
        let full = RateWindow(name: "hour", requests: 3, periodNs: hour.periodNs)
        #expect(earliest([minute, full]) == 2 * .nsPerSecond + hour.holdNs)
        #expect(earliest([full, minute]) == 2 * .nsPerSecond + hour.holdNs)
        limiter.learned = [
            LearnedLimit(
                window: hour.name, periodNs: hour.periodNs, requests: 3, ceiling: 3,
                position: Position(1), sinceNs: 0, confirmations: 3, configured: hour.requests)
        ]
        #expect(earliest([minute, hour]) == 2 * .nsPerSecond + hour.holdNs)
        #expect(earliest([hour, minute]) == 2 * .nsPerSecond + hour.holdNs)
    }
}
