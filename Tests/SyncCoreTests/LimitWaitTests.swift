import SyncCore
import TestSupport
import Testing

/// What a request was held back by, and for how long, is told by the events alone.
@Suite struct LimitWaitTests {
    private static let minute = RateWindow(name: "m", requests: 1, periodNs: 60 * .nsPerSecond)
    private static let second = Int64.nsPerSecond

    private func wait(_ core: CoreHarness, seconds: Int64) -> (WaitReason, Int64)? {
        core.control.wait(until: core.now.adding(ns: seconds * Self.second))
    }

    @Test func aFullWindowHoldsBackUntilItHasASlot() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request(.full, policy: .limited(Self.minute))
        #expect(wait(core, seconds: 30) == nil, "the list waits for its answer")
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(try #require(wait(core, seconds: 30)) == (.budget, 30 * Self.second))
        let end = try #require(core.wake)
        let whole = try #require(core.control.wait(until: end.adding(ms: 90_000)))
        #expect(whole == (.budget, end.since(core.now)), "the engine may be late")
        #expect(core.control.wait(until: core.now) == nil)
        #expect(core.control.wait(until: core.now.adding(ms: -500)) == nil, "a clock set back")
    }

    @Test func aWindowFullOfRequestsOnTheWireHoldsBackToo() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        let two = RateWindow(name: "t", requests: 2, periodNs: 60 * Self.second)
        core.request(.full, policy: .limited(two, concurrency: 9))
        while core.control.streams[0].pass != nil || core.wire.count < 2 {
            if let request = core.wire.first, core.control.streams[0].pass != nil {
                core.answer(request, api.answer(request))
            } else {
                core.now = try #require(core.wake)
                core.feedTime()
            }
        }
        #expect(try #require(wait(core, seconds: 3)) == (.budget, 3 * Self.second))
    }

    @Test func aRefusalHoldsBackForAsLongAsItAsks() throws {
        var core = CoreHarness()
        core.request(.full)
        core.answer(core.wire[0], .limited(waitMs: 100_000))
        #expect(try #require(wait(core, seconds: 3)) == (.cooldown, 3 * Self.second))
        let end = try #require(core.wake)
        #expect(end.since(core.now) >= 100 * Self.second)
        #expect(try #require(wait(core, seconds: 500)) == (.cooldown, end.since(core.now)))
    }

    @Test func afterFailuresOfTheAPITheirBackoffHoldsBack() throws {
        var core = CoreHarness()
        core.request(.full)
        core.answer(core.wire[0], .failure(.unavailable, status: 503))
        let end = try #require(core.wake)
        #expect(try #require(wait(core, seconds: 100)) == (.failure, end.since(core.now)))
    }

    /// A wait has one reason: the one without which it would have ended first doesn't count.
    @Test func ofTwoReasonsItIsTheOneThatEndsLast() throws {
        var core = CoreHarness()
        let long = RateWindow(name: "l", requests: 1, periodNs: 900 * Self.second)
        core.request(.full, policy: .limited(long))
        core.answer(core.wire[0], .limited(waitMs: 100_000))
        #expect(try #require(wait(core, seconds: 200)) == (.budget, 200 * Self.second))
        core = CoreHarness()
        core.request(.full, policy: .limited(Self.minute))
        core.answer(core.wire[0], .limited(waitMs: 100_000))
        #expect(try #require(wait(core, seconds: 200)).0 == .cooldown)
    }

    @Test func nothingIsHeldBackWhereNothingIsToBeAsked() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        #expect(wait(core, seconds: 9) == nil, "no run")
        core.request(.full, RunOptions(noDetails: true), policy: .limited(Self.minute))
        core.finish(with: api)
        #expect(wait(core, seconds: 9) == nil, "the run is over")
        core.request(.full, policy: .limited(Self.minute))
        core.feed(.cancelRequested(CancelRequested(signal: .sigint)))
        #expect(wait(core, seconds: 9) == nil, "it is stopping")
        var free = CoreHarness()
        free.request(.full)
        free.answer(free.wire[0], api.answer(free.wire[0]))
        #expect(wait(free, seconds: 9) == nil, "there is no limit")
    }

    @Test func aHealthCheckWaitsForItsOneRequest() throws {
        var core = CoreHarness()
        core.request(.full, RunOptions(noDetails: true), policy: .limited(Self.minute))
        core.finish(with: FakeAPI(1...5))
        core.request(.health, policy: .limited(Self.minute))
        #expect(try #require(wait(core, seconds: 9)) == (.budget, 9 * Self.second))
    }
}
