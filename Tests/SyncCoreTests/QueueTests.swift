import SyncCore
import TestSupport
import Testing

@Suite struct QueueTests {
    private func row(
        _ id: String, ordinal: UInt32 = 0, _ change: (inout QueueEntry) -> Void = { _ in }
    ) -> RecordRow {
        var row = RecordRow(
            ordinal: Ordinal(ordinal), id: RecordID(id),
            headerFingerprint: Fingerprint(high: 0, low: 0), headerPosition: Position(1),
            generation: 1)
        var entry = QueueEntry(state: .pending, isChange: false)
        change(&entry)
        row.queue = entry
        return row
    }

    private func sorted(_ rows: [RecordRow], _ order: IDOrder) -> [String] {
        rows.compactMap { row in row.queueKey(order: order).map { ($0, row.id.text) } }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    }

    @Test func newComesBeforeChangedBeforeRetriedThenNewestFirst() {
        let rows = [
            row("7") { $0.state = .retrying },
            row("9") { $0.isChange = true },
            row("10") { $0.isChange = true },
            row("2"), row("100"), row("11"),
            row("3") { $0.state = .parked },
            row("999") { $0.inFlight = true },
        ]
        let expected = ["100", "11", "2", "10", "9", "7", "3"]
        #expect(sorted(rows, .numeric) == expected)
        #expect(sorted(rows.reversed(), .numeric) == expected)
    }

    @Test func abandonedEntriesGoToTheEndOfTheirClass() {
        let rows = [
            row("5") { $0.deferrals = 1 }, row("1"), row("9") { $0.isChange = true },
        ]
        #expect(sorted(rows, .numeric) == ["1", "5", "9"])
    }

    @Test func wordsSortByBytesAndOpaqueIdsByOrdinal() {
        let words = [row("a"), row("ab"), row("b")]
        #expect(sorted(words, .lexicographic) == ["b", "ab", "a"])
        let opaque = [row("zz", ordinal: 1), row("aa", ordinal: 2)]
        #expect(sorted(opaque, .none) == ["aa", "zz"])
    }

    @Test func detailsAreAskedForInTheOrderOfTheQueue() {
        var core = CoreHarness()
        let api = FakeAPI(1...12)
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: api)
        core.request(.detailsOnly)
        core.finish(with: api)
        let asked = core.answered.flatMap { request -> [String] in
            if case .detail(let ids) = request.kind { ids.map(\.text) } else { [] }
        }
        #expect(asked == (1...12).reversed().map { "\($0)" })
    }

    @Test func droppedRecordsWaitForAHeaderChangeAndRetriedOnesGetFreshAttempts() throws {
        var core = CoreHarness()
        var api = FakeAPI(1...6)
        api.poison = [2]
        core.request()
        core.finish(with: api)
        let parked = try #require(core.row("2"))
        let record = QueuedRecord(ordinal: parked.ordinal, id: parked.id, was: parked.state)
        let requester = Requester(pid: 1, host: "h", user: "u")
        core.feed(
            .queueDropped(QueueDropped(records: [record], requester: requester)),
            stream: CoreHarness.stream)
        core.request(.detailsOnly)
        core.finish(with: api)
        #expect(core.row("2")?.state == .dropped)
        #expect(core.finished.last?.counters.requests == 0)
        api.poison = []
        api.headers[2] = 2
        core.request(.full)
        core.finish(with: api)
        #expect(core.row("2")?.state == .synced)
        #expect(core.control[CoreHarness.stream].counts.dropped == 0)
    }
}
