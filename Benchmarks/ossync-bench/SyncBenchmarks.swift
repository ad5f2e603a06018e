internal import EventLog
internal import LMDB
internal import Projections
internal import Records
internal import SyncCore
internal import SyncEngine

/// A whole sync in one process without a network: engine, core, log with core rows, projection.
struct SyncBenchmarks {
    let scratch: Scratch
    let rounds: Int
    let records: Int

    private static let pageSize = 1_000
    private static let detailBatch = 5
    /// What a stored core row of these records has.
    private static let rowBytes = 80

    func run(_ report: inout Report) throws {
        let pages = try Pages(records: records, pageSize: Self.pageSize)
        var (list, details, insert, settle): ([Cost], [Cost], [Cost], [Cost]) = ([], [], [], [])
        var (rebuild, state): ([Cost], [Cost]) = ([], [])
        for _ in 0..<rounds {
            let base = try RawBaseline(folder: scratch.folder(), isDurable: false)
            insert.append(
                try Cost.of {
                    try base.insertRows(records, bytes: Self.rowBytes, batch: Self.pageSize)
                })
            settle.append(
                try Cost.of {
                    try base.settleRows(records, bytes: Self.rowBytes, batch: 20)
                })
            let store = try scratch.folder()
            let cost = try sync(store, pages)
            list.append(cost.list)
            details.append(cost.details)
            state.append(try Cost.of { try loadState(store) })
            rebuild.append(try Self.rebuildProjection(store))
        }
        report.add(
            "sync headers, C: rows alone", per: "record", count: records, list, baseline: insert)
        report.add(
            "sync details by 5, C: rows alone", per: "record", count: records, details,
            baseline: settle)
        report.add("open the log and load its state", per: "start", count: 1, state)
        report.add("rebuild the projection", per: "record", count: records, rebuild)
        try parse(&report)
    }

    private func sync(_ store: String, _ pages: Pages) throws -> (list: Cost, details: Cost) {
        try EventLog.create(store: store, durability: .none)
        let log = try EventLog.open(store: store, .write, durability: .none)
        let engine = try Engine(log: log, clock: SystemClock())
        var inputs = engine.startInputs(apiIdentity: "benchmark", stream: "os")
        inputs.append(.fact(.runRequested(Self.request), stream: StreamID(1)))
        var (list, details) = (Cost(), Cost())
        while !inputs.isEmpty {
            var effects: [Effect] = []
            let cost = try Cost.of { effects = try engine.process(inputs) }
            let isListing = engine.control.streams.first?.pass != nil
            if isListing { list = list + cost } else { details = details + cost }
            inputs = effects.compactMap { effect in
                if case .send(let request) = effect { pages.answer(request) } else { nil }
            }
        }
        guard engine.control.streams[0].counts.synced == UInt64(records) else {
            throw BenchFailure("the sync ended early")
        }
        return (list, details)
    }

    private static var request: RunRequested {
        RunRequested(
            mode: .incremental, options: RunOptions(),
            policy: Policy(
                limits: LimitPolicy(windows: []), paging: .page, pageSize: pageSize,
                order: .ascending, incremental: .idAfter,
                detail: DetailPolicy(batch: detailBatch, concurrency: 4)),
            seed: 1, requester: Requester(pid: 1, host: "host", user: "user"))
    }

    private func loadState(_ store: String) throws {
        let log = try EventLog.open(store: store, .read)
        let control = try log.snapshot().control()
        guard control.streams.first?.counts.total == UInt64(records) else {
            throw BenchFailure("the state counts other records")
        }
    }

    /// What it costs to make the table of a store anew.
    static func rebuildProjection(_ store: String) throws -> Cost {
        let log = try EventLog.open(store: store, .read)
        let mapping = try ColumnMapping([
            ColumnMapping.Column(
                name: "customer", source: .value(try JSONPointer("/customer/name")), type: .text),
            ColumnMapping.Column(
                name: "status", source: .value(try JSONPointer("/status")), type: .text),
            ColumnMapping.Column(
                name: "opened_at", source: .value(try JSONPointer("/opened_at")), type: .text),
            ColumnMapping.Column(
                name: "expense_total",
                source: .sum(try JSONPointer("/expenses/*/amount", wildcards: true)),
                type: .decimal),
        ])
        let projector = try RecordProjector(
            RecordProjection(name: "os", mapping: mapping), folder: "\(store)/projections",
            log: log)
        return try Cost.of { try projector.rebuild() }
    }

    private func parse(_ report: inout Report) throws {
        let slicer = try Samples.slicer()
        let body = Samples.page(from: 1, count: Self.pageSize, of: Samples.header)
        var costs: [Cost] = []
        for _ in 0..<(rounds * 4) {
            costs.append(
                try Cost.of {
                    guard try slicer.slice(body).records.count == Self.pageSize else {
                        throw BenchFailure("the page has other records")
                    }
                })
        }
        report.add(
            "slice, check and fingerprint \(body.count >> 10) KiB", per: "page", count: 1, costs)
    }
}

/// The answers of an API, made once.
private struct Pages {
    private let records: [ListedRecord]
    private let details: [ListedRecord]
    private let pageSize: Int

    init(records count: Int, pageSize: Int) throws {
        let slicer = try Samples.slicer()
        self.pageSize = pageSize
        records = try slicer.slice(
            Samples.page(from: 1, count: count, of: Samples.header)
        ).records
        details = try slicer.slice(
            Samples.page(from: 1, count: count, of: Samples.detail)
        ).records
    }

    func answer(_ request: SourceRequest) -> Input {
        let content: SourceAnswer.Content =
            switch request.kind {
            case .list(let cursor, _): page(cursor)
            case .detail(let ids): .details(ids.map(detail))
            case .health: .healthy
            }
        return .answered(
            intent: request.intent,
            SourceAnswer(exchange: Exchange(status: 200, latencyUs: 1_000), content: content))
    }

    private func page(_ cursor: PageCursor?) -> SourceAnswer.Content {
        let number = cursor.flatMap { Int($0.display) } ?? 1
        let first = (number - 1) * pageSize
        let slice = records[min(first, records.count)..<min(first + pageSize, records.count)]
        let next = slice.isEmpty ? nil : "\(number + 1)"
        return .page(
            PageAnswer(
                records: Array(slice),
                next: next.map { PageCursor(bytes: Array($0.utf8), display: $0) },
                total: UInt64(records.count)))
    }

    private func detail(_ id: RecordID) -> DetailOutcome {
        guard let number = Int(id.text), details.indices.contains(number - 1) else {
            return .absent
        }
        let record = details[number - 1]
        return .found(fingerprint: record.fingerprint, body: record.body)
    }
}
