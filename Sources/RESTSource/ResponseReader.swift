package import Records
package import SyncCore

/// Turns a response, or its absence, into the answer for the core; pure.
package struct ResponseReader: Sendable {
    package let configuration: RESTConfiguration
    let redactor: Redactor
    private let listSlicer: RecordSlicer
    private let detailSlicer: RecordSlicer?

    /// - Throws: `badPointer` when more places are ignored than can be.
    package init(_ configuration: RESTConfiguration) throws(RecordsError) {
        self.configuration = configuration
        redactor = Redactor(configuration)
        let list = configuration.list
        listSlicer = RecordSlicer(
            records: list.records, id: list.id, total: list.total,
            fingerprinter: try Fingerprinter(ignoring: list.ignore))
        guard let detail = configuration.detail else {
            detailSlicer = nil
            return
        }
        detailSlicer = RecordSlicer(
            records: detail.records, id: detail.id, allowsSingle: detail.allowsSingle,
            fingerprinter: try Fingerprinter(ignoring: detail.ignore))
    }

    /// What a whole response means, whatever its status.
    package func answer(to request: SourceRequest, _ response: HTTPResponse) -> SourceAnswer {
        let exchange = Exchange(
            status: UInt16(clamping: response.status), latencyUs: response.latencyUs,
            bodyBytes: UInt64(response.body.count), headers: recordedHeaders(response))
        return SourceAnswer(exchange: exchange, content: content(for: request, response))
    }

    /// What the answer to a health request shows of the list; nil where it isn't a page of it.
    package func sample(_ request: SourceRequest, _ response: HTTPResponse) -> ListSample? {
        guard request.kind == .health, configuration.healthPath == nil,
            (200...299).contains(response.status)
        else { return nil }
        let body = redactor.clean(body: response.body)
        guard let slices = try? listSlicer.slice(body) else { return nil }
        return ListSample(
            asked: configuration.list.paging.sizeParam.map { _ in configuration.sampleSize },
            slices: slices, body: body, hasTotal: configuration.list.total != nil)
    }

    /// What it means that no whole response came.
    package func answer(to request: SourceRequest, _ error: TransportError) -> SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: UInt16(clamping: error.status), latencyUs: error.latencyUs),
            content: .failed(failure(request, error)))
    }

    /// The answer to a request that the configuration can't express; nothing was sent.
    package func refusal(of request: SourceRequest) -> SourceAnswer {
        let text = sentence(
            request,
            "can't be asked: the configuration doesn't fit the cursor, filter or identities",
            "run ossync doctor")
        return SourceAnswer(
            exchange: Exchange(status: 0),
            content: .failed(FailureAnswer(.client, code: "request", text: text)))
    }

    private func content(
        for request: SourceRequest, _ response: HTTPResponse
    ) -> SourceAnswer.Content {
        if response.status == 429 {
            let limit = WaitHeaders(response: response).limit
            return .limited(waitMs: limit?.waitMs, signal: limit?.signal ?? "http-429")
        }
        guard (200...299).contains(response.status) else {
            return .failed(failure(request, response))
        }
        do {
            return try read(request, redactor.clean(body: response.body))
        } catch {
            return .failed(unusable(request, error, response))
        }
    }

    private func read(
        _ request: SourceRequest, _ body: [UInt8]
    ) throws(RecordsError) -> SourceAnswer.Content {
        switch request.kind {
        case .health:
            if configuration.healthPath == nil { _ = try listSlicer.slice(body) }
            return .healthy
        case .list(let cursor, _):
            let slices = try listSlicer.slice(body)
            let next = PagePlace.following(
                cursor.flatMap { PagePlace($0) }, slices.records, configuration.list.paging)
            return .page(
                PageAnswer(
                    records: slices.records, next: next?.cursor,
                    total: slices.total.flatMap { $0 <= Self.mostRecords ? $0 : nil }))
        case .detail(let ids):
            guard let detailSlicer else {
                throw RecordsError(.badMapping, "the configuration has no details")
            }
            let slices = try detailSlicer.slice(body, assumedID: ids.count == 1 ? ids.first : nil)
            // Of several records with one identity the last counts; strangers are left out.
            var found: [RecordID: ListedRecord] = [:]
            for record in slices.records { found[record.id] = record }
            return .details(
                ids.map { id in
                    found[id].map { .found(fingerprint: $0.fingerprint, body: $0.body) } ?? .absent
                })
        }
    }

    /// A total over this is no number of records, but something else.
    private static let mostRecords: UInt64 = 1_000_000_000_000

    private static let recorded: Set<String> = [
        "retry-after", "date", "content-type", "x-request-id", "x-correlation-id", "request-id",
        "x-amzn-requestid", "cf-ray",
    ]
    private static let recordedPrefixes = ["ratelimit", "x-ratelimit-", "x-rate-limit-"]

    /// Headers that explain an answer later; never one that may carry a credential.
    private func recordedHeaders(_ response: HTTPResponse) -> [Exchange.HeaderField] {
        return response.headers.filter { field in
            Self.recorded.contains(field.name)
                || Self.recordedPrefixes.contains { field.name.hasPrefix($0) }
        }.prefix(32).map {
            Exchange.HeaderField(
                name: PlainText.line($0.name, limit: 64),
                value: shown($0.value, limit: 200))
        }
    }
}
