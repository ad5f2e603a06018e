import SyncCore
import TestSupport
import Testing

@Suite struct FailureTests {
    @Test func aPoisonRecordIsFoundByHalvingAndParkedAloneAfterBoundedAttempts() throws {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        api.poison = [13]
        core.request()
        core.finish(with: api)
        let end = try #require(core.finished.last)
        #expect(end.outcome == .partial)
        #expect(end.exitCode == 3)
        #expect(end.counters.failed == 1)
        #expect(end.counters.detailed == 24)
        let poisoned = try #require(core.row("13"))
        #expect(poisoned.state == .parked)
        #expect(poisoned.attempts == 5)
        let kinds = core.log.compactMap { logged -> DetailsRequeued.Kind? in
            if case .detailsRequeued(let event) = logged.event { event.kind } else { nil }
        }
        #expect(kinds.prefix(2) == [.whole, .split])
        #expect(kinds.count { $0 == .whole } == 1)
        #expect(kinds.count { $0 == .attempt } == 4)
        #expect(core.rows.values.allSatisfy { $0.id == RecordID("13") || $0.attempts == 0 })
    }

    @Test func aMissingIdIsAskedAgainAloneBeforeItCounts() throws {
        var core = CoreHarness()
        var api = FakeAPI(1...5)
        api.missing = [4]
        core.request()
        core.finish(with: api)
        let asked = core.answered.compactMap { request -> Int? in
            if case .detail(let ids) = request.kind { ids.count } else { nil }
        }
        #expect(asked == [5, 1, 1, 1, 1, 1])
        #expect(core.row("4")?.state == .parked)
        #expect(core.finished.last?.exitCode == 3)
    }

    @Test func aRecordGoneForGoodIsParkedAtOnceWhenAskedAlone() {
        var core = CoreHarness()
        let api = FakeAPI(1...1)
        core.request()
        core.finish(with: api) { request, _ in
            request.endpoint == .detail ? .failure(.notFound, status: 404) : nil
        }
        #expect(core.row("1")?.attempts == 1)
        #expect(core.row("1")?.state == .parked)
    }

    @Test func networkFailuresChargeNobodyAndEndTheRunAsUnavailable() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.finish(with: api) { request, _ in
            request.endpoint == .detail ? .failure(.network) : nil
        }
        #expect(core.finished.last?.exitCode == 6)
        let waits = core.log.compactMap { logged -> Int64? in
            guard case .backoffApplied(let event) = logged.event else { return nil }
            return event.until.since(logged.time)
        }
        #expect(!waits.isEmpty && waits.allSatisfy { $0 <= 10 * .nsPerSecond })
        #expect(core.control[CoreHarness.stream].counts.pending == 25)
        #expect(core.rows.values.allSatisfy { $0.attempts == 0 && $0.error == nil })
        core.request(.resume)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
    }

    @Test func anApiBrokenForEveryRecordEndsTheRunInsteadOfParkingAll() {
        var core = CoreHarness()
        var api = FakeAPI(1...200)
        api.poison = Set(1...200)
        core.request()
        core.finish(with: api)
        #expect(core.finished.last?.reason == .unavailable)
        #expect(core.control[CoreHarness.stream].counts.parked <= 4)
    }

    @Test func aFailingPageIsRetriedWithGrowingWaitsThenFailsTheRun() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.finish(with: api) { _, _ in .failure(.server, status: 500) }
        let waits = core.log.compactMap { logged -> Int64? in
            if case .backoffApplied(let event) = logged.event { event.waitMs } else { nil }
        }
        #expect(waits.count == 4)
        for (wait, base) in zip(waits, [1_000, 2_000, 4_000, 8_000] as [Int64]) {
            #expect(wait >= base && wait <= base + base / 10)
        }
        #expect(core.finished.last?.exitCode == 6)
        core.request(.resume)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func anUnusableListEndsWithExitOneAndAnAuthFailureWithFour() {
        for (failure, exit) in [(FailureClass.unusable, 1), (.auth, 4), (.client, 1)] {
            var core = CoreHarness()
            let api = FakeAPI(1...5)
            core.request()
            core.finish(with: api) { _, _ in .failure(failure, status: 400) }
            #expect(core.finished.last?.exitCode == Int32(exit))
            #expect(core.finished.last?.outcome == .failed)
        }
    }

    @Test func cooldownGrowsWithEachRefusalAndTheServersWaitWinsWhenLonger() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        var refusals = 0
        let start = core.now
        core.finish(with: api) { _, _ in
            refusals += 1
            return refusals <= 2 ? .limited(waitMs: refusals == 2 ? 500_000 : nil) : nil
        }
        let waits = core.log.compactMap { logged -> Int64? in
            if case .backoffApplied(let event) = logged.event { event.waitMs } else { nil }
        }
        #expect((60_000...66_000).contains(waits[0]))
        #expect((500_000...550_000).contains(waits[1]))
        #expect(core.now.since(start) >= 560 * .nsPerSecond)
        #expect(core.finished.last?.counters.rateLimited == 2)
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func theCooldownMultiplierStartsAgainAfterAQuietWindow() {
        var core = CoreHarness()
        let policy = Policy.limited(
            RateWindow(name: "m", requests: 50, periodNs: 60 * .nsPerSecond))
        let api = FakeAPI(1...5)
        for expected in [1, 1] as [UInt32] {
            core.request(.full, policy: policy)
            var refused = false
            core.finish(with: api) { _, _ in
                defer { refused = true }
                return refused ? nil : .limited(waitMs: nil)
            }
            #expect(core.control.limiter.strikes == expected)
            core.now = core.now.adding(ms: 61_000)
        }
    }

    @Test func aWaitBeyondPatienceParksTheRunWithItsWakeTime() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        core.finish(with: api) { _, _ in .limited(waitMs: 10_800_000) }
        let end = try #require(core.finished.last)
        #expect(end.reason == .patience)
        #expect(end.exitCode == 6)
        let resumeAt = try #require(end.resumeAt)
        #expect(resumeAt.since(core.now) >= 10_800 * .nsPerSecond)
    }

    /// Each wait is short, but a server that counts refused requests never admits one.
    @Test func refusalsAloneEndARunOnceTheyLastLongerThanItsPatience() throws {
        var policy = Policy.small
        policy.limits.backoffMultiplier = 1
        policy.limits.cooldownMs = 10_000
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        let start = core.now
        core.request(.incremental, RunOptions(patienceMs: 600_000), policy: policy)
        core.finish(with: api) { _, _ in .limited(waitMs: nil) }
        let end = try #require(core.finished.last)
        #expect(end.reason == .patience)
        let lasted = core.now.since(start) / .nsPerSecond
        #expect(lasted > 580 && lasted <= 600)
    }

    @Test func anAnswerBetweenRefusalsRenewsThePatience() {
        var policy = Policy.limited()
        policy.limits.backoffMultiplier = 1
        policy.limits.cooldownMs = 10_000
        var core = CoreHarness()
        let api = FakeAPI(1...100)
        var requests = 0
        core.request(.incremental, RunOptions(patienceMs: 60_000), policy: policy)
        core.finish(with: api) { _, _ in
            requests += 1
            return requests.isMultiple(of: 4) ? nil : .limited(waitMs: nil)
        }
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func aServersRetryAfterOnUnavailableIsHonoured() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        let start = core.now
        core.request()
        var failed = false
        core.finish(with: api) { _, _ in
            defer { failed = true }
            return failed ? nil : .failure(.unavailable, status: 503, waitMs: 120_000)
        }
        #expect(core.now.since(start) >= 120 * .nsPerSecond)
        #expect(core.finished.last?.outcome == .completed)
    }

    /// Those that were on the wire together are one failure, however many there were.
    @Test func aBlipThatHitsEveryRequestOnTheWireIsWaitedOut() {
        var policy = Policy.small
        policy.detail?.concurrency = 5
        var core = CoreHarness()
        let api = FakeAPI(1...50)
        core.request(policy: policy)
        while core.wire.count < 5 { core.answer(core.wire[0], api.answer(core.wire[0])) }
        for request in core.wire { core.answer(request, .failure(.unavailable, status: 503)) }
        #expect(core.wire.isEmpty)
        #expect(core.control.invocation?.apiFailures == 1)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func refusalsOfRequestsOnTheWireTogetherAreOneRefusal() {
        let policy = Policy.limited(
            RateWindow(name: "h", requests: 600, periodNs: 3_600 * .nsPerSecond), concurrency: 5)
        var core = CoreHarness()
        let api = FakeAPI(1...50)
        core.request(policy: policy)
        while core.wire.count < 5 { core.answer(core.wire[0], api.answer(core.wire[0])) }
        for request in core.wire { core.answer(request, .limited(waitMs: nil)) }
        #expect(core.control.limiter.strikes == 1)
        let wait = core.wake?.since(core.now) ?? 0
        #expect(wait >= 60 * .nsPerSecond && wait <= 66 * .nsPerSecond)
    }

    @Test func aWaitThatTheServerNamesOutlivesASuccessAndTheInvocation() {
        var core = CoreHarness()
        let api = FakeAPI(1...30)
        core.request()
        while core.wire.count < 2 { core.answer(core.wire[0], api.answer(core.wire[0])) }
        let (refused, good) = (core.wire[0], core.wire[1])
        let asked = core.now
        core.answer(refused, .failure(.unavailable, status: 503, waitMs: 120_000))
        core.answer(good, api.answer(good))
        #expect(core.wire.isEmpty)
        core.start()
        core.request(.resume)
        #expect(core.wire.isEmpty)
        core.finish(with: api)
        #expect(core.now.since(asked) >= 120 * .nsPerSecond)
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func recordsThatBreakTheConnectionDoNotKeepOthersWaiting() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        let api = FakeAPI(1...10)
        core.request(policy: policy)
        core.finish(with: api) { request, _ in
            guard case .detail(let ids) = request.kind, ids == [RecordID("10")] else { return nil }
            return .failure(.network)
        }
        #expect(core.finished.last?.exitCode == 6)
        #expect(core.control[CoreHarness.stream].counts.synced == 9)
        #expect(core.row("10")?.attempts == 0)
    }

    @Test func manyFailingRecordsAreParkedOneByOneWhileOthersAreFetched() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 2)
        var core = CoreHarness()
        var api = FakeAPI(1...40)
        api.poison = [3, 7, 11, 15, 19, 23]
        core.request(policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .parked)
        #expect(core.finished.last?.counters.failed == 6)
        #expect(core.control[CoreHarness.stream].counts.synced == 34)
    }

    @Test func manyRecordsThatAreGoneAreParkedWhileOthersAreFetched() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 2)
        var core = CoreHarness()
        let api = FakeAPI(1...40)
        core.request(policy: policy)
        core.finish(with: api) { request, _ in
            guard case .detail(let ids) = request.kind, let id = Int(ids[0].text), id <= 30 else {
                return nil
            }
            return .failure(.notFound, status: 404)
        }
        #expect(core.finished.last?.reason == .parked)
        #expect(core.finished.last?.counters.failed == 30)
    }

    /// A wrong path answers so for every record.
    @Test func whereNoRecordIsFoundTheRunEndsInsteadOfParkingAll() {
        var core = CoreHarness()
        let api = FakeAPI(1...200)
        core.request()
        core.finish(with: api) { request, _ in
            request.endpoint == .detail ? .failure(.notFound, status: 404) : nil
        }
        #expect(core.finished.last?.reason == .unusable)
        #expect(core.control[CoreHarness.stream].counts.parked < 10)
    }

    @Test func eachRecordThatAnAnswerMissesKeepsItsOwnError() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        while core.wire.first?.endpoint != .detail {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        var outcomes = [DetailOutcome](repeating: .absent, count: 5)
        outcomes[1] = .failed(code: "E7", text: "locked")
        core.answer(
            core.wire[0],
            SourceAnswer(exchange: Exchange(status: 200), content: .details(outcomes)))
        #expect(core.row("4")?.error == RecordError(code: "E7", text: "locked"))
        #expect(core.row("5")?.error == .absent)
    }

    @Test func aRetryThatIsDueBeyondPatienceIsNoBudget() {
        var policy = Policy.small
        policy.retry.baseMs = 3_600_000
        policy.retry.maxMs = 3_600_000
        var core = CoreHarness()
        var api = FakeAPI(1...5)
        api.poison = [1]
        core.request(.incremental, RunOptions(patienceMs: 60_000), policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .patience)
    }

    @Test func retriesDoNotWaitForAClockThatWasSetBack() {
        var core = CoreHarness()
        var api = FakeAPI(1...5)
        api.poison = [1]
        core.request()
        while core.control[CoreHarness.stream].counts.retrying == 0 {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        core.now = core.now.adding(ms: -86_400_000)
        core.start()
        let start = core.now
        api.poison = []
        core.request(.resume)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.now.since(start) < 60 * .nsPerSecond)
    }

    @Test func retriesOfAbandonedRequestsComeLastOfTheirClass() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        var api = FakeAPI(1...3)
        api.poison = [1, 2, 3]
        core.request(policy: policy)
        while core.control[CoreHarness.stream].counts.retrying < 3 {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        core.now = core.now.adding(ms: 100_000)
        core.feedTime()
        #expect(core.wire.last?.kind == .detail(ids: [RecordID("3")]))
        core.start()
        core.request(.resume, policy: policy)
        #expect(core.wire.last?.kind == .detail(ids: [RecordID("2")]))
    }

    @Test func whatARunParkedMakesItPartialInALaterInvocationToo() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        policy.retry.attempts = 1
        var core = CoreHarness()
        let api = FakeAPI(1...4)
        core.request(policy: policy)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.answer(core.wire[0], .failure(.notFound, status: 404))
        #expect(core.control[CoreHarness.stream].counts.parked == 1)
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.finish(with: api)
        #expect(core.finished.last?.exitCode == 143)
        core.request(.resume, policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.exitCode == 3)
    }

    /// A run that was interrupted told nobody; a new one that goes on with its queue does.
    @Test(arguments: [RunMode.incremental, .detailsOnly, .full])
    func whatAnInterruptedRunParkedIsToldByTheNextOne(mode: RunMode) {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        let api = FakeAPI(1...4)
        core.request(policy: policy)
        while core.control[CoreHarness.stream].pass != nil {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        core.answer(core.wire[0], .failure(.notFound, status: 404))
        core.start()
        core.start()
        core.request(mode, policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .parked)
        core.request(mode, policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
    }

    /// Details were fetched beside a run whose list isn't done, and that was interrupted: the run
    /// tells what was given up.
    @Test func whatAnInterruptedRunParkedBesideAnotherIsToldByThatOne() {
        var policy = Policy.small
        policy.pageSize = 2
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        let api = FakeAPI(1...4, pageSize: 2)
        core.request(policy: policy)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.start()
        core.request(.detailsOnly, policy: policy)
        core.answer(core.wire[0], .failure(.notFound, status: 404))
        core.start()
        core.request(.resume, policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .parked)
    }

    /// Some APIs limit how often one record is asked for.
    @Test func aRecordThatIsAlwaysRefusedHoldsUpNoOther() {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        let api = FakeAPI(1...9)
        policy.limits.cooldownMs = 100
        core.request(.incremental, RunOptions(patienceMs: 60_000), policy: policy)
        core.finish(with: api) { request, _ in
            request.kind == .detail(ids: [RecordID("9")]) ? .limited(waitMs: 1_000) : nil
        }
        #expect(core.control[CoreHarness.stream].counts.synced == 8)
        #expect(core.finished.last?.reason == .patience)
    }

    @Test func driftMakesARunPartialInALaterInvocationToo() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        while core.control[CoreHarness.stream].pass != nil {
            core.answer(core.wire[0], Self.withTotal(6, api.answer(core.wire[0])))
        }
        core.feed(.cancelRequested(CancelRequested(signal: .sigint)))
        core.finish(with: api) { _, _ in .failure(.network) }
        #expect(core.finished.last?.exitCode == 130)
        core.request(.resume)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .drift)
        #expect(core.finished.last?.exitCode == 3)
    }

    private static func withTotal(_ total: UInt64, _ answer: SourceAnswer) -> SourceAnswer {
        guard case .page(let page) = answer.content else { return answer }
        return SourceAnswer(
            exchange: answer.exchange,
            content: .page(PageAnswer(records: page.records, next: page.next, total: total)))
    }
}
