internal import EventLog
internal import SyncCore

/// A server that answers as the one of a log did, to requests that may come in another order and at
/// other times.
///
/// What it knows are the facts of a stretch of the log; what it has to assume, `assumptions` says.
struct RecordedServer {
    private struct ListKey: Hashable {
        let stream: StreamID
        let filter: String
        let cursor: [UInt8]?
    }

    private struct RecordKey: Hashable {
        let stream: StreamID
        let id: String
    }

    private struct Batch {
        let records: [RecordKey]
        let answer: FailureAnswer
        let exchange: Exchange
    }

    private enum Detail {
        case outcome(DetailOutcome)
        /// It was asked for alone, and the request failed.
        case failed(FailureAnswer, Exchange)
    }

    private var pages: [ListKey: [SourceAnswer]] = [:]
    private var details: [RecordKey: [Detail]] = [:]
    private var failedBatches: [Batch] = []
    private var answeredBatches = 0
    private var latencies: [Endpoint: (sum: UInt64, count: UInt64)] = [:]
    private var limits = RecordedLimits()
    /// Failures that no record is to blame for, and after how many answers the next one comes.
    private var transient: [Batch] = []
    private var sinceTransient = 0
    private var transientEvery = 0

    // MARK: Learning

    /// Takes what an answer of the log told.
    ///
    /// - Parameters:
    ///   - request: the one that was answered.
    ///   - rows: looks up a record that a page had as it was known.
    mutating func learn(
        _ logged: LoggedEvent, of request: InFlightRequest, nowNs: Int64,
        rows: (Ordinal) throws -> RecordRow?
    ) throws {
        guard let exchange = logged.event.exchange else { return }
        if exchange.status != 0 {
            let known = latencies[request.endpoint] ?? (0, 0)
            // What a log says that was tampered with must not end the program.
            latencies[request.endpoint] = (
                known.sum.saturatingAdd(exchange.latencyUs), known.count + 1
            )
        }
        switch logged.event {
        case .rateLimited(let limited): limits.refused(at: nowNs, waitMs: limited.waitMs)
        case .pageFetched(let page):
            limits.admitted(at: nowNs)
            try learn(page, of: request, rows)
        case .detailsFetched(let fetched):
            limits.admitted(at: nowNs)
            answeredBatches += 1
            for result in fetched.results {
                let key = RecordKey(stream: request.stream, id: result.id.text)
                details[key, default: []].append(
                    .outcome(try outcome(of: result, rows)))
            }
        case .requestFailed(let failed):
            limits.admitted(at: nowNs)
            learn(failed, of: request)
        default: limits.admitted(at: nowNs)
        }
    }

    private mutating func learn(
        _ page: PageFetched, of request: InFlightRequest,
        _ rows: (Ordinal) throws -> RecordRow?
    ) throws {
        var records = page.entries.map {
            (
                $0.ordinal,
                ListedRecord(id: $0.id, fingerprint: $0.fingerprint, body: [])
            )
        }
        for ordinal in page.unchanged.flatMap(\.range).map({ Ordinal($0) }) {
            guard let row = try rows(ordinal) else { continue }
            records.append(
                (
                    ordinal,
                    ListedRecord(id: row.id, fingerprint: row.headerFingerprint, body: [])
                ))
        }
        // In the order of first sight, which is the server's for most lists.
        records.sort { $0.0 < $1.0 }
        let answer = PageAnswer(records: records.map(\.1), next: page.next, total: page.total)
        pages[key(request), default: []].append(
            SourceAnswer(exchange: page.exchange, content: .page(answer)))
    }

    private func outcome(
        of result: DetailsFetched.Result, _ rows: (Ordinal) throws -> RecordRow?
    ) throws -> DetailOutcome {
        switch result.outcome {
        case .changed(let fingerprint, _): return .found(fingerprint: fingerprint, body: [])
        case .same:
            let known = try rows(result.ordinal)?.detailFingerprint
            return known.map { .found(fingerprint: $0, body: []) } ?? .absent
        case .absent: return .absent
        case .failed(let error): return .failed(code: error.code, text: error.text)
        }
    }

    private mutating func learn(_ failed: RequestFailed, of request: InFlightRequest) {
        switch request.endpoint {
        case .list:
            pages[key(request), default: []].append(
                SourceAnswer(exchange: failed.exchange, content: .failed(failed.answer)))
        case .detail:
            let keys = request.asked.map { RecordKey(stream: request.stream, id: $0.id.text) }
            if keys.count == 1 {
                details[keys[0], default: []].append(.failed(failed.answer, failed.exchange))
            } else {
                failedBatches.append(
                    Batch(records: keys, answer: failed.answer, exchange: failed.exchange))
            }
        case .health: break
        }
    }

    private func key(_ request: InFlightRequest) -> ListKey {
        guard case .list(let cursor, let filter) = request.target else {
            return ListKey(stream: request.stream, filter: "", cursor: nil)
        }
        return ListKey(stream: request.stream, filter: "\(filter)", cursor: cursor?.bytes)
    }

    /// Ends the learning: what is to be blamed on which record is known now.
    mutating func settle(_ windows: [RateWindow]) {
        // From here on the last answer is the first one of each list.
        pages = pages.mapValues { $0.reversed() }
        let poisoned = Set(
            details.filter { entry in
                entry.value.contains { if case .failed = $0 { true } else { false } }
            }.keys)
        details = details.mapValues { $0.reversed() }
        transient = failedBatches.filter { poisoned.isDisjoint(with: $0.records) }
        transientEvery = transient.isEmpty ? 0 : max(1, answeredBatches / transient.count)
        limits.settle(windows)
    }

    /// What an estimate rests on, beside the log.
    var assumptions: [String] {
        var found = limits.assumptions
        if !transient.isEmpty {
            found.append(
                "\(transient.count) failed detail requests that no record explains come evenly, "
                    + "one after \(transientEvery) answers")
        }
        let means = latencies.sorted { $0.key.name < $1.key.name }.map { endpoint, known in
            "\(endpoint.name) \(known.sum / max(known.count, 1) / 1_000) ms"
        }
        if !means.isEmpty {
            found.append(
                "an answer takes as long as the mean of its kind did: "
                    + means.joined(separator: ", ") + ", however many are on the wire")
        }
        return found
    }

    // MARK: Answering

    /// The answer to a request that arrives now, and how long it takes.
    mutating func answer(
        _ request: InFlightRequest, at nowNs: Int64
    ) -> (answer: SourceAnswer, latencyNs: Int64) {
        if let refusal = limits.refusal(at: nowNs) {
            return (refusal, latency(request.endpoint))
        }
        limits.take(nowNs)
        let answer: SourceAnswer
        switch request.target {
        case .health: answer = SourceAnswer(exchange: Exchange(status: 200), content: .healthy)
        case .list: answer = page(request)
        case .detail(let asked): answer = details(asked, request.stream)
        }
        return (answer, latency(request.endpoint))
    }

    private func latency(_ endpoint: Endpoint) -> Int64 {
        guard let known = latencies[endpoint] else { return 0 }
        return Int64(clamping: known.sum / max(known.count, 1)).saturatingMultiply(1_000)
    }

    private mutating func page(_ request: InFlightRequest) -> SourceAnswer {
        let key = key(request)
        guard let next = pages[key]?.last else {
            // Nobody asked for it then: there is nothing.
            let empty = PageAnswer(records: [], next: nil, total: nil)
            return SourceAnswer(exchange: Exchange(status: 200), content: .page(empty))
        }
        if pages[key, default: []].count > 1 { pages[key]?.removeLast() }
        return next
    }

    private mutating func details(
        _ asked: [RequestIntended.Asked], _ stream: StreamID
    ) -> SourceAnswer {
        let keys = asked.map { RecordKey(stream: stream, id: $0.id.text) }
        for key in keys {
            guard case .failed(let answer, let exchange)? = details[key]?.last else { continue }
            // A batch fails with the record that is in it; its turn alone is still to come.
            if keys.count == 1, details[key, default: []].count > 1 { details[key]?.removeLast() }
            return SourceAnswer(exchange: exchange, content: .failed(answer))
        }
        if transientEvery > 0, let failure = transient.last {
            sinceTransient += 1
            if sinceTransient > transientEvery {
                sinceTransient = 0
                transient.removeLast()
                return SourceAnswer(exchange: failure.exchange, content: .failed(failure.answer))
            }
        }
        let outcomes = keys.map { key -> DetailOutcome in
            guard case .outcome(let outcome)? = details[key]?.last else { return .absent }
            if details[key, default: []].count > 1 { details[key]?.removeLast() }
            return outcome
        }
        return SourceAnswer(exchange: Exchange(status: 200), content: .details(outcomes))
    }
}
