internal import EventLog
internal import Locks
internal import SyncCore

/// An ERP with a paged list of service orders, a detail call, limits and faults.
///
/// It has no clock and no chance of its own: the caller gives each arrival's time, and everything
/// else follows from the configuration and the number of the arrival. Safe to call from any
/// thread; answers are rendered outside the lock.
///
/// The endpoints, all GET, all JSON:
/// - `/api/os?page=&per_page=` or `?offset=&limit=`, either with `id_gt=`: ascending identities,
///   `{"data":[...],"total":N,"page":P,"per_page":S}`;
/// - `/api/os/details?ids=1,2,3`: `{"data":[...]}` in the order asked;
/// - `/api/os/{id}`: the record;
/// - `/api/health`: `{"status":"ok"}`.
///
/// `/admin/...` (see `SimulatedERP+Admin.swift`) is for tests and people: no token, no limits, no
/// faults, not recorded.
package final class SimulatedERP: Sendable {
    package let configuration: ERPConfiguration
    let state: Mutex<State>

    struct State: Sendable {
        var dataset: ERPDataset
        var limiter: ERPLimiter
        /// The same without one of the things for which requests are refused.
        var easier: [ERPArrival.Hindrance: ERPLimiter]
        var arrivals: ERPArrivals
        var arrivalCount = 0
        var lastTimeNs = Int64.min
        /// How many bursts of the second client have come.
        var bursts: Int64 = 0
    }

    package init(_ configuration: ERPConfiguration = ERPConfiguration()) {
        self.configuration = configuration
        state = Mutex(
            State(
                dataset: ERPDataset(
                    seed: configuration.seed, records: configuration.records,
                    identities: configuration.identities),
                limiter: ERPLimiter(
                    configuration.limits, refusedCount: configuration.refusedCount),
                easier: Self.easierLimiters(configuration),
                arrivals: ERPArrivals(capacity: configuration.recordedArrivals)))
    }

    /// Answers one request that arrived at `now`, in nanoseconds of any clock that never goes back.
    package func handle(_ request: ERPRequest, atNs now: Int64) -> ERPReply {
        if request.path.hasPrefix("/admin/") { return handleAdmin(request) }
        let asked = ERPRoute(request, configuration: configuration)
        let (planned, dataset, number) = state.withLock { state -> (Planned, ERPDataset, Int) in
            // Two threads may read the clock in one order and get here in the other.
            let now = max(now, state.lastTimeNs)
            state.lastTimeNs = now
            state.arrivalCount += 1
            let number = state.arrivalCount
            let planned = plan(asked, request, number: number, atNs: now, &state)
            state.arrivals.record(
                ERPArrival(
                    number: number, timeNs: now, endpoint: asked.endpoint, target: asked.target,
                    status: planned.fault == .dropped ? 0 : planned.status,
                    fault: planned.fault, isPoison: planned.isPoison,
                    retryAfter: planned.retryAfter, refusedFor: planned.refusedFor,
                    updated: planned.updated))
            return (planned, state.dataset, number)
        }
        let echo = configuration.echoesToken ? request.header("authorization") : nil
        return reply(planned, asked, dataset: dataset, number: number, echo: echo, atNs: now)
    }

    private func reply(
        _ planned: Planned, _ asked: ERPRoute, dataset: ERPDataset, number: Int, echo: String?,
        atNs now: Int64
    ) -> ERPReply {
        let fault = planned.fault
        let isHTML = fault == .html || fault == .badGateway
        let type = isHTML ? "text/html; charset=utf-8" : "application/json; charset=utf-8"
        var headers = [ERPRequest.Field("Content-Type", type)]
        if configuration.sendsDate { headers.append(ERPRequest.Field("Date", date(atNs: now))) }
        if let echo { headers.append(ERPRequest.Field("X-Request-Id", "\(number) \(echo)")) }
        if let form = planned.retryAfter,
            let value = retryAfter(form, planned.waitNs, number: number, atNs: now)
        {
            headers.append(ERPRequest.Field("Retry-After", value))
        }
        let plain =
            if let message = planned.message {
                fault == .dropped
                    ? [] : Self.errorBody(planned.status, message + (echo.map { " [\($0)]" } ?? ""))
            } else {
                Self.spoiled(fault, number: number) {
                    render(asked.action, dataset, fault, number: number, echo: echo)
                }
            }
        let body = echo.map { spelled($0, in: plain, number: number) } ?? plain
        let delivery: ERPReply.Delivery =
            switch fault {
            case .dropped: .dropped
            case .truncated: .truncated(afterBytes: body.count / 2)
            case .stalledBody: .stalled(afterBytes: body.count / 2)
            default: .complete
            }
        let share = SeededGenerator.unit(configuration.seed, UInt64(number), 0x1A7E)
        let latency = configuration.latency
        return ERPReply(
            status: planned.status, headers: headers, body: body,
            delayNs: latency.baseNs + Int64(Double(latency.jitterNs) * share)
                + (fault == .stalled ? configuration.faults.stallNs : 0),
            delivery: delivery)
    }

    /// A body in which an echoed header's credential is spelled as another writer would do it.
    private func spelled(_ echo: String, in body: [UInt8], number: Int) -> [UInt8] {
        guard configuration.spellsTokens, let token = echo.split(separator: " ").last else {
            return body
        }
        let spellings = TokenSpelling.allCases
        return spellings[number % spellings.count].spell(String(token), in: body)
    }

    /// The value of a Retry-After; those that are right are never less than the wait.
    private func retryAfter(
        _ form: ERPConfiguration.RetryAfterForm, _ waitNs: Int64, number: Int, atNs now: Int64
    ) -> String? {
        switch form {
        case .none: nil
        case .seconds: "\(max(1, (waitNs + 999_999_999) / 1_000_000_000))"
        case .httpDate: date(atNs: now + max(1_000_000_000, waitNs + 999_999_999))
        case .zero: "0"
        case .negative: "-\(1 + number % 100)"
        case .pastDate: date(atNs: now - Int64(1 + number % 100_000) * 1_000_000_000)
        case .garbage: Self.garbage[number % Self.garbage.count]
        case .huge: "\(Self.hugeWaitSeconds)"
        case .hugeDate: date(atNs: now + Self.hugeWaitSeconds * 1_000_000_000)
        }
    }

    private static let hugeWaitSeconds: Int64 = 30 * 86_400
    private static let garbage = [
        "soon", "12 minutes", "1.5", "1e3", "60s", "0x3C", "Sun, 06 Nov 1994", "\u{663}\u{660}",
        ",",
    ]

    private func date(atNs now: Int64) -> String {
        CivilTime(seconds: (now + configuration.wallOffsetNs) / 1_000_000_000).httpDate
    }

    static func errorBody(_ status: Int, _ message: String) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.object("error") { json in
                json.member("status", status)
                json.member("message", message)
            }
        }
        return json.bytes
    }
}

/// Looking at it and changing its data, for tests and for people.
extension SimulatedERP {
    /// A copy of the arrivals that are remembered.
    package var arrivals: ERPArrivals { state.withLock { $0.arrivals } }

    /// Forgets the arrivals so far; limits and faults go on as if nothing had happened.
    package func forgetArrivals() { state.withLock { $0.arrivals.removeAll() } }

    /// Adds orders with the identities that come next, and returns these.
    @discardableResult
    package func append(_ count: Int) -> [Int64] { state.withLock { $0.dataset.append(count) } }

    /// Changes a live order: its version, `updated_at`, status, and perhaps its expenses.
    @discardableResult
    package func touch(_ id: Int64) -> Bool { state.withLock { $0.dataset.touch(id) } }

    /// Removes a live order from list and details.
    @discardableResult
    package func delete(_ id: Int64) -> Bool { state.withLock { $0.dataset.delete(id) } }

    /// The identities of all live orders, ascending.
    package var ids: [Int64] {
        let dataset = state.withLock { $0.dataset }
        return dataset.ids(above: 0, offset: 0, limit: dataset.count(above: 0))
    }

    /// The token that is needed at this time, if one is.
    package var token: String? {
        let count = state.withLock { $0.arrivalCount }
        // The next arrival's: whoever asks now wants to be let in then.
        return token(atArrival: count + 1)
    }

    func token(atArrival number: Int) -> String? {
        guard let token = configuration.token else { return nil }
        let changes = configuration.tokenChanges.count { $0 <= number }
        return changes == 0 ? token : "\(token)-\(changes)"
    }

    /// What list and detail would answer for this identity, whatever faults say, with what a client
    /// must make of echoed credentials; nil when it isn't live. `expenseCents` is the sum of the
    /// amounts in hundredths.
    ///
    /// - Parameter version: one that it has had; nil for the one that it has.
    package func expected(
        _ id: Int64, version: UInt32? = nil
    ) -> (header: [UInt8], detail: [UInt8], version: UInt32, expenseCents: Int64)? {
        let dataset = state.withLock { $0.dataset }
        guard dataset.contains(id) else { return nil }
        let order = dataset.order(id, version: version ?? dataset.version(id))
        var header = JSONWriter()
        let echo = configuration.echoesToken && configuration.token != nil ? "Bearer ***" : nil
        order.writeHeader(
            to: &header, id: dataset.identities.literal(id, inDetail: false), openedBy: echo)
        var detail = JSONWriter()
        order.writeDetail(
            to: &detail, seed: dataset.seed, id: dataset.identities.literal(id, inDetail: true),
            openedBy: echo)
        return (header.bytes, detail.bytes, order.version, order.expenseCents)
    }

    /// The number of times that an order was changed.
    package func version(_ id: Int64) -> UInt32 { state.withLock { $0.dataset.version(id) } }
}
