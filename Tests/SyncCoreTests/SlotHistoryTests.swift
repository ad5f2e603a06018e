import SyncCore
import TestSupport
import Testing

@Suite struct SlotHistoryTests {
    private static let day = RateWindow(
        name: "day", requests: 100_000, periodNs: 86_400 * .nsPerSecond)

    private func history(_ count: Int, windows: [RateWindow]) -> SlotHistory {
        var floor = FloorTracker(slots: SlotHistory(), startNs: 0)
        for _ in 0..<count { floor.count(windows: windows) }
        return floor.schedule
    }

    /// Slots are kept one by one up to some thousands, and in buckets beyond.
    @Test func aLargeWindowTakesABoundedNumberOfEntries() {
        let slots = history(250_000, windows: [Self.day])
        #expect(slots.count >= 100_000)
        #expect(slots.buckets.count <= SlotHistory.bucketCapacity)
        #expect(slots.times.count < 2 * SlotHistory.exactCapacity)
    }

    @Test func aLargeWindowIsNeverExceededAndWellUsed() {
        let small = RateWindow(name: "s", requests: 10, periodNs: .nsPerSecond)
        let large = RateWindow(name: "l", requests: 6_000, periodNs: 700 * .nsPerSecond)
        var state = LimiterRun(windows: [small, large])
        state.run(15_000)
        #expect(densest(state.arrivals, large) <= large.requests)
        #expect(densest(state.arrivals, large) >= large.requests * 99 / 100)
    }

    /// What a later configuration needs is there.
    @Test func aWindowThatIsConfiguredLaterKnowsOfEarlierRequests() {
        var state = LimiterRun(windows: [
            RateWindow(name: "s", requests: 10, periodNs: .nsPerSecond)
        ])
        state.run(30_000)
        let large = RateWindow(name: "l", requests: 20_000, periodNs: 3_600 * .nsPerSecond)
        state.windows.append(large)
        state.run(100)
        #expect(densest(state.arrivals, large) <= 30_000)
        #expect(state.arrivals[30_000] - state.arrivals[29_999] > 0)
        #expect(state.arrivals[30_000] >= state.arrivals[10_000] + large.periodNs)
    }

    /// Also where a window of many thousand was in force: what it doesn't look at is kept.
    @Test(arguments: [4_097, 5_000, 20_000]) func noSlotIsForgotten(requests: Int) {
        let window = RateWindow(name: "h", requests: requests, periodNs: 3_600 * .nsPerSecond)
        let slots = history(60_000, windows: [window])
        #expect(slots.count == 60_000)
        #expect(slots.buckets.count <= SlotHistory.bucketCapacity)
        #expect(slots.count(after: -1) == 60_000)
    }

    @Test func bucketsCountLikeTheSlotsInThem() {
        let small = RateWindow(name: "s", requests: 10, periodNs: .nsPerSecond)
        let slots = history(50_000, windows: [small, Self.day])
        #expect(slots.count(after: -1) == slots.count)
        #expect(slots.count(after: slots.times[0] - 1) >= slots.times.count)
        #expect(slots.count(after: .max) == 0)
        for bucket in [0, 100] {
            #expect(
                slots.count(after: slots.buckets[bucket].newest)
                    == slots.times.count
                    + slots.buckets[(bucket + 1)...].reduce(0) { $0 + $1.count })
        }
    }

    /// However the slots came to lie in buckets, no window of the configuration misses one.
    @Test(arguments: [4_097, 5_000, 20_000]) func aLargeWindowMissesNoSlot(requests: Int) {
        let window = RateWindow(name: "day", requests: requests, periodNs: 86_400 * .nsPerSecond)
        var history = SlotHistory()
        for time in 0..<(2 * requests + 7_000) {
            history.insert(Int64(time), windows: [window])
            #expect(history.count >= min(time + 1, requests))
        }
        #expect(history.buckets.count <= SlotHistory.bucketCapacity)
    }

    /// The buckets that were filled for small windows are too many for the large one.
    @Test func aWindowThatGrowsMissesNoSlotThatWasKnown() {
        let window = RateWindow(name: "day", requests: 150_000, periodNs: 86_400 * .nsPerSecond)
        var history = SlotHistory()
        for time in 0..<60_000 { history.insert(Int64(time), windows: []) }
        let known = history.count
        for time in 0..<150_000 {
            history.insert(Int64(60_000 + time), windows: [window])
            if time % 1_000 == 0 { #expect(history.count >= min(known + time + 1, 150_000)) }
        }
        #expect(history.buckets.count <= SlotHistory.bucketCapacity)
    }

    @Test(arguments: [300, 301]) func bucketsThatAreTooManyAreMergedInPairs(count: Int) {
        let window = RateWindow(name: "day", requests: 100_000, periodNs: 86_400 * .nsPerSecond)
        let buckets = (0..<count).map {
            SlotHistory.Bucket(oldest: Int64(2 * $0), newest: Int64(2 * $0 + 1), count: 10)
        }
        var history = SlotHistory(times: (1_000..<6_119).map { Int64($0) }, buckets: buckets)
        let known = history.count
        history.insert(7_000, windows: [window])
        #expect(history.count == known + 1)
        #expect(history.buckets.count <= SlotHistory.bucketCapacity)
        let newest = history.buckets.map(\.newest)
        #expect(newest == newest.sorted())
    }

    /// A request that may still arrive is dated ahead of those that were answered.
    @Test func slotsAreKeptInTheOrderInWhichTheyRunOut() {
        var history = SlotHistory()
        for time: Int64 in [5, 30, 10, 20, 5] { history.insert(time, windows: []) }
        #expect(history.times == [5, 5, 10, 20, 30])
    }
}

/// Requests as fast as the limiter admits them, with answers at once.
private struct LimiterRun {
    var windows: [RateWindow]
    private(set) var arrivals: [Int64] = []
    private var limiter = LimiterState()
    private var now: Int64 = 0

    init(windows: [RateWindow]) { self.windows = windows }

    mutating func run(_ count: Int) {
        for _ in 0..<count {
            now = limiter.earliest(windows: windows, held: 0, now: now) ?? now
            arrivals.append(now)
            limiter.slots.insert(now, windows: windows)
        }
    }
}
