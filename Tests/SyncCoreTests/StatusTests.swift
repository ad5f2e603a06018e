import SyncCore
import TestSupport
import Testing

/// What is remembered of runs and tries for people: when one completed, and what went wrong last.
@Suite struct StatusTests {
    private let unavailable = SourceAnswer.failure(.unavailable, status: 503)

    private func stream(_ core: CoreHarness) -> StreamState { core.control[CoreHarness.stream] }

    @Test func aRunThatCompletesClearsTheLastErrorAndIsDatedAtItsEnd() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        var isFirst = true
        core.finish(with: api, latencyMs: 500) { _, _ in
            defer { isFirst = false }
            return isFirst ? unavailable : nil
        }
        #expect(core.count(.requestFailed) == 1)
        #expect(core.finished.last?.outcome == .completed)
        #expect(stream(core).lastError == nil)
        #expect(stream(core).lastCompletedAt == core.now)
    }

    @Test func aRunThatFailsSaysWhyAndLeavesTheLastCompletion() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        core.finish(with: api)
        let completedAt = try #require(stream(core).lastCompletedAt)
        core.request()
        core.finish(with: api, latencyMs: 500) { _, _ in unavailable }
        let end = try #require(core.finished.last)
        #expect(end.outcome == .failed)
        #expect(stream(core).lastError == end.text)
        #expect(stream(core).lastCompletedAt == completedAt)
    }

    @Test func aCheckOfTheHealthIsNoRun() {
        var core = CoreHarness()
        let api = FakeAPI(1...5)
        core.request()
        core.finish(with: api)
        let before = stream(core)
        core.now = core.now.adding(ms: 1_000)
        core.request(.health)
        core.finish(with: api) { _, _ in unavailable }
        core.request(.health)
        core.finish(with: api)
        #expect(stream(core).lastError == nil)
        #expect(stream(core).lastCompletedAt == before.lastCompletedAt)
        #expect(stream(core).lastRun == before.lastRun)
    }

    @Test func aRecordThatSucceedsIsDatedAtItsDetailsAndSaysNoError() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...1)
        core.request()
        var tries = 0
        core.finish(with: api, latencyMs: 500) { request, _ in
            guard case .detail = request.kind else { return nil }
            tries += 1
            return tries == 1 ? .failure(.server, status: 500) : nil
        }
        let fetched = try #require(core.log.last { $0.event.type == .detailsFetched })
        let row = try #require(core.row("1"))
        #expect(tries == 2)
        #expect(row.attemptedAt == fetched.time)
        #expect(row.error == nil)
        #expect(row.attempts == 0)
    }
}
