internal import RESTSource
internal import Records
internal import SyncCore

/// What the plan means for the client and for the server.
extension SimulationPlan {
    /// What every token begins with.
    static var token: String { "simulated/token-0123456789" }

    /// - Parameter token: the one that the client knows.
    func restConfiguration(token: String?) throws(RecordsError) -> RESTConfiguration {
        let paging: RESTConfiguration.Paging =
            switch self.paging {
            case .page: .page(pageParam: "page", sizeParam: "per_page", size: pageSize, first: 1)
            case .offset: .offset(offsetParam: "offset", sizeParam: "limit", size: pageSize)
            case .idAfter: .idAfter(param: "id_gt", sizeParam: "per_page", size: pageSize)
            }
        let data = try JSONPointer("/data")
        let id = try JSONPointer("/id")
        let detail =
            detailsByPath
            ? RESTConfiguration.Detail(
                path: "/os/{id}", records: .root, id: id, allowsSingle: true)
            : RESTConfiguration.Detail(
                path: "/os/details?ids={ids}", batchSize: batch, records: data, id: id)
        return RESTConfiguration(
            api: RESTConfiguration.API(
                baseURL: "http://127.0.0.1/api",
                auth: token.map { .bearer(Secret($0)) } ?? .none),
            list: RESTConfiguration.List(
                path: "/os", paging: paging,
                idAfterParam: incremental == .idAfter ? "id_gt" : nil, records: data, id: id,
                total: reportsTotal ? try JSONPointer("/total") : nil),
            detail: detail, healthPath: healthByPath ? "/health" : nil,
            limits: RESTConfiguration.Limits(
                connectMs: Int(connectTimeoutNs / .nsPerMs), idleMs: Int(idleTimeoutNs / .nsPerMs),
                totalMs: Int(timeoutNs / .nsPerMs)))
    }

    func policy(pinned: [PinnedKey]) -> Policy {
        Policy(
            limits: limits, paging: paging, pageSize: pageSize, order: .ascending,
            incremental: incremental, detail: DetailPolicy(batch: batch, concurrency: concurrency),
            retry: retry, pinned: pinned)
    }

    var erpConfiguration: ERPConfiguration {
        var configuration = ERPConfiguration(seed: seed, records: records)
        configuration.latency = ERPConfiguration.Latency(
            baseNs: answerNs, jitterNs: answerJitterNs)
        configuration.maximumPageSize = serverPageSize
        configuration.reportsTotal = reportsTotal
        configuration.identities = identities
        configuration.token = hasToken ? Self.token : nil
        configuration.echoesToken = hasToken
        configuration.spellsTokens = hasToken
        configuration.tokenChanges = tokenChanges
        configuration.strangerStatus = strangerStatus
        configuration.limits = erpLimits
        if case .stricter(_, let refusedCount) = serverLimits {
            configuration.refusedCount = refusedCount
        }
        configuration.limitChanges = limitChanges
        configuration.secondClient = secondClient
        configuration.retryAfter = retryAfter
        configuration.sendsDate = sendsDate
        configuration.faults = faults
        configuration.wallOffsetNs = startNs - VirtualClock.firstNs + serverSkewNs
        return configuration
    }

    private var erpLimits: [ERPLimit] {
        limits.windows.enumerated().compactMap { index, window in
            let seconds = Double(window.periodNs) / 1e9
            switch serverLimits {
            case .none: return nil
            case .sliding: return ERPLimit(requests: window.requests, seconds: seconds)
            case .fixed(let phases):
                return ERPLimit(
                    requests: window.requests, seconds: seconds,
                    kind: .fixed(phaseNs: phases[index]))
            case .tokenBucket:
                return ERPLimit(requests: window.requests, seconds: seconds, kind: .tokenBucket)
            case .stricter(let share, _):
                return ERPLimit(
                    requests: Int(Double(window.requests) * share), seconds: seconds)
            }
        }
    }

    /// Whether the server admits all that the client may send, so that it never refuses.
    var serverAdmitsAll: Bool {
        if case .stricter = serverLimits { return false }
        return limitChanges.isEmpty && secondClient == nil && faults.refusedArrivals.isEmpty
    }

    /// The number that the server has for a record; nil for one that it can't have.
    func number(of id: RecordID) -> Int64? { identities.number(id.text) }

    /// The identity of the record that the server has under a number.
    func id(_ number: Int64) -> RecordID { RecordID(identities.text(number)) }

    /// The columns of the projection that is checked.
    static func mapping() throws(RecordsError) -> ColumnMapping {
        try ColumnMapping([
            ColumnMapping.Column(
                name: "customer", source: .value(try JSONPointer("/customer/name")), type: .text),
            ColumnMapping.Column(
                name: "status", source: .value(try JSONPointer("/status")), type: .text),
            ColumnMapping.Column(
                name: "expense_total",
                source: .sum(try JSONPointer("/expenses/*/amount", wildcards: true)),
                type: .decimal, origin: .detail),
        ])
    }
}
