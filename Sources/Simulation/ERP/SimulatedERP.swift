internal import EventLog
internal import SyncCore
import Synchronization

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
        var arrivals: ERPArrivals
        var arrivalCount = 0
        var lastTimeNs = Int64.min
    }

    package init(_ configuration: ERPConfiguration = ERPConfiguration()) {
        self.configuration = configuration
        state = Mutex(
            State(
                dataset: ERPDataset(
                    seed: configuration.seed, records: configuration.records,
                    idsAreText: configuration.idsAreText),
                limiter: ERPLimiter(
                    configuration.limits, refusedCount: configuration.refusedCount),
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
                    fault: planned.fault))
            return (planned, state.dataset, number)
        }
        return reply(planned, asked, dataset: dataset, number: number, atNs: now)
    }

    /// What an arrival gets, before anything is rendered.
    struct Planned {
        var status: Int
        var fault: ERPFault?
        var waitNs: Int64?
        /// The sentence of an error; nil when the route's own answer is due.
        var message: String?
    }

    private func plan(
        _ asked: ERPRoute, _ request: ERPRequest, number: Int, atNs now: Int64, _ state: inout State
    ) -> Planned {
        if let token = configuration.token, request.header("authorization") != "Bearer \(token)" {
            return Planned(status: 401, message: "credenciais ausentes ou inválidas")
        }
        if case .refused(let waitNs) = state.limiter.admit(at: now) {
            return Planned(
                status: 429, waitNs: waitNs, message: "limite de requisições excedido")
        }
        let fault = configuration.faults.fault(seed: configuration.seed, arrival: number)
        switch fault {
        case .serverError:
            return Planned(status: 500, fault: fault, message: "erro interno")
        case .unavailable:
            return Planned(status: 503, fault: fault, message: "serviço indisponível")
        case .html, .dropped, .truncated, .stalled, nil:
            break
        }
        var planned = Planned(status: 200, fault: fault)
        if case .refused(let status, let message) = asked.action {
            planned.status = status
            planned.message = message
        }
        if case .details(let ids) = asked.target {
            if ids.contains(where: configuration.faults.poisonIDs.contains) {
                planned.status = 500
                planned.message = "erro interno ao montar a ordem de serviço"
            } else if case .record(let id) = asked.action, !hasDetail(id, state.dataset) {
                planned.status = 404
                planned.message = "ordem de serviço não encontrada"
            }
        }
        return planned
    }

    private func hasDetail(_ id: Int64, _ dataset: ERPDataset) -> Bool {
        dataset.contains(id) && !configuration.faults.missingIDs.contains(id)
    }

    private func reply(
        _ planned: Planned, _ asked: ERPRoute, dataset: ERPDataset, number: Int, atNs now: Int64
    ) -> ERPReply {
        var headers = [
            ERPRequest.Field("Content-Type", "application/json; charset=utf-8"),
            ERPRequest.Field("Date", date(atNs: now)),
        ]
        var body: [UInt8]
        if let message = planned.message {
            body = Self.errorBody(planned.status, message)
        } else if planned.fault == .html {
            headers[0] = ERPRequest.Field("Content-Type", "text/html; charset=utf-8")
            body = Array("<!DOCTYPE html><html><body><h1>Manutenção</h1></body></html>\n".utf8)
        } else {
            body = render(asked.action, dataset)
        }
        if let waitNs = planned.waitNs, let value = retryAfter(waitNs, atNs: now) {
            headers.append(ERPRequest.Field("Retry-After", value))
        } else if planned.fault == .unavailable,
            let seconds = configuration.faults.unavailableRetryAfterSeconds
        {
            headers.append(ERPRequest.Field("Retry-After", "\(seconds)"))
        }
        var delivery = ERPReply.Delivery.complete
        if planned.fault == .dropped {
            delivery = .dropped
            body = []
        } else if planned.fault == .truncated {
            delivery = .truncated(afterBytes: body.count / 2)
        }
        let share = SeededGenerator.unit(configuration.seed, UInt64(number), 0x1A7E)
        let latency = configuration.latency
        return ERPReply(
            status: planned.status, headers: headers, body: body,
            delayNs: latency.baseNs + Int64(Double(latency.jitterNs) * share)
                + (planned.fault == .stalled ? configuration.faults.stallNs : 0),
            delivery: delivery)
    }

    /// Never less than the wait: both forms are rounded up to whole seconds.
    private func retryAfter(_ waitNs: Int64, atNs now: Int64) -> String? {
        switch configuration.retryAfter {
        case .none: nil
        case .seconds: "\(max(1, (waitNs + 999_999_999) / 1_000_000_000))"
        case .httpDate: date(atNs: now + max(1_000_000_000, waitNs + 999_999_999))
        }
    }

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

    /// What list and detail would answer for this identity, whatever faults say; nil when it
    /// isn't live. `expenseCents` is the sum of the amounts in hundredths.
    package func expected(
        _ id: Int64
    ) -> (header: [UInt8], detail: [UInt8], version: UInt32, expenseCents: Int64)? {
        let dataset = state.withLock { $0.dataset }
        guard dataset.contains(id) else { return nil }
        let order = dataset.order(id)
        var header = JSONWriter()
        order.writeHeader(to: &header, idIsText: dataset.idsAreText)
        var detail = JSONWriter()
        order.writeDetail(to: &detail, seed: dataset.seed, idIsText: dataset.idsAreText)
        return (header.bytes, detail.bytes, order.version, order.expenseCents)
    }
}
