import SyncCore
import TestSupport
import Testing

/// A record whose answer ends the program: found, asked for alone, given up.
@Suite struct CrashSuspectTests {
    /// Runs engines until one comes to an end; each dies when `killer` is on the wire and answered.
    private func crash(
        _ core: inout CoreHarness, on killer: Int, policy: Policy, mostCrashes: Int = 40
    ) -> Int {
        let api = FakeAPI(1...12, pageSize: 100)
        var crashes = 0
        core.request(.incremental, policy: policy)
        while core.control.invocation != nil, crashes < mostCrashes {
            core.waitForRequest()
            guard let request = core.wire.first else { break }
            guard case .detail(let ids) = request.kind, ids.contains(RecordID("\(killer)")) else {
                core.answer(request, api.answer(request))
                continue
            }
            crashes += 1
            core.now = core.now.adding(ms: 1_000)
            core.start()
            core.request(.resume, policy: policy)
        }
        return crashes
    }

    private var policy: Policy {
        var policy = Policy.small
        policy.pageSize = 100
        policy.detail = DetailPolicy(batch: 4, concurrency: 2)
        return policy
    }

    @Test func aRecordThatEndsTheProgramIsParkedAndTheOthersAreSynced() {
        var core = CoreHarness()
        let crashes = crash(&core, on: 5, policy: policy)
        #expect(crashes == 6)
        #expect(core.row("5")?.state == .parked)
        #expect(core.row("5")?.error == .crash)
        #expect(core.control[CoreHarness.stream].counts.synced == 11)
        #expect(core.finished.last?.outcome == .partial)
        #expect(core.finished.last?.reason == .parked)
    }

    @Test func aSuspectIsAskedForWithNothingElseInFlight() {
        var core = CoreHarness()
        _ = crash(&core, on: 5, policy: policy)
        var open: Set<Position> = []
        var alone: Set<Position> = []
        for logged in core.log {
            switch logged.event {
            case .requestIntended(let event):
                #expect(alone.isEmpty)
                if event.isAlone {
                    #expect(open.isEmpty)
                    alone.insert(logged.position)
                }
                open.insert(logged.position)
            case .requestAbandoned(let event):
                open.remove(event.intent)
                alone.remove(event.intent)
            case .detailsFetched(let event):
                open.remove(event.intent)
                alone.remove(event.intent)
            case .pageFetched(let event): open.remove(event.intent)
            default: break
            }
        }
    }

    /// An outage says nothing about a record.
    @Test func failuresOfTheAPIMakeNoSuspects() {
        var core = CoreHarness()
        let api = FakeAPI(1...4, pageSize: 100)
        core.request(.incremental, policy: policy)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        for _ in 0..<4 {
            core.waitForRequest()
            core.answer(core.wire[0], .failure(.network))
        }
        core.waitForRequest()
        #expect(
            core.log.allSatisfy { logged in
                if case .requestIntended(let event) = logged.event { !event.isAlone } else { true }
            })
    }

    /// A machine that is switched off again and again proves nothing about a list page.
    @Test func aListRequestIsNeverParked() {
        var core = CoreHarness()
        core.request(.incremental, policy: policy)
        for _ in 0..<10 {
            core.now = core.now.adding(ms: 60_000)
            core.start()
            core.request(.resume, policy: policy)
            core.waitForRequest()
            #expect(core.wire.count == 1)
        }
        let api = FakeAPI(1...12, pageSize: 100)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
    }

    /// Lists, then crashes each time that details are asked for.
    private func listAndCrash(_ core: inout CoreHarness, _ api: FakeAPI, times: Int) {
        core.request(.incremental, policy: policy)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        for _ in 0..<times {
            core.waitForRequest()
            core.start()
            core.request(.resume, policy: policy)
        }
    }

    /// An answer shows that the record doesn't end the program.
    @Test func anAnswerClearsASuspect() {
        var core = CoreHarness()
        let api = FakeAPI(1...4, pageSize: 100)
        listAndCrash(&core, api, times: 5)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].counts.synced == 4)
    }

    /// Another header says nothing about what the answer does: otherwise a record whose header
    /// changes with each list would be asked for first for ever.
    @Test func aSuspectWhoseHeaderChangesIsASuspectStill() {
        var policy = policy
        policy.incremental = .none
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        var core = CoreHarness()
        var api = FakeAPI(1...3, pageSize: 100)
        var crashes = 0
        while core.row("3")?.state != .parked, crashes < 20 {
            api.headers[3] = crashes + 2
            core.request(.incremental, policy: policy)
            while core.control.invocation != nil, let request = core.wire.first {
                if request.kind == .detail(ids: [RecordID("3")]) { break }
                core.answer(request, api.answer(request))
            }
            crashes += 1
            core.start()
        }
        #expect(crashes == 6)
        #expect(core.control[CoreHarness.stream].counts.synced == 2)
        // With another header it may be mended: asked for once more, alone.
        api.headers[3] = 99
        core.request(.incremental, policy: policy)
        core.finish(with: api)
        #expect(core.row("3")?.state == .synced)
    }

    /// A lone request that is refused shows that the program got over it.
    @Test(arguments: [SourceAnswer.limited(waitMs: 1_000), .failure(.unavailable, status: 503)])
    func onlyCrashesInARowCountAgainstASuspect(answer: SourceAnswer) {
        var core = CoreHarness()
        let api = FakeAPI(1...1, pageSize: 100)
        listAndCrash(&core, api, times: 5)
        core.waitForRequest()
        let lone = core.wire[0]
        core.answer(lone, answer)
        core.start()
        for _ in 0..<2 {
            core.request(.resume, policy: policy)
            core.waitForRequest()
            #expect(core.wire.map(\.kind) == [lone.kind])
            core.start()
        }
        #expect(core.control[CoreHarness.stream].counts.parked == 0)
        core.request(.resume, policy: policy)
        core.waitForRequest()
        core.start()
        #expect(core.control[CoreHarness.stream].counts.parked == 1)
    }

    /// Nobody heard how the run ended that crashed: the next one tells, though it is another one.
    @Test func theNextRunTellsWhatACrashParked() {
        var core = CoreHarness()
        let api = FakeAPI(1...1, pageSize: 100)
        listAndCrash(&core, api, times: 6)
        #expect(core.control[CoreHarness.stream].counts.parked == 1)
        core.finish(with: api)
        #expect(core.finished.last?.reason == .parked)
        core.request(.incremental, policy: policy)
        core.finish(with: api)
        #expect(core.finished.last?.reason == nil)
    }

    /// A new record is on the wire when a suspect's turn comes.
    @Test func aSuspectWaitsForWhatIsOnTheWire() throws {
        var core = CoreHarness()
        var api = FakeAPI(1...4, pageSize: 100)
        listAndCrash(&core, api, times: 3)
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)))
        core.finish(with: api)
        api.add(5)
        core.request(.incremental, policy: policy)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(core.wire.map(\.kind) == [.detail(ids: [RecordID("5")])])
        core.answer(core.wire[0], api.answer(core.wire[0]))
        // One was on the wire alone when the run was stopped, and was answered.
        for _ in 0..<3 {
            #expect(core.wire.count == 1)
            let request = try #require(core.wire.first)
            core.answer(request, api.answer(request))
        }
        #expect(core.control[CoreHarness.stream].counts.synced == 5)
    }
}
