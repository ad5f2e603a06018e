import SyncCore
import TestSupport
import Testing

@Suite struct LimiterTests {
    private static let minute = RateWindow(name: "m", requests: 20, periodNs: 60 * .nsPerSecond)
    private static let hour = RateWindow(name: "h", requests: 600, periodNs: 3_600 * .nsPerSecond)

    @Test(arguments: [
        (20, 0), (100, 240), (600, 1_740), (601, 3_600), (1_000, 4_740), (2_010, 11_400),
    ])
    func theFloorIsThatOfTheGreedySchedule(requests: Int, seconds: Int64) {
        var floor = FloorTracker(slots: SlotHistory(), startNs: 0)
        for _ in 0..<requests { floor.count(windows: [Self.minute, Self.hour]) }
        #expect(floor.floorNs == seconds * .nsPerSecond)
    }

    /// Runs many requests with random latencies and crashes, and counts what any window sees.
    @Test(arguments: 0..<20) func noWindowSeesMoreThanItAdmits(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let small = RateWindow(name: "s", requests: 5, periodNs: 2 * .nsPerSecond)
        let large = RateWindow(name: "l", requests: 20, periodNs: 20 * .nsPerSecond)
        let policy = Policy.limited(small, large, concurrency: 4)
        var core = CoreHarness()
        var api = FakeAPI(1...300)
        api.pageSize = 100
        var arrivals: [LogTime] = []
        var onTheWay: [(answerAt: LogTime, request: SourceRequest)] = []
        core.request(.incremental, policy: policy)
        var crashes = 0
        while core.control.invocation != nil {
            for request in core.wire where !onTheWay.contains(where: { $0.request == request }) {
                let travel = Int64.random(in: 0...300, using: &random)
                let back = Int64.random(in: 0...800, using: &random)
                arrivals.append(core.now.adding(ms: travel))
                onTheWay.append((core.now.adding(ms: travel + back), request))
            }
            let nextAnswer = onTheWay.map(\.answerAt).min()
            let next = [nextAnswer, core.wake].compactMap { $0 }.min()
            core.now = max(core.now, try #require(next))
            if crashes < 5, Int.random(in: 0..<15, using: &random) == 0 {
                crashes += 1
                onTheWay = []
                core.now = core.now.adding(ms: 100)
                core.start()
                core.request(.resume, policy: policy)
            } else if let index = onTheWay.firstIndex(where: { $0.answerAt <= core.now }) {
                let request = onTheWay.remove(at: index).request
                core.answer(request, api.answer(request))
            } else {
                core.feedTime()
            }
        }
        #expect(core.control[CoreHarness.stream].counts.synced == 300)
        for window in [small, large] {
            #expect(densest(arrivals.map(\.rawValue).sorted(), window) <= window.requests)
        }
    }

    @Test func aSlotIsHeldUntilTheResponseAndAWindowMore() {
        let policy = Policy.limited(RateWindow(name: "m", requests: 1, periodNs: 60 * .nsPerSecond))
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request(.incremental, RunOptions(noDetails: true), policy: policy)
        let first = core.wire[0]
        core.now = core.now.adding(ms: 5_000)
        core.answer(first, api.answer(first))
        let wait = core.wake?.since(core.now) ?? 0
        #expect(wait >= 60 * .nsPerSecond)
        #expect(wait < 61 * .nsPerSecond)
    }

    @Test func aTimeoutHoldsItsSlotForTheDeliveryBoundToo() {
        let policy = Policy.limited(RateWindow(name: "m", requests: 1, periodNs: 60 * .nsPerSecond))
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        core.answer(core.wire[0], .failure(.timeout))
        #expect((core.wake?.since(core.now) ?? 0) >= 70 * .nsPerSecond)
    }

    @Test func slotsSurviveARebootByUptimeAndWallClock() {
        let window = RateWindow(name: "m", requests: 1, periodNs: 600 * .nsPerSecond)
        let policy = Policy.limited(window)
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request(.incremental, RunOptions(noDetails: true), policy: policy)
        core.finish(with: api)
        core.now = core.now.adding(ms: 100_000)
        core.start(bootID: "boot-2", bootNs: 30 * .nsPerSecond)
        core.request(.full, RunOptions(noDetails: true), policy: policy)
        let wait = core.wake?.since(core.now) ?? 0
        #expect(wait >= 501 * .nsPerSecond && wait < 502 * .nsPerSecond)
    }

    /// A machine whose memory was restored has a boot clock of the past, and knows how long ago
    /// that is by the wall clock alone.
    @Test func aBootClockThatGoesBackHoldsNoSlotForLongerThanItsWindow() {
        let window = RateWindow(name: "m", requests: 1, periodNs: 600 * .nsPerSecond)
        let policy = Policy.limited(window)
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true), policy: policy)
        core.finish(with: FakeAPI(1...5))
        core.now = core.now.adding(ms: 100_000)
        core.start(bootNs: 900 * .nsPerSecond)
        core.request(.full, RunOptions(noDetails: true), policy: policy)
        let wait = core.wake?.since(core.now) ?? 0
        #expect(wait >= 501 * .nsPerSecond && wait < 502 * .nsPerSecond)
    }

    /// A wall clock that is slewed gets no new anchor before it is a second away.
    @Test func aWallClockThatMovedUnnoticedLetsNoSlotGoEarlyAfterAReboot() {
        let window = RateWindow(name: "m", requests: 1, periodNs: 600 * .nsPerSecond)
        let policy = Policy.limited(window)
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request(.incremental, RunOptions(noDetails: true), policy: policy)
        let response = core.now
        core.finish(with: api)
        let slewMs: Int64 = 900
        core.now = core.now.adding(ms: 100_000 + slewMs)
        core.start(bootID: "boot-2", bootNs: 30 * .nsPerSecond)
        core.request(.full, RunOptions(noDetails: true), policy: policy)
        let sent = core.wake?.adding(ms: -slewMs)
        #expect((sent?.since(response) ?? 0) >= 600 * .nsPerSecond)
    }

    /// The uptime says when a request was sent at the latest, not when it arrives.
    @Test func aRequestThatMayStillArriveHoldsItsSlotOverAQuickReboot() {
        let policy = Policy.limited(RateWindow(name: "m", requests: 1, periodNs: 60 * .nsPerSecond))
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        core.start()
        let arrival = core.now.adding(ms: policy.limits.deliveryBoundMs)
        core.now = core.now.adding(ms: 2_000)
        core.start(bootID: "boot-2", bootNs: .nsPerSecond)
        core.request(.resume, policy: policy)
        #expect((core.wake?.since(arrival) ?? 0) >= 60 * .nsPerSecond)
    }

    /// A machine without a battery for its clock starts in the past.
    @Test func aCooldownThatWasOverStaysOverWhateverTheWallClockSaysAfterAReboot() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        core.answer(core.wire[0], .limited(waitMs: 10_000))
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        core.now = core.now.adding(ms: -86_400_000 * 365)
        core.start(bootID: "boot-2", bootNs: 30 * .nsPerSecond)
        core.request(.full)
        #expect(core.wire.count == 1)
    }

    @Test func noMoreOfACooldownIsLeftAfterARebootThanBeforeLessTheUptime() {
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], .limited(waitMs: 600_000))
        core.now = core.now.adding(ms: -86_400_000)
        core.start(bootID: "boot-2", bootNs: 30 * .nsPerSecond)
        core.request(.resume)
        let wait = core.wake?.since(core.now) ?? 0
        #expect(wait > 560 * .nsPerSecond && wait <= 571 * .nsPerSecond)
    }

    @Test func aHistoryKeepsTheNewestSlotsOnly() {
        var floor = FloorTracker(slots: SlotHistory(times: Array(0..<10_000)), startNs: 10_000)
        floor.count(windows: [])
        #expect(floor.floorNs == 0)
    }

    /// The server's clock may run a little faster than ours.
    @Test func aSlotIsHeldForAnotherTenThousandthAndAMillisecond() {
        let window = RateWindow(name: "h", requests: 1, periodNs: 3_600 * .nsPerSecond)
        let held = 3_600 * Int64.nsPerSecond + 360 * .nsPerMs + .nsPerMs
        #expect(window.holdNs == held)
        var history = SlotHistory()
        history.insert(0, windows: [window])
        #expect(history.count(in: window, now: held - 1) == 1)
        #expect(history.count(in: window, now: held) == 0)
    }

    @Test func eachRefusalInARowDoublesTheWaitBeginningWithTheSecond() {
        var policy = Policy.small
        policy.limits.cooldownMs = 1_000
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        for expected: Int64 in [1_000, 2_000, 4_000, 8_000] {
            core.answer(core.wire[0], .limited(waitMs: nil))
            let wait = (core.wake?.since(core.now) ?? 0) / .nsPerMs
            #expect(wait >= expected && wait <= expected + expected / 10)
            core.waitForRequest()
        }
    }

    @Test func aShorterWaitDoesNotTakeThePlaceOfALongerOne() {
        let api = FakeAPI(1...20, pageSize: 20)
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(core.wire.count == 2)
        core.answer(core.wire[0], .failure(.unavailable, status: 503, waitMs: 600_000))
        core.answer(core.wire[0], .limited(waitMs: 1_000))
        #expect(core.control.limiter.strikes == 1)
        #expect((core.wake?.since(core.now) ?? 0) >= 600 * .nsPerSecond)
    }
}
