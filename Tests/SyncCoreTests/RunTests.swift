import SyncCore
import TestSupport
import Testing

@Suite struct RunTests {
    @Test func aFirstRunFetchesEveryPageThenEveryDetailInBatches() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.finish(with: api)
        let end = try #require(core.finished.last)
        #expect(end.outcome == .completed)
        #expect(end.counters.listRequests == 3)
        #expect(end.counters.detailRequests == 5)
        #expect(end.counters.new == 25)
        #expect(end.counters.detailed == 25)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
        #expect(core.control[CoreHarness.stream].highWaterMark == RecordID("25"))
    }

    @Test func withoutATotalOneEmptyPageEndsTheList() {
        var core = CoreHarness()
        var api = FakeAPI(1...20)
        api.givesTotal = false
        core.request()
        core.finish(with: api)
        #expect(core.finished.last?.counters.listRequests == 3)
    }

    @Test func aRunWithNothingNewIsOneRequest() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.finish(with: api)
        core.request()
        core.finish(with: api)
        #expect(core.finished.last?.counters.requests == 1)
        #expect(core.finished.last?.counters.seen == 0)
    }

    @Test func threeNewRecordsAreOnePageAndOneBatch() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        core.request()
        core.finish(with: api)
        for id in 26...28 { api.add(id) }
        core.request()
        core.finish(with: api)
        #expect(core.finished.last?.counters.listRequests == 1)
        #expect(core.finished.last?.counters.detailRequests == 1)
        #expect(core.finished.last?.counters.new == 3)
    }

    @Test func aFullRunRefetchesOnlyTheDetailsOfChangedRecords() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        core.request()
        core.finish(with: api)
        api.headers[3] = 2
        api.details[3] = 2
        core.request(.full)
        core.finish(with: api)
        let end = core.finished.last
        #expect(end?.counters.changed == 1)
        #expect(end?.counters.unchanged == 24)
        #expect(end?.counters.detailRequests == 1)
        #expect(core.control[CoreHarness.stream].generation == 2)
    }

    @Test func resumeWithNothingOpenSaysSo() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        core.finish(with: api)
        core.request(.resume)
        #expect(core.finished.last?.reason == .nothingToResume)
        #expect(core.finished.last?.exitCode == 0)
        #expect(core.control.invocation == nil)
    }

    @Test func noDetailsLeavesThemQueuedForDetailsOnly() {
        var core = CoreHarness()
        let api = FakeAPI(1...12)
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: api)
        #expect(core.finished.last?.counters.detailRequests == 0)
        #expect(core.control[CoreHarness.stream].counts.pending == 12)
        core.request(.detailsOnly)
        core.finish(with: api)
        #expect(core.finished.last?.counters.listRequests == 0)
        #expect(core.finished.last?.counters.detailRequests == 3)
        #expect(core.control[CoreHarness.stream].counts.synced == 12)
    }

    @Test func maxStopsWithinAPageAndTheNextRunGoesOnThere() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(maxRecords: 13))
        core.finish(with: api)
        let first = core.finished.last
        #expect(first?.outcome == .paused)
        #expect(first?.exitCode == 0)
        #expect(first?.counters.new == 13)
        #expect(first?.counters.detailed == 13)
        #expect(core.control[CoreHarness.stream].pass?.partlyTaken == true)
        core.request(.resume)
        core.finish(with: api)
        let second = core.finished.last
        #expect(second?.outcome == .completed)
        #expect(second?.counters.new == 12)
        #expect(second?.counters.listRequests == 2)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
    }

    @Test func whatAPageHadGivenBeforeDoesNotCountAgainstTheNextMax() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        for (most, total) in [(13, 13), (5, 18), (1, 19), (6, 25)] as [(UInt64, UInt64)] {
            core.request(.incremental, RunOptions(noDetails: true, maxRecords: most))
            core.finish(with: api)
            #expect(core.finished.last?.counters.new == most)
            #expect(core.control[CoreHarness.stream].counts.total == total)
        }
    }

    @Test func maxInDetailsOnlyCountsDetails() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: api)
        core.request(.detailsOnly, RunOptions(maxRecords: 7))
        core.finish(with: api)
        #expect(core.finished.last?.reason == .max)
        #expect(core.finished.last?.counters.detailed == 7)
    }

    @Test func fullGivesUpAnOpenPassAndIncrementalGoesOnWithIt() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.full, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        let run = core.control[CoreHarness.stream].pass?.run
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 5))
        #expect(core.control.invocation?.run == run)
        #expect(core.control.invocation?.mode == .full)
        core.finish(with: api)
        core.request(.full)
        #expect(core.count(.passAbandoned) == 1)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
    }

    @Test func detailsOnlyLeavesAnOpenPassAlone() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        core.request(.detailsOnly)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].pass != nil)
        #expect(core.finished.last?.counters.detailed == 10)
    }

    /// Found by simulation: the run in between took what the first one had given up for its own.
    @Test(arguments: [RunOptions(), RunOptions(noDetails: true), RunOptions(maxRecords: 1)])
    func whatARunGaveUpCountsAtItsEndThoughDetailsWereFetchedInBetween(options: RunOptions) {
        var core = CoreHarness()
        var api = FakeAPI(1...20)
        api.poison = [3]
        core.request(.incremental, RunOptions(maxRecords: 10))
        core.finish(with: api)
        #expect(core.finished.last?.reason == .max)
        #expect(core.control[CoreHarness.stream].counts.parked == 1)
        core.request(.detailsOnly, options)
        core.finish(with: api)
        core.request(.incremental)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .parked)
        // The next run is another one.
        core.request(.incremental)
        core.finish(with: api)
        #expect(core.finished.last?.reason == nil)
    }

    @Test func changedPinnedKeysRefuseToGoOnAndAbandonStartsAnew() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        var moved = Policy.small
        moved.pinned = [PinnedKey(key: "list.path", value: "/orders")]
        let requester = Requester(pid: 1, host: "h", user: "u")
        var request = RunRequested(
            mode: .resume, options: RunOptions(), policy: moved, seed: 1, requester: requester)
        let refused = refusal(core.control, request, stream: CoreHarness.stream)
        #expect(refused?.text.contains("list.path") == true)
        request = RunRequested(
            mode: .full, options: RunOptions(), policy: moved, seed: 1, requester: requester)
        #expect(refusal(core.control, request, stream: CoreHarness.stream) == nil)
        core.request(.incremental, RunOptions(abandon: true), policy: moved)
        #expect(core.count(.passAbandoned) == 1)
        #expect(core.control[CoreHarness.stream].pass?.cursor == nil)
    }

    @Test func cancelWaitsForWhatIsOnTheWireThenEndsAsInterrupted() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.feedTime()
        #expect(core.finished.isEmpty)
        core.finish(with: api)
        #expect(core.finished.last?.exitCode == 143)
        #expect(core.finished.last?.counters.listRequests == 1)
        core.request(.resume)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
    }

    @Test func aCrashAbandonsWhatWasOnTheWireAndAsksItAgain() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        while core.count(.detailsFetched) < 2 {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        let lost = core.wire.count
        #expect(lost == 2)
        core.start()
        #expect(core.count(.requestAbandoned) == 2)
        #expect(core.count(.runInterrupted) == 1)
        core.request(.resume)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
        #expect(core.answered.count == 3 + 5)
        #expect(core.count(.requestIntended) == 3 + 5 + lost)
    }

    @Test func maxDurationPausesWithExitFive() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        let policy = Policy.limited(RateWindow(name: "m", requests: 2, periodNs: 60 * .nsPerSecond))
        core.request(.incremental, RunOptions(maxDurationMs: 30_000), policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .maxDuration)
        #expect(core.finished.last?.exitCode == 5)
        #expect(core.finished.last?.durationNs == 30 * .nsPerSecond)
    }

    @Test func aRunThatIsDoneAtItsDeadlineIsCompleted() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request(.incremental, RunOptions(noDetails: true, maxDurationMs: 30_000))
        let last = core.wire[0]
        core.now = core.now.adding(ms: 30_000)
        core.answer(last, api.answer(last))
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test func tooLittleStorageStopsBeforeARequestIsSpent() {
        var core = CoreHarness()
        core.feed(.storageMeasured(StorageMeasured(freeBytes: 10, inFlightAllowed: 0)))
        core.request()
        #expect(core.wire.isEmpty)
        #expect(core.finished.last?.reason == .diskFull)
        #expect(core.finished.last?.exitCode == 1)
    }

    @Test func healthIsOneRequestAndTouchesNoStreamState() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        let before = core.control[CoreHarness.stream]
        core.request(.health)
        core.finish(with: api)
        #expect(core.finished.last?.counters.otherRequests == 1)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream] == before)
        core.request(.health)
        core.finish(with: api) { _, _ in .failure(.network) }
        #expect(core.finished.last?.exitCode == 6)
        #expect(core.control[CoreHarness.stream] == before)
    }

    @Test func theFirstReasonToStopStands() {
        var core = CoreHarness()
        core.request()
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.feed(.cancelRequested(CancelRequested(signal: .sigint)))
        core.finish(with: FakeAPI(1...25))
        #expect(core.finished.last?.reason == .sigterm)
        #expect(core.count(.runStopping) == 1)
    }

    @Test func whatARunDidIsSummedOverItsInvocations() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        for mode in [RunMode.incremental, .resume] {
            core.request(mode)
            core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
            core.finish(with: api)
        }
        core.request(.resume)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.start()
        let unfinished = try #require(core.control[CoreHarness.stream].unfinished)
        #expect(unfinished.counters.listRequests == 3)
        #expect(unfinished.counters.new == 25)
        #expect(unfinished.counters.seen == 25)
        #expect(unfinished.counters.detailRequests == 3)
        #expect(unfinished.counters.detailed == 5)
        #expect(unfinished.mode == .incremental)
    }

    /// The list takes the whole of `--max`, so there is none left for what came since.
    @Test func aPassThatUsesUpMaxIsNotFollowedByAnother() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        api.add(26)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 16))
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].pass == nil)
        #expect(core.count(.passOpened) == 1)
    }
}
