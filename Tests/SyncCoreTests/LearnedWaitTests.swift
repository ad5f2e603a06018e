import SyncCore
import Testing

/// How long a request waits for what was learned.
@Suite struct LearnedWaitTests {
    private static let minute = RateWindow(
        name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)

    /// One whose requests were answered in those seconds.
    private func limiter(
        _ seconds: some Sequence<Int64>, refused: [Int64] = [], _ windows: [RateWindow]
    ) -> LimiterState {
        var limiter = LimiterState()
        for second in seconds { limiter.slots.insert(second * .nsPerSecond, windows: windows) }
        for second in refused { limiter.refused.insert(second * .nsPerSecond, windows: windows) }
        return limiter
    }

    /// When the next request may be sent, where so many a minute were learned.
    private func earliest(_ limiter: LimiterState, learned requests: Int) -> Int64? {
        var limiter = limiter
        limiter.learn(requests, of: Self.minute)
        return limiter.earliest(windows: [Self.minute], held: 0, now: 5 * .nsPerSecond)
    }

    @Test func refusedRequestsUseUpNothingOfALearnedLimit() {
        let limiter = limiter(1...4, refused: [3], [Self.minute])
        #expect(earliest(limiter, learned: 4) == 5 * .nsPerSecond)
        #expect(earliest(limiter, learned: 3) == .nsPerSecond + Self.minute.holdNs)
        #expect(earliest(limiter, learned: 2) == 2 * .nsPerSecond + Self.minute.holdNs)
        #expect(earliest(limiter, learned: 1) == 4 * .nsPerSecond + Self.minute.holdNs)
    }

    /// A refusal that has no slot any more takes nobody else's.
    @Test func refusalsAreMatchedWithTheirSlots() {
        let limiter = limiter([1, 2, 4], refused: [2, 3], [Self.minute])
        #expect(earliest(limiter, learned: 1) == 4 * .nsPerSecond + Self.minute.holdNs)
        #expect(earliest(limiter, learned: 2) == .nsPerSecond + Self.minute.holdNs)
        #expect(earliest(limiter, learned: 3) == 5 * .nsPerSecond)
    }

    /// Of so many requests the newest are known one by one, the others in buckets.
    @Test func aLearnedLimitOfManyRequestsIsCountedInBucketsToo() throws {
        let day = RateWindow(name: "day", requests: 100_000, periodNs: 86_400 * .nsPerSecond)
        var limiter = limiter(1...9_000, [day])
        limiter.learn(6_000, of: day, confirmations: 3)
        let earliest = try #require(
            limiter.earliest(windows: [day], held: 0, now: 9_001 * .nsPerSecond))
        // The 6,000th newest is that of second 3,001; a bucket runs out with its newest.
        #expect(earliest >= 3_001 * .nsPerSecond + day.holdNs)
        #expect(earliest <= 3_500 * .nsPerSecond + day.holdNs)
    }

    /// Every window has to admit the request, by what is configured and by what was learned.
    @Test func theWaitIsTheLongestOfAllWindows() {
        let minute = RateWindow(name: "minute", requests: 4, periodNs: 60 * .nsPerSecond)
        let hour = RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond)
        var limiter = limiter(1...4, [minute, hour])
        let earliest = { (windows: [RateWindow]) in
            limiter.earliest(windows: windows, held: 0, now: 5 * .nsPerSecond)
        }
        #expect(earliest([minute, hour]) == .nsPerSecond + minute.holdNs)
        let full = RateWindow(name: "hour", requests: 3, periodNs: hour.periodNs)
        #expect(earliest([minute, full]) == 2 * .nsPerSecond + hour.holdNs)
        #expect(earliest([full, minute]) == 2 * .nsPerSecond + hour.holdNs)
        limiter.learn(3, of: hour, confirmations: 3)
        #expect(earliest([minute, hour]) == 2 * .nsPerSecond + hour.holdNs)
        #expect(earliest([hour, minute]) == 2 * .nsPerSecond + hour.holdNs)
    }
}

extension LimiterState {
    fileprivate mutating func learn(
        _ requests: Int, of window: RateWindow, confirmations: UInt8 = 0
    ) {
        learned = [
            LearnedLimit(
                window: window.name, periodNs: window.periodNs, requests: requests,
                ceiling: requests, position: Position(1), sinceNs: 0,
                confirmations: confirmations, configured: window.requests)
        ]
    }
}
