import SyncCore
import TestSupport
import Testing

@Suite struct ReplayTests {
    /// A history with failures, refusals, a crash and several runs.
    private func history(seed: UInt64) -> CoreHarness {
        var random = SeededGenerator(seed: seed)
        var core = CoreHarness()
        var api = FakeAPI(1...40)
        api.poison = [7]
        let window = RateWindow(name: "m", requests: 6, periodNs: 10 * .nsPerSecond)
        core.request(.incremental, policy: .limited(window), seed: seed)
        core.finish(with: api, latencyMs: 120) { _, _ in
            switch Int.random(in: 0..<12, using: &random) {
            case 0: .limited(waitMs: nil)
            case 1: .failure(.server, status: 500)
            case 2: .failure(.timeout)
            default: nil
            }
        }
        core.request(.full, policy: .limited(window), seed: seed)
        core.waitForRequest()
        core.answer(core.wire[0], api.answer(core.wire[0]))
        core.start()
        core.request(.resume, policy: .limited(window), seed: seed)
        core.finish(with: api)
        return core
    }

    @Test(arguments: 0..<10) func foldingTheLogAgainGivesTheSameState(seed: UInt64) {
        let live = history(seed: seed)
        var control = ControlState()
        var rows: [Ordinal: RecordRow] = [:]
        for logged in live.log {
            apply(logged, to: &control)
            logged.event.forEachTouchedRow { ordinal, touch in
                rows[ordinal] = applyRow(
                    rows[ordinal], touch, position: logged.position, time: logged.time)
            }
        }
        #expect(control == live.control)
        #expect(rows == live.rows)
    }

    @Test(arguments: 0..<10) func theRecordedFactsLeadToTheRecordedDecisions(seed: UInt64) {
        let live = history(seed: seed)
        var replayed = CoreHarness.empty
        var index = 0
        while index < live.log.count {
            var end = index + 1
            while end < live.log.count, !live.log[end].startsStep { end += 1 }
            let step = live.log[index..<end]
            let first = step[index]
            let fact = first.event.type.isFact ? first.event : nil
            let needs = needsToDecide(replayed.control, fact: fact, now: first.time)
            let decision = decide(
                replayed.control, fact: fact, stream: first.stream, rows: replayed.read(needs),
                now: first.time)
            #expect(decision.events == Array(step))
            for logged in step { replayed.fold(logged) }
            index = end
        }
    }

    @Test(arguments: 0..<10) func countsEqualWhatTheRowsSay(seed: UInt64) {
        let live = history(seed: seed)
        var counts = RecordCounts()
        for row in live.rows.values {
            switch row.state {
            case .synced: counts.synced += 1
            case .pending: counts.pending += 1
            case .retrying: counts.retrying += 1
            case .parked: counts.parked += 1
            case .dropped: counts.dropped += 1
            case .unknown: Issue.record("a row without a state")
            }
        }
        #expect(counts == live.control[CoreHarness.stream].counts)
    }
}
