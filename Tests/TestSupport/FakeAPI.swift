package import SyncCore

/// A server with a list and details, in memory: what the core is told by a source that asks it.
package struct FakeAPI {
    /// The version of each record's header and detail.
    package var headers: [Int: Int] = [:]
    package var details: [Int: Int] = [:]
    /// The expenses in a record's detail, as JSON numbers.
    package var amounts: [Int: [String]] = [:]
    /// Details of these fail with 500, whatever batch they are in.
    package var poison: Set<Int> = []
    /// Details of these are left out of the answer.
    package var missing: Set<Int> = []
    /// Whether a list says how many records it has.
    package var givesTotal = true
    package var pageSize = 10
    /// The detail of a record, where it is another one.
    package var detailText: (@Sendable (Int) -> String)?

    package init(_ ids: some Sequence<Int>, pageSize: Int = 10) {
        for id in ids { add(id) }
        self.pageSize = pageSize
    }

    package mutating func add(_ id: Int) {
        headers[id] = 1
        details[id] = 1
    }

    package func answer(_ request: SourceRequest) -> SourceAnswer {
        switch request.kind {
        case .health: SourceAnswer(exchange: Exchange(status: 200), content: .healthy)
        case .list(let cursor, let filter): page(cursor, filter)
        case .detail(let ids): detail(ids)
        }
    }

    package func header(_ id: Int) -> [UInt8] {
        Array("{\"id\":\(id),\"customer\":\"c\(id)-\(headers[id] ?? 0)\"}".utf8)
    }

    package func detail(_ id: Int) -> [UInt8] {
        if let detailText { return Array(detailText(id).utf8) }
        let expenses = (amounts[id] ?? []).map { "{\"amount\":\($0)}" }.joined(separator: ",")
        return Array("{\"id\":\(id),\"v\":\(details[id] ?? 0),\"expenses\":[\(expenses)]}".utf8)
    }

    private func page(_ cursor: PageCursor?, _ filter: ListFilter) -> SourceAnswer {
        var after = 0
        if case .idAfter(let mark) = filter { after = Int(mark.text) ?? 0 }
        let ids = headers.keys.sorted().filter { $0 > after }
        let page = cursor.map { Int($0.display) ?? 0 } ?? 0
        let records = ids.dropFirst(page * pageSize).prefix(pageSize).map { id in
            ListedRecord(
                id: RecordID("\(id)"),
                fingerprint: Fingerprint(high: UInt64(id), low: UInt64(headers[id] ?? 0)),
                body: header(id)[...])
        }
        let next = PageCursor(bytes: Array("\(page + 1)".utf8), display: "\(page + 1)")
        return SourceAnswer(
            exchange: Exchange(status: 200),
            content: .page(
                PageAnswer(
                    records: records, next: next,
                    total: givesTotal ? UInt64(ids.count) : nil)))
    }

    private func detail(_ ids: [RecordID]) -> SourceAnswer {
        let numbers = ids.map { Int($0.text) ?? 0 }
        if !poison.isDisjoint(with: numbers) { return .failure(.server, status: 500) }
        let outcomes = numbers.map { id -> DetailOutcome in
            guard let version = details[id], !missing.contains(id) else { return .absent }
            return .found(
                fingerprint: Fingerprint(high: UInt64(id), low: UInt64(1_000 + version)),
                body: detail(id)[...])
        }
        return SourceAnswer(exchange: Exchange(status: 200), content: .details(outcomes))
    }
}

extension SourceAnswer {
    package static func failure(
        _ failure: FailureClass, status: UInt16 = 0, waitMs: Int64? = nil
    ) -> SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: status),
            content: .failed(
                FailureAnswer(
                    failure, code: "http-\(status)", text: "the API answered \(status)",
                    waitMs: waitMs, arrivalUnknown: failure == .timeout)))
    }

    package static func limited(waitMs: Int64?) -> SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: 429),
            content: .limited(waitMs: waitMs, signal: waitMs == nil ? "" : "retry-after"))
    }
}

extension Policy {
    /// Pages of 10, details by 5, two requests at once, no limits.
    package static var small: Policy {
        Policy(
            limits: LimitPolicy(windows: []), paging: .page, pageSize: 10, order: .ascending,
            incremental: .idAfter, detail: DetailPolicy(batch: 5, concurrency: 2),
            pinned: [PinnedKey(key: "list.path", value: "/os")])
    }
}
