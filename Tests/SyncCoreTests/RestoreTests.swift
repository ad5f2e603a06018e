import SyncCore
import TestSupport
import Testing

@Suite struct RestoreTests {
    private static let small = RateWindow(name: "s", requests: 5, periodNs: 2 * .nsPerSecond)
    private static let large = RateWindow(name: "l", requests: 20, periodNs: 20 * .nsPerSecond)
    private static let policy = Policy.limited(small, large)

    /// A run that is copied at some moment and goes on; the copy goes on from its own state.
    @Test(arguments: 0..<30) func noWindowSeesMoreThanItAdmitsAcrossARestore(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let copyAfter = Int.random(in: 0...60, using: &random)
        let goesOnFor = Int.random(in: 0...60, using: &random)
        var api = FakeAPI(1...300)
        api.pageSize = 100
        var core = CoreHarness()
        core.request(.incremental, policy: Self.policy)
        var arrivals: [Int64] = []
        Self.run(&core, api, requests: copyAfter, &arrivals, &random)
        var copy = core
        Self.run(&core, api, requests: goesOnFor, &arrivals, &random)
        // What is on the wire may arrive as late as the delivery bound admits.
        arrivals += core.wire.map { _ in core.now.adding(ms: 10_000).rawValue }
        copy.now = core.now
        if seed.isMultiple(of: 3) {
            // On another boot, or another machine.
            copy.start(bootID: "boot-2", bootNs: 7 * .nsPerSecond, isRestored: true)
        } else {
            copy.start(isRestored: true)
        }
        copy.request(.resume, policy: Self.policy)
        Self.run(&copy, api, requests: 1_000, &arrivals, &random)
        #expect(copy.control[CoreHarness.stream].counts.synced == 300)
        for window in [Self.small, Self.large] {
            #expect(densest(arrivals.sorted(), window) <= window.requests)
        }
    }

    /// Answers so many requests, or as many as there are.
    private static func run(
        _ core: inout CoreHarness, _ api: FakeAPI, requests: Int, _ arrivals: inout [Int64],
        _ random: inout SeededGenerator
    ) {
        for _ in 0..<requests where core.control.invocation != nil {
            core.waitForRequest()
            guard let request = core.wire.first else { return }
            arrivals.append(core.now.rawValue)
            core.now = core.now.adding(ms: Int64.random(in: 0...300, using: &random))
            core.answer(request, api.answer(request))
        }
    }

    @Test func theFirstRequestWaitsForTheLargestWindowAndTheDeliveryBound() throws {
        var core = CoreHarness()
        core.start(isRestored: true)
        let restored = core.now
        core.request(policy: Self.policy)
        #expect(core.wire.isEmpty)
        let hold = 10 * .nsPerSecond + Self.large.holdNs
        #expect(core.wake == restored.adding(ns: hold))
        core.waitForRequest()
        #expect(core.wire.count == 1)
    }

    @Test func withoutALimitNothingIsHeld() {
        var core = CoreHarness()
        core.start(isRestored: true)
        core.request(policy: .small)
        #expect(core.wire.count == 1)
    }

    @Test func aLaterStartDoesNotHoldAnew() throws {
        var core = CoreHarness()
        core.start(isRestored: true)
        let restored = core.now
        core.now = core.now.adding(ms: 5_000)
        core.start()
        core.request(policy: Self.policy)
        #expect(core.wake == restored.adding(ns: 10 * .nsPerSecond + Self.large.holdNs))
    }

    @Test func aRebootDoesNotEndTheHold() throws {
        var core = CoreHarness()
        core.start(isRestored: true)
        core.now = core.now.adding(ms: 5_000)
        core.start(bootID: "boot-2", bootNs: .nsPerSecond)
        core.request(policy: Self.policy)
        let wake = try #require(core.wake)
        // The wall clock may have moved by a second without a new anchor.
        let left = 10 * .nsPerSecond + Self.large.holdNs - 5 * .nsPerSecond
        #expect(wake.since(core.now) == left + ClockAnchored.slackNs)
    }

    @Test func whatWasUnderWayIsOver() {
        var core = CoreHarness()
        core.request(policy: .small)
        #expect(core.wire.count == 1)
        core.start(isRestored: true)
        #expect(core.control.inFlight.isEmpty)
        #expect(core.control.invocation == nil)
        #expect(core.count(.requestAbandoned) == 1)
        #expect(core.count(.runInterrupted) == 1)
    }

    @Test func aPlanKnowsOfTheHold() {
        var core = CoreHarness()
        core.start(isRestored: true)
        let plan = Plan(
            core.control, stream: nil, policy: Self.policy, mode: .full, noDetails: true,
            knownRecords: 10, givesTotal: true, now: core.now)
        #expect(plan.floorNs == 10 * .nsPerSecond + Self.large.holdNs)
    }
}
