import SyncCore
import TestSupport
import Testing

@Suite struct LearnedLimitTests {
    private static func windows(_ minute: Int, _ hour: Int) -> [RateWindow] {
        [
            RateWindow(name: "minute", requests: minute, periodNs: 60 * .nsPerSecond),
            RateWindow(name: "hour", requests: hour, periodNs: 3_600 * .nsPerSecond),
        ]
    }

    private static let configured = windows(20, 600)
    private static let lower = windows(12, 400)

    private static func server(
        _ windows: [RateWindow], _ kind: ServerWindow.Kind, seed: UInt64
    ) -> [ServerWindow] {
        var random = SeededGenerator(seed: seed &+ 99)
        return windows.map {
            ServerWindow(kind, $0, phaseNs: Int64.random(in: 0..<$0.periodNs, using: &random))
        }
    }

    /// The first row of the table of limiters: never refused, and within 1% of what is possible.
    @Test(arguments: ServerWindow.Kind.allCases, 1...3 as ClosedRange<UInt64>)
    func aServerWithTheConfiguredLimitsNeverRefuses(kind: ServerWindow.Kind, seed: UInt64) {
        var race = LimitRace(
            configured: Self.configured, server: Self.server(Self.configured, kind, seed: seed),
            seed: seed)
        race.run()
        #expect(race.refusals == 0)
        #expect(race.ratio(floorOf: Self.configured) <= 1.01)
    }

    @Test(arguments: ServerWindow.Kind.allCases)
    func aServerWithTheConfiguredLimitsNeverRefusesAcrossCrashes(kind: ServerWindow.Kind) {
        var race = LimitRace(
            configured: Self.configured, server: Self.server(Self.configured, kind, seed: 5),
            records: 400, seed: 5, crashEvery: 7)
        race.run()
        #expect(race.refusals == 0)
        #expect(race.core.control[CoreHarness.stream].counts.synced == 400)
    }

    /// 12 a minute and 400 an hour, where 20 and 600 are configured.
    @Test(arguments: ServerWindow.Kind.allCases, 1...4 as ClosedRange<UInt64>)
    func aLowerLimitThatIsNamedInTheRefusalCostsFewRefusals(
        kind: ServerWindow.Kind, seed: UInt64
    ) {
        var race = LimitRace(
            configured: Self.configured, server: Self.server(Self.lower, kind, seed: seed),
            seed: seed)
        race.run()
        #expect(race.core.control[CoreHarness.stream].counts.synced == 1_000)
        #expect(race.refusals <= 12)
        #expect(race.ratio(floorOf: Self.lower) <= 1.02)
    }

    @Test(arguments: ServerWindow.Kind.allCases, 1...4 as ClosedRange<UInt64>)
    func aLowerLimitIsFoundWithoutRetryAfter(kind: ServerWindow.Kind, seed: UInt64) {
        var race = LimitRace(
            configured: Self.configured, server: Self.server(Self.lower, kind, seed: seed),
            seed: seed, namesWait: false)
        race.run()
        #expect(race.core.control[CoreHarness.stream].counts.synced == 1_000)
        #expect(race.refusals <= 12)
        #expect(race.ratio(floorOf: Self.lower) <= 1.03)
    }

    /// One list request, then so many details one after the other.
    private func core(admitting details: Int) -> CoreHarness {
        var policy = Policy.limited(Self.configured[0], concurrency: 1)
        policy.pageSize = 100
        policy.detail?.batch = 1
        var core = CoreHarness()
        let api = FakeAPI(1...60, pageSize: 100)
        core.request(.incremental, policy: policy)
        for _ in 0...details {
            core.now = core.now.adding(ms: 10)
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        return core
    }

    /// Lets time pass, has more details answered, and one more request refused.
    private func refuseAgain(
        _ core: inout CoreHarness, afterSeconds seconds: Int64, admitting details: Int
    ) throws {
        let api = FakeAPI(1...60, pageSize: 100)
        core.now = core.now.adding(ms: seconds * 1_000)
        core.feedTime()
        for _ in 0..<details { core.answer(core.wire[0], api.answer(core.wire[0])) }
        core.answer(try #require(core.wire.first), .limited(waitMs: 30_000))
    }

    private func limit(_ core: CoreHarness, afterSeconds seconds: Int64 = 0) -> Int {
        let now = core.control.bootNs(at: core.now.adding(ms: seconds * 1_000))
        return core.control.limiter.limit(of: Self.configured[0], now: now)
    }

    private func lessons(_ core: CoreHarness) -> [LimitLearned] {
        core.log.compactMap { if case .limitLearned(let event) = $0.event { event } else { nil } }
    }

    @Test func whatWasAdmittedWhenOneMoreWasRefusedIsTheLimit() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        #expect(limit(core) == 15)
        #expect(lessons(core).map(\.kind) == [.refused])
    }

    @Test func aLearnedLimitRisesByOneEachTenMinutes() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        #expect(limit(core, afterSeconds: 599) == 15)
        #expect(limit(core, afterSeconds: 600) == 16)
        #expect(limit(core, afterSeconds: 1_200) == 17)
        #expect(limit(core, afterSeconds: 3_600) == 20)
    }

    @Test func aLimitThatIsConfirmedRisesHalfAsFast() throws {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        try refuseAgain(&core, afterSeconds: 601, admitting: 15)
        #expect(lessons(core).map(\.confirmations) == [0, 1])
        #expect(limit(core, afterSeconds: 1_199) == 15)
        #expect(limit(core, afterSeconds: 1_200) == 16)
    }

    /// What was learned long ago and has risen to the configured limit says nothing any more.
    @Test func aLimitThatHasRisenToTheConfiguredOneIsForgotten() throws {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        try refuseAgain(&core, afterSeconds: 7_200, admitting: 18)
        #expect(limit(core) == 18)
        #expect(lessons(core).map(\.confirmations) == [0, 0])
    }

    /// A server with the configured limits that refuses a request now and then, who knows why.
    @Test func oddRefusalsTeachNothing() {
        var race = LimitRace(
            configured: Self.configured, server: Self.server(Self.configured, .sliding, seed: 1),
            records: 1_500, seed: 1, strayEvery: 150)
        race.run()
        #expect(race.refusals >= 5)
        #expect(race.ratio(floorOf: Self.configured) <= 1.1)
        let now = race.core.control.bootNs(at: race.core.now)
        #expect(race.core.control.limiter.limit(of: Self.configured[1], now: now) >= 540)
    }

    private static let fewAnHour = windows(20, 40)

    /// So many requests were answered ten minutes ago, and another one is on the wire.
    private func core(anHour admitted: Int) throws -> CoreHarness {
        var policy = Policy.limited(Self.fewAnHour[0], concurrency: 1)
        policy.limits = LimitPolicy(windows: Self.fewAnHour)
        policy.pageSize = 100
        policy.detail?.batch = 1
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        try admit(&core, admitted)
        core.now = core.now.adding(ms: 600_000)
        core.feedTime()
        return core
    }

    private func admit(_ core: inout CoreHarness, _ requests: Int) throws {
        let api = FakeAPI(1...60, pageSize: 100)
        for _ in 0..<requests {
            core.waitForRequest()
            let request = try #require(core.wire.first)
            core.answer(request, api.answer(request))
        }
    }

    private func hourLimit(_ core: CoreHarness) -> Int {
        let now = core.control.bootNs(at: core.now)
        return core.control.limiter.limit(of: Self.fewAnHour[1], now: now)
    }

    /// It takes an hour's limit days to rise again.
    @Test func oneRefusalInALongWindowIsNotBelieved() throws {
        var core = try core(anHour: 25)
        core.answer(core.wire[0], .limited(waitMs: 1_000))
        #expect(hourLimit(core) == 40)
        #expect(lessons(core).map(\.kind) == [.suspected])
    }

    @Test func aRefusalThatNamesTheWaitOfTheWindowIsBelieved() throws {
        var core = try core(anHour: 25)
        let first = try #require(core.log.first { $0.event.type == .pageFetched })
        let leaves = first.time.adding(ms: 3_600_000)
        core.answer(core.wire[0], .limited(waitMs: leaves.since(core.now) / .nsPerMs))
        #expect(hourLimit(core) == 25)
    }

    /// Some servers name a whole hour, whatever was sent.
    @Test(arguments: [(1, 40), (3, 40), (19, 40), (20, 20)])
    func aWholePeriodsWaitAfterFewRequestsIsNotBelieved(admitted: Int, limit: Int) throws {
        var policy = Policy.limited(Self.fewAnHour[1], concurrency: 1)
        policy.pageSize = 100
        policy.detail?.batch = 1
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        try admit(&core, admitted)
        core.answer(try #require(core.wire.first), .limited(waitMs: 3_600_000))
        #expect(hourLimit(core) == limit)
        #expect(lessons(core).map(\.kind) == [limit < 40 ? .refused : .suspected])
    }

    @Test func oneRefusalInTheShortestWindowIsNotBelievedWhereThatIsLong() throws {
        var policy = Policy.limited(Self.fewAnHour[1], concurrency: 1)
        policy.pageSize = 100
        policy.detail?.batch = 1
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        try admit(&core, 25)
        core.answer(try #require(core.wire.first), .limited(waitMs: 1_000))
        #expect(hourLimit(core) == 40)
        #expect(lessons(core).map(\.kind) == [.suspected])
    }

    /// Days after it was learned, and what it stands at.
    @Test(arguments: [
        (20, 60, 0, 10), (600, 3_600, 0, 300), (600, 3_600, 25, 600), (6_000, 3_600, 24, 5_880),
        (1_000, 3_600, 21, 1_004), (10_000, 60, 35, 15_080),
        (5_000, 86_400, 1, 2_500), (5_000, 86_400, 2, 2_700), (5_000, 86_400, 26, 5_100),
        (100_000, 86_400, 26, 102_000), (50_000, 31 * 86_400, 62, 75_000),
    ])
    func halfOfAnyLimitIsBackAfterWeeks(
        configured: Int, seconds: Int64, days: Int64, limit: Int
    ) {
        let known = LearnedLimit(
            window: "w", periodNs: seconds * .nsPerSecond, requests: configured / 2,
            ceiling: configured, position: Position(1), sinceNs: 0, confirmations: 0,
            configured: configured)
        #expect(known.requests(now: days * 86_400 * .nsPerSecond) == limit)
    }

    @Test func twoRefusalsOneUponTheOtherInALongWindowAreBelieved() throws {
        var core = try core(anHour: 25)
        core.answer(core.wire[0], .limited(waitMs: 1_000))
        core.waitForRequest()
        core.answer(try #require(core.wire.first), .limited(waitMs: 1_000))
        #expect(hourLimit(core) == 25)
    }

    @Test func whatIsAdmittedSinceSpeaksAgainstASuspectedLimit() throws {
        var core = try core(anHour: 25)
        core.answer(core.wire[0], .limited(waitMs: 1_000))
        try admit(&core, 4)
        #expect(core.control.limiter.suspected?.requests == 25)
        try admit(&core, 1)
        #expect(core.control.limiter.suspected == nil)
        core.waitForRequest()
        core.answer(try #require(core.wire.first), .limited(waitMs: 1_000))
        #expect(hourLimit(core) == 40)
    }

    @Test func oneRefusalBelowAKnownLimitDoesNotLowerIt() throws {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        try refuseAgain(&core, afterSeconds: 120, admitting: 9)
        #expect(limit(core) == 15)
        #expect(lessons(core).map(\.kind) == [.refused, .suspected])
    }

    /// It says nothing about more than was configured when it was learned.
    @Test func aLearnedLimitEndsAtWhatWasConfiguredWhateverIsConfiguredLater() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        let raised = RateWindow(name: "minute", requests: 600, periodNs: 60 * .nsPerSecond)
        let limit = { (seconds: Int64) in
            let now = core.control.bootNs(at: core.now.adding(ms: seconds * 1_000))
            return core.control.limiter.limit(of: raised, now: now)
        }
        #expect(limit(2_999) == 19)
        #expect(limit(3_000) == 600)
    }

    /// Another client may have used the rest of the budget, or the server be overloaded.
    @Test func oneRefusalAtFewRequestsIsNotBelieved() throws {
        var core = core(admitting: 3)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        #expect(limit(core) == 20)
        #expect(lessons(core).map(\.kind) == [.suspected])
        try refuseAgain(&core, afterSeconds: 120, admitting: 4)
        #expect(limit(core) == 4)
    }

    /// Within a quarter, or one where that is less.
    @Test(arguments: [(7, 9, true), (5, 8, false), (3, 2, true), (4, 2, false)])
    func aSecondRefusalAtAboutAsManyRequestsIsBelieved(
        first: Int, second: Int, isBelieved: Bool
    ) throws {
        var core = core(admitting: first - 1)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        #expect(lessons(core).map(\.kind) == [.suspected])
        try refuseAgain(&core, afterSeconds: 120, admitting: second)
        #expect(limit(core) == (isBelieved ? second : 20))
    }

    /// What had no answer may never have reached the server.
    @Test func aSecondRefusalWithoutAnAnswerInBetweenIsNotBelieved() throws {
        var core = core(admitting: 3)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        core.now = core.now.adding(ms: 120_000)
        core.feedTime()
        for _ in 0..<4 {
            core.waitForRequest()
            core.answer(try #require(core.wire.first), .failure(.timeout))
        }
        core.waitForRequest()
        core.answer(try #require(core.wire.first), .limited(waitMs: 30_000))
        #expect(lessons(core).map(\.kind) == [.suspected, .suspected])
        #expect(limit(core) == 20)
    }

    @Test(arguments: [("minute", 30), ("burst", 60)] as [(String, Int64)])
    func whatWasLearnedSaysNothingOfAnotherWindow(name: String, seconds: Int64) {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        let other = RateWindow(name: name, requests: 20, periodNs: seconds * .nsPerSecond)
        let now = core.control.bootNs(at: core.now)
        #expect(core.control.limiter.limit(of: other, now: now) == 20)
    }

    /// No window makes a client wait for longer than its period.
    @Test func aWaitBeyondTheWindowTeachesNothingAboutIt() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 600_000))
        #expect(limit(core) == 20)
        #expect(lessons(core).isEmpty)
    }

    @Test func aLearnedLimitOutlivesTheRunAndIsForgottenOnRequest() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.feedTime()
        core.start()
        #expect(limit(core) == 15)
        core.request(.resume, policy: .limited(Self.configured[0]))
        #expect(limit(core) == 15)
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.feedTime()
        core.request(
            .resume, RunOptions(forgetLimits: true), policy: .limited(Self.configured[0]))
        #expect(limit(core) == 20)
        #expect(core.count(.limitsForgotten) == 1)
    }

    @Test func whereNothingWasLearnedNothingIsForgotten() {
        var core = core(admitting: 2)
        core.start()
        core.request(
            .resume, RunOptions(forgetLimits: true), policy: .limited(Self.configured[0]))
        #expect(core.count(.runRequested) == 2)
        #expect(core.count(.limitsForgotten) == 0)
    }

    /// A server that names a wait of centuries by mistake must not lock the store for ever.
    @Test func aWaitBeyondAnyWindowEndsOnRequest() throws {
        var core = core(admitting: 2)
        core.answer(core.wire[0], .limited(waitMs: .max / 2_000_000))
        let paused = try #require(core.finished.last)
        #expect(paused.reason == .patience)
        #expect(paused.text.contains("--forget-limits"))
        core.request(.resume, policy: .limited(Self.configured[0]))
        #expect(core.wire.isEmpty)
        core.request(
            .resume, RunOptions(forgetLimits: true), policy: .limited(Self.configured[0]))
        #expect(!core.wire.isEmpty)
    }

    @Test func aWaitThatAWindowExplainsStaysWhateverIsForgotten() {
        var core = core(admitting: 2)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.feedTime()
        core.request(
            .resume, RunOptions(forgetLimits: true), policy: .limited(Self.configured[0]))
        #expect(core.wire.isEmpty)
        #expect(core.control.limiter.suspected == nil)
    }

    /// The wall clock says nothing about how long an answer took, or when its request was sent.
    @Test func aClockThatIsSetWhileARequestIsOnTheWireTeachesNothing() {
        var core = core(admitting: 14)
        let boot = core.control.bootNs(at: core.now)
        core.now = core.now.adding(ms: 3_600_000)
        core.feed(
            .clockAnchored(
                ClockAnchored(
                    bootID: "boot-1", bootNs: boot + .nsPerSecond, wall: core.now,
                    isEngineStart: false)))
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        #expect(core.control.limiter.latencyNs <= 2 * .nsPerSecond)
        #expect(limit(core) == 15)
    }

    /// After a reboot it is as old as the uptime or the wall clock say, and rises from there.
    @Test func aLearnedLimitSurvivesAReboot() {
        var core = core(admitting: 14)
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        core.now = core.now.adding(ms: 300_000)
        core.start(bootID: "boot-2", bootNs: 60 * .nsPerSecond)
        #expect(limit(core) == 15)
        #expect(limit(core, afterSeconds: 302) == 16)
    }

    /// Refusals of requests that were on the wire together say the same, and answers to the others
    /// say more.
    @Test func answersToWhatWasOnTheWireRaiseTheLimitAgain() {
        var policy = Policy.limited(Self.configured[0], concurrency: 4)
        policy.pageSize = 100
        policy.detail?.batch = 1
        var core = CoreHarness()
        let api = FakeAPI(1...60, pageSize: 100)
        core.request(.incremental, policy: policy)
        for _ in 0..<12 { core.answer(core.wire[0], api.answer(core.wire[0])) }
        #expect(core.wire.count == 4)
        core.answer(core.wire[3], .limited(waitMs: 30_000))
        #expect(limit(core) == 12)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.answer(core.wire[0], .limited(waitMs: 30_000))
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(limit(core) == 14)
        #expect(lessons(core).map(\.kind) == [.refused, .admitted, .admitted])
    }
}
