internal import EventLog
internal import LMDB
internal import Projections
internal import SyncCore
internal import SyncEngine

/// The index over a long log: making it, and asking it for the few events that are wanted.
struct HistoryBenchmarks {
    let scratch: Scratch
    let rounds: Int
    /// About so many events.
    let events: Int
    /// How often the details of each record fail before they come: two events for each record, and
    /// three for each failure.
    let failures: Int

    private var records: Int { events / (2 + 3 * failures) }
    /// The details of each record with such a number fail once; the server refuses once.
    private var failing: Int { min(40_000, max(records / 4, 1)) }

    func run(_ report: inout Report) throws {
        let store = try scratch.folder()
        try EventLog.create(store: store, durability: .none)
        let control = try sync(store)
        let count = Int(control.position.rawValue)
        let log = try EventLog.open(store: store, .read)
        let making = try Cost.of { try history(store, log).catchUp() }
        report.add("index the log", per: "event", count: count, [making])
        report.add(
            "rebuild \(records) rows", per: "event", count: count,
            [try SyncBenchmarks.rebuildProjection(store)])
        for (name, filter) in try filters(store, log) {
            try measure(name, &report) {
                try history(store, log).read { history in
                    var found = 0
                    try history.search(filter).forEach(bodies: .none) { _, _ in
                        found += 1
                        return true
                    }
                    guard found > 0 else { throw BenchFailure("\(name) found nothing") }
                }
            }
        }
        for part in [1, 2, 3] {
            let position = Position(UInt64(count * part / 4))
            try measure("state after \(part * 25)%", &report) {
                try history(store, log).read { history in
                    guard try history.control(at: position).position == position else {
                        throw BenchFailure("another state")
                    }
                }
            }
        }
        try measure("totals", &report) {
            try history(store, log).read { history in
                guard history.totals.answers.values.reduce(0, +) > 0 else {
                    throw BenchFailure("no requests")
                }
            }
        }
        try measure("a record after 50%", &report) {
            try history(store, log).read { history in
                let ordinal = Ordinal(UInt32(records - 1_000))
                let row = try history.row(
                    of: ordinal, in: StreamID(1), at: Position(UInt64(count / 2)))
                guard row != nil else { throw BenchFailure("no such record") }
            }
        }
    }

    private func measure(_ name: String, _ report: inout Report, _ body: () throws -> Void) throws {
        var costs: [Cost] = []
        for _ in 0..<rounds { costs.append(try Cost.of(body)) }
        report.add("\(name) of \(events)", per: "query", count: 1, costs)
    }

    /// Opened anew each time, as a command does.
    private func history(_ store: String, _ log: EventLog) throws -> HistoryProjector {
        try HistoryProjector(HistoryProjection(), folder: "\(store)/projections", log: log)
    }

    private func filters(
        _ store: String, _ log: EventLog
    ) throws -> [(String, EventFilter)] {
        var refused = EventFilter()
        refused.types = [.rateLimited]
        var failed = EventFilter()
        failed.statuses = [.hundreds(5)]
        failed.endpoints = [.detail]
        var record = EventFilter()
        record.records = [
            EventFilter.Record(stream: StreamID(1), ordinal: Ordinal(UInt32(records / 2)))
        ]
        var late = EventFilter()
        late.earliest = try log.snapshot().control().time
        return [
            ("find the refusals", refused), ("find failed details", failed),
            ("find a record", record), ("find the last moment", late),
        ]
    }

    // MARK: The log

    private func sync(_ store: String) throws -> ControlState {
        let log = try EventLog.open(store: store, .write, durability: .none)
        let engine = try Engine(log: log, clock: SystemClock())
        var inputs = engine.startInputs(apiIdentity: "benchmark", stream: "os")
        inputs.append(.fact(.runRequested(Self.request), stream: StreamID(1)))
        var failed: [Int: Int] = [:]
        while !inputs.isEmpty {
            var wakes = false
            inputs = try engine.process(inputs).compactMap { effect in
                switch effect {
                case .send(let request): return answer(request, &failed)
                case .wake: wakes = true
                case .finish: break
                }
                return nil
            }
            // Nothing is on the wire: whoever waits is asked again at once.
            if inputs.isEmpty, wakes { inputs = [.timeReached] }
        }
        return engine.control
    }

    private static var request: RunRequested {
        RunRequested(
            mode: .incremental, options: RunOptions(),
            policy: Policy(
                limits: LimitPolicy(windows: [], cooldownMs: 1), paging: .page, pageSize: 1_000,
                order: .ascending, incremental: .idAfter,
                detail: DetailPolicy(batch: 1, concurrency: 16),
                retry: RetryPolicy(attempts: 5, baseMs: 0, multiplier: 1, maxMs: 0)),
            seed: 1, requester: Requester(pid: 1, host: "host", user: "user"))
    }

    private func answer(_ request: SourceRequest, _ failed: inout [Int: Int]) -> Input {
        var exchange = Exchange(status: 200, latencyUs: 1_000)
        let content: SourceAnswer.Content
        switch request.kind {
        case .health: content = .healthy
        case .list(let cursor, _): content = page(cursor)
        case .detail(let ids):
            let id = ids.first.flatMap { Int($0.text) } ?? 0
            let times = failed[id, default: 0]
            if times < failures {
                // Its own failure: more of the API's, and the run would end.
                failed[id] = times + 1
                content = .details([.failed(code: "locked", text: "it is being edited")])
            } else if times == failures, id % failing == 0 {
                failed[id] = times + 1
                exchange.status = 500
                content = .failed(
                    FailureAnswer(.server, code: "http-500", text: "the API answered 500"))
            } else if id == records / 2 + 1, times == failures {
                failed[id] = times + 1
                exchange.status = 429
                content = .limited(waitMs: 1, signal: "retry-after")
            } else {
                content = .details([.found(fingerprint: fingerprint(id), body: body(id))])
            }
        }
        return .answered(
            intent: request.intent, SourceAnswer(exchange: exchange, content: content))
    }

    private func page(_ cursor: PageCursor?) -> SourceAnswer.Content {
        let number = cursor.flatMap { Int($0.display) } ?? 0
        let ids = (number * 1_000)..<min((number + 1) * 1_000, records)
        let next = ids.isEmpty ? nil : "\(number + 1)"
        return .page(
            PageAnswer(
                records: ids.map {
                    ListedRecord(
                        id: RecordID("\($0 + 1)"), fingerprint: fingerprint($0 + 1),
                        body: body($0 + 1))
                },
                next: next.map { PageCursor(bytes: Array($0.utf8), display: $0) },
                total: UInt64(records)))
    }

    private func fingerprint(_ id: Int) -> Fingerprint { Fingerprint(high: 1, low: UInt64(id)) }

    private func body(_ id: Int) -> ArraySlice<UInt8> { Array("{\"id\":\(id)}".utf8)[...] }
}
