import SyncCore
import TestSupport
import Testing

/// What is charged to a record, and what isn't.
@Suite struct AttemptTests {
    private func parked(_ id: Int, _ api: inout FakeAPI) -> CoreHarness {
        api.poison = [id]
        var core = CoreHarness()
        core.request()
        core.finish(with: api)
        return core
    }

    @Test func aChangedHeaderGivesARecordAllItsAttemptsBack() {
        var api = FakeAPI(1...12)
        var core = parked(3, &api)
        #expect(core.row("3")?.attempts == 5)
        api.headers[3] = 2
        core.request(.full)
        core.finish(with: api)
        #expect(core.row("3")?.state == .parked)
        #expect(core.row("3")?.attempts == 5)
        let alone = core.answered.filter { $0.kind == .detail(ids: [RecordID("3")]) }
        #expect(alone.count == 10)
    }

    @Test func aListedChangeForgetsTheErrorOfTheOldHeader() {
        var api = FakeAPI(1...12)
        var core = parked(3, &api)
        #expect(core.row("3")?.error != nil)
        api.headers[3] = 2
        core.request(.full, RunOptions(noDetails: true))
        core.finish(with: api)
        #expect(core.row("3")?.error == nil)
        #expect(core.row("3")?.state == .pending)
    }

    @Test func aRefusalIsNoAttempt() {
        let api = FakeAPI(1...5)
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        for _ in 0..<4 {
            core.waitForRequest()
            core.answer(core.wire[0], .limited(waitMs: 1_000))
        }
        #expect(core.rows.values.allSatisfy { $0.attempts == 0 && $0.queue?.state == .pending })
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 5)
    }

    @Test func aRecordThatIsTakenBackByHandBeginsAnew() throws {
        var api = FakeAPI(1...5)
        var core = parked(3, &api)
        let row = try #require(core.row("3"))
        core.feed(
            .queueRetried(
                QueueRetried(
                    records: [QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state)],
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: CoreHarness.stream)
        #expect(core.row("3")?.attempts == 0)
        api.poison = []
        core.request()
        core.finish(with: api)
        #expect(core.row("3")?.detailsSynced == true)
        #expect(core.control[CoreHarness.stream].counts.parked == 0)
    }

    /// Of two requests on the wire one breaks, the other shows that the API is there.
    @Test func anAnswerEndsTheWaitForAFailureBeforeIt() {
        let api = FakeAPI(1...20, pageSize: 20)
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.answer(core.wire[0], .failure(.network))
        #expect(core.wire.count == 1)
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(core.wire.count == 2)
    }
}
