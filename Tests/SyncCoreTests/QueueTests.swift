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

    private static let touches: [RowTouch] = {
        let (one, id, error) = (Ordinal(0), RecordID("1"), RecordError(code: "a", text: "b"))
        let print = Fingerprint(high: 1, low: 2)
        let queued = QueuedRecord(ordinal: one, id: id, was: .unknown)
        let outcomes: [DetailsFetched.Outcome] = [
            .changed(fingerprint: print, body: []), .same, .absent, .failed(error),
        ]
        return [
            .listed(
                PageFetched.Entry(
                    ordinal: one, id: id, was: .unknown, fingerprint: print, body: []),
                generation: 2),
            .abandoned, .retried, .dropped, .redacted,
            .parked(RecordParked(record: queued, intent: .none, attempts: 1, error: error)),
            .parked(RecordParked(record: queued, intent: .none, attempts: 1, error: .crash)),
        ]
            + outcomes.map {
                .detail(DetailsFetched.Result(ordinal: one, id: id, was: .unknown, outcome: $0))
            }
            + DetailsRequeued.Kind.allCases.map { kind in
                .requeued(
                    queued,
                    DetailsRequeued(
                        intent: Position(3), kind: kind, parts: [[queued]], due: .zero,
                        error: error), part: 0)
            }
    }()

    /// A rebuild leaves requests away that something ended, and folds the others last.
    @Test(arguments: [true, false])
    func whatDoesNotEndAFlightMayComeBeforeTheRequest(isQueued: Bool) {
        let asked = RowTouch.asked(RequestIntended.Asked(ordinal: Ordinal(0), id: RecordID("1")))
        func fold(_ touches: [RowTouch]) -> RecordRow? {
            var start = row("1") { ($0.abandons, $0.deferrals) = (1, 2) }
            if !isQueued { start.queue = nil }
            return touches.reduce(start) {
                applyRow($0, $1, position: Position(9), time: LogTime(nanoseconds: 5))
            }
        }
        for touch in Self.touches {
            let without = touch.endsFlight ? [touch] : [touch, asked]
            #expect(fold([asked, touch]) == fold(without), "\(touch)")
        }
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

    /// The other part of it was not read.
    @Test func aGroupThatIsCutIsNotAskedForInPart() {
        let rows = retries(cut: true)
        #expect(asked(rows) == [["9", "8"]])
        #expect(asked(retries(cut: false)) == [["9", "8"], ["7"]])
    }

    @Test func aGroupThatIsAloneIsAskedForThoughItIsCut() {
        var rows = retries(cut: true)
        rows.retries.removeFirst(2)
        #expect(asked(rows) == [["7"]])
    }

    @Test func groupsWithoutAnOrderOfIdsGoByOrdinalNewestFirst() {
        #expect(asked(retries(cut: false), order: .none) == [["7"], ["9", "8"]])
    }

    /// Two records that failed together, and one that failed in another request.
    private func retries(cut: Bool) -> CoreRows {
        var rows = CoreRows()
        let failed: [(String, UInt32, UInt64)] = [("9", 1, 5), ("8", 2, 5), ("7", 3, 6)]
        rows.retries = failed.map { id, ordinal, group in
            row(id, ordinal: ordinal) {
                $0.state = .retrying
                $0.group = Position(group)
            }
        }
        rows.retriesAreCut = cut
        return rows
    }

    /// What is sent from these rows, once the list is done.
    private func asked(_ rows: CoreRows, order: IDOrder = .numeric) -> [[String]] {
        var core = CoreHarness()
        core.request(.detailsOnly)
        core.finish(with: FakeAPI(1...5))
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: FakeAPI(1...9))
        var control = core.control
        control[CoreHarness.stream].idOrder = order
        let request = RunRequested(
            mode: .detailsOnly, options: RunOptions(), policy: .small, seed: 1,
            requester: Requester(pid: 1, host: "host", user: "user"))
        let start = decide(
            control, fact: .runRequested(request), stream: CoreHarness.stream, rows: CoreRows(),
            now: core.now)
        for event in start.events { apply(event, to: &control) }
        let decision = decide(
            control, fact: nil, stream: .none, rows: rows, now: core.now)
        return decision.effects.compactMap { effect in
            guard case .send(let request) = effect, case .detail(let ids) = request.kind else {
                return nil
            }
            return ids.map(\.text)
        }
    }
}
