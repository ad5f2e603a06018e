import SyncCore
import TestSupport
import Testing

/// What a run would ask for, by what the store knows.
@Suite struct PlanTests {
    private func plan(
        _ core: CoreHarness, _ mode: RunMode, policy: Policy = .small, known: UInt64? = nil,
        noDetails: Bool = false
    ) -> Plan {
        Plan(
            core.control, stream: core.control[CoreHarness.stream], policy: policy, mode: mode,
            noDetails: noDetails, knownRecords: known, givesTotal: true, now: core.now)
    }

    /// A store with an open pass: one page of 10 of 25 records was taken.
    private func interrupted() -> CoreHarness {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.start()
        return core
    }

    private func synced() -> CoreHarness {
        var core = CoreHarness()
        core.request()
        core.finish(with: FakeAPI(1...25))
        return core
    }

    @Test func anOpenPassNeedsTheRestOfItsPagesAndAllDetails() {
        let plan = plan(interrupted(), .resume)
        #expect(plan.records == 15)
        #expect(plan.listRequests == 2)
        #expect(plan.detailRequests == 5)
    }

    @Test func anIncrementalRunThatFinishesAPassAsksOnceMore() {
        #expect(plan(interrupted(), .incremental).listRequests == 3)
        var policy = Policy.small
        policy.incremental = .none
        #expect(plan(interrupted(), .incremental, policy: policy).listRequests == 2)
    }

    @Test func anOpenPassBeyondItsTotalNeedsNoMoreThanOnePage() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        api.givesTotal = false
        core.request()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.start()
        let unknown = plan(core, .resume)
        #expect(unknown.records == nil && unknown.listRequests == nil)
        #expect(unknown.detailRequests == nil && unknown.floorNs == nil)
        let known = plan(core, .resume, known: 7)
        #expect(known.records == 0)
        #expect(known.listRequests == 1)
        #expect(known.detailRequests == 2)
    }

    /// Records that are known and didn't change need no details, wherever the pass stands.
    @Test func anOpenPassOverKnownRecordsNeedsDetailsOfNewOnesOnly() {
        for records in [25, 31] {
            var core = synced()
            let api = FakeAPI(1...records)
            core.request(.full)
            core.answer(core.wire[0], api.answer(core.wire[0]))
            core.start()
            let plan = plan(core, .resume)
            #expect(plan.listRequests == UInt64((records - 1) / 10))
            #expect(plan.detailRequests == (records == 25 ? 0 : 2))
        }
    }

    @Test func withoutAnOpenPassResumeTakesTheQueueOnly() {
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: FakeAPI(1...25))
        let plan = plan(core, .resume)
        #expect((plan.records, plan.listRequests, plan.detailRequests) == (0, 0, 5))
        #expect(self.plan(core, .health).listRequests == 0)
    }

    @Test func aboveTheMarkOnlyWhatIsNewCounts() {
        let core = synced()
        let idle = plan(core, .incremental)
        #expect((idle.records, idle.listRequests, idle.detailRequests) == (0, 1, 0))
        let more = plan(core, .incremental, known: 38)
        #expect((more.records, more.listRequests, more.detailRequests) == (13, 2, 3))
    }

    @Test func aMarkWithoutASizeIsOnePage() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        api.givesTotal = false
        core.request()
        core.finish(with: api)
        let plan = plan(core, .incremental)
        #expect((plan.records, plan.listRequests, plan.detailRequests) == (0, 1, 0))
    }

    @Test func withoutAMarkTheWholeListIsWalked() {
        var policy = Policy.small
        policy.incremental = .none
        for mode in [RunMode.incremental, .full] {
            let plan = plan(synced(), mode, policy: policy, known: 31)
            #expect((plan.records, plan.listRequests, plan.detailRequests) == (31, 4, 2))
        }
        for mode in [RunMode.incremental, .full] {
            #expect(plan(synced(), mode, policy: policy, known: 20).detailRequests == 0)
        }
    }

    @Test func aStreamWithoutDetailsAsksForNone() {
        var policy = Policy.small
        policy.detail = nil
        #expect(plan(synced(), .full, policy: policy, known: 100).detailRequests == 0)
        #expect(plan(synced(), .full, known: 100, noDetails: true).detailRequests == 0)
    }

    @Test func whatAsksForNothingTakesNoTime() {
        let hour = RateWindow(name: "hour", requests: 1, periodNs: 3_600 * .nsPerSecond)
        let plan = plan(synced(), .detailsOnly, policy: .limited(hour))
        #expect((plan.listRequests, plan.detailRequests) == (0, 0))
        #expect(plan.floorNs == 0)
    }

    @Test func aFloorOfCenturiesIsTheLongestTimeThereIs() {
        let hour = RateWindow(name: "hour", requests: 1, periodNs: 3_600 * .nsPerSecond)
        let plan = plan(
            synced(), .full, policy: .limited(hour), known: 1_000_000_000_000_000)
        #expect(plan.floorNs == .max)
    }
}
