import SyncCore

/// A server with a list and details, in memory: what the core is told by a source that asks it.
struct FakeAPI {
    var versions: [Int: Int] = [:]
    var details: [Int: Int] = [:]
    var givesTotal = true
    /// Details of these fail with 500, whatever batch they are in.
    var poison: Set<Int> = []
    /// Details of these are left out of the answer.
    var missing: Set<Int> = []
    var pageSize = 10
    private(set) var arrivals: [SourceRequest] = []

    init(count: Int) {
        for id in 0..<count { add(id + 1) }
    }

    mutating func add(_ id: Int) {
        versions[id] = 1
        details[id] = 1
    }

    mutating func answer(_ request: SourceRequest) -> SourceAnswer {
        arrivals.append(request)
        switch request.kind {
        case .health: return SourceAnswer(exchange: Exchange(status: 200), content: .healthy)
        case .list(let cursor, let filter): return page(cursor, filter)
        case .detail(let ids): return detail(ids)
        }
    }

    private func page(_ cursor: PageCursor?, _ filter: ListFilter) -> SourceAnswer {
        var after = 0
        if case .idAfter(let mark) = filter { after = Int(mark.text) ?? 0 }
        let ids = versions.keys.sorted().filter { $0 > after }
        let page = cursor.map { Int($0.bytes[0]) } ?? 0
        let records = ids.dropFirst(page * pageSize).prefix(pageSize).map { id in
            ListedRecord(
                id: RecordID("\(id)"),
                fingerprint: Fingerprint(high: UInt64(id), low: UInt64(versions[id] ?? 0)),
                body: Array("{\"id\":\(id)}".utf8)[...])
        }
        return SourceAnswer(
            exchange: Exchange(status: 200),
            content: .page(
                PageAnswer(
                    records: Array(records),
                    next: PageCursor(bytes: [UInt8(page + 1)], display: "page \(page + 2)"),
                    total: givesTotal ? UInt64(ids.count) : nil)))
    }

    private func detail(_ ids: [RecordID]) -> SourceAnswer {
        let numbers = ids.map { Int($0.text) ?? 0 }
        if !poison.isDisjoint(with: numbers) { return .failure(.server, status: 500) }
        let outcomes = numbers.map { id -> DetailOutcome in
            guard let version = details[id], !missing.contains(id) else { return .absent }
            return .found(
                fingerprint: Fingerprint(high: UInt64(id), low: UInt64(1_000 + version)),
                body: Array("{\"id\":\(id),\"v\":\(version)}".utf8)[...])
        }
        return SourceAnswer(exchange: Exchange(status: 200), content: .details(outcomes))
    }
}

extension SourceAnswer {
    static func failure(
        _ failure: FailureClass, status: UInt16 = 0, waitMs: Int64? = nil
    ) -> SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: status),
            content: .failed(
                FailureAnswer(
                    failure, code: "http-\(status)", text: "the API answered \(status)",
                    waitMs: waitMs, arrivalUnknown: failure == .timeout)))
    }

    static func limited(waitMs: Int64?) -> SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: 429),
            content: .limited(waitMs: waitMs, signal: waitMs == nil ? "" : "retry-after"))
    }
}

extension CoreHarness {
    /// Runs until the invocation is over; time passes only where the core waits.
    ///
    /// - Parameter intercept: may answer a request in the API's place.
    mutating func finish(
        with api: inout FakeAPI, latencyMs: Int64 = 0,
        intercept: (SourceRequest, LogTime) -> SourceAnswer? = { _, _ in nil }
    ) {
        while control.invocation != nil {
            if let request = wire.first {
                let early = intercept(request, now)
                let reply = early ?? api.answer(request)
                now = now.adding(ms: latencyMs)
                answer(request, reply)
            } else if let wake {
                now = max(now, wake)
                feedTime()
            } else {
                return
            }
        }
    }
}
