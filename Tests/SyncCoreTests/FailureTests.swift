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
}
