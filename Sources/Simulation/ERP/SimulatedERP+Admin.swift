/// What tests and people may ask beside the API:
/// - `POST /admin/append?count=3`, `POST /admin/touch?id=7`, `POST /admin/delete?id=7`;
/// - `GET /admin/arrivals?window=2`: counts per endpoint and status, the most arrivals in any
///   window of each configured limit, and of `window` seconds if that is given;
/// - `POST /admin/arrivals/forget`: counting begins anew, limits don't;
/// - `GET /admin/record?id=7`: header and detail as the API has them at this moment.
extension SimulatedERP {
    func handleAdmin(_ request: ERPRequest) -> ERPReply {
        let id = request.query("id").flatMap { Int64($0) }
        switch (request.method, request.path) {
        case ("POST", "/admin/append"):
            let count = request.query("count").flatMap { Int($0) } ?? 1
            guard (0...10_000_000).contains(count) else { return refusal(400, "count?") }
            let ids = append(count)
            var json = JSONWriter()
            json.raw("{\"appended\":")
            json.integer(ids.count)
            json.raw(",\"first\":")
            if let first = ids.first { json.integer(first) } else { json.raw("null") }
            json.raw("}")
            return ok(json)
        case ("POST", "/admin/touch"):
            guard let id, touch(id) else { return refusal(404, "no such order") }
            return record(id)
        case ("POST", "/admin/delete"):
            guard let id, delete(id) else { return refusal(404, "no such order") }
            var json = JSONWriter()
            json.raw("{\"deleted\":")
            json.integer(id)
            json.raw("}")
            return ok(json)
        case ("GET", "/admin/record"):
            guard let id else { return refusal(400, "id?") }
            return record(id)
        case ("GET", "/admin/arrivals"):
            return arrivalsReport(windowSeconds: request.query("window").flatMap { Double($0) })
        case ("POST", "/admin/arrivals/forget"):
            forgetArrivals()
            return arrivalsReport(windowSeconds: nil)
        default:
            return refusal(404, "no such admin call")
        }
    }

    private func record(_ id: Int64) -> ERPReply {
        guard let expected = expected(id) else { return refusal(404, "no such order") }
        var json = JSONWriter(capacity: 4_096)
        json.raw("{\"id\":")
        json.integer(id)
        json.raw(",\"version\":")
        json.integer(Int64(expected.version))
        json.raw(",\"expense_total\":")
        json.hundredths(expected.expenseCents)
        json.raw(",\"header\":")
        json.raw(expected.header)
        json.raw(",\"detail\":")
        json.raw(expected.detail)
        json.raw("}")
        return ok(json)
    }

    private func arrivalsReport(windowSeconds: Double?) -> ERPReply {
        let arrivals = arrivals
        let asked = arrivals.detailRequestsByID()
        var json = JSONWriter(capacity: 1_024)
        json.raw("{\"total\":")
        json.integer(arrivals.entries.count)
        json.raw(",\"forgotten\":")
        json.integer(arrivals.forgotten)
        json.raw(",\"endpoints\":{")
        for (index, endpoint) in ERPArrival.Endpoint.allCases.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(endpoint.rawValue)
            json.raw(":")
            json.integer(arrivals.count(endpoint))
        }
        json.raw("},\"statuses\":{")
        let statuses = Set(arrivals.entries.map(\.status)).sorted()
        for (index, status) in statuses.enumerated() {
            if index > 0 { json.raw(",") }
            json.string("\(status)")
            json.raw(":")
            json.integer(arrivals.count(status: status))
        }
        json.raw("},\"details\":{\"ids\":")
        json.integer(asked.count)
        json.raw(",\"mostRequestsOfOneID\":")
        json.integer(asked.values.max() ?? 0)
        json.raw("},\"limits\":[")
        for (index, limit) in configuration.limits.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{\"requests\":")
            json.integer(limit.requests)
            json.raw(",\"kind\":")
            json.string(limit.kind == .sliding ? "sliding" : "fixed")
            json.raw(",")
            writeWindow(to: &json, arrivals, seconds: limit.seconds)
            json.raw("}")
        }
        json.raw("],\"window\":")
        if let windowSeconds, windowSeconds > 0, windowSeconds < 1e9 {
            json.raw("{")
            writeWindow(to: &json, arrivals, seconds: windowSeconds)
            json.raw("}")
        } else {
            json.raw("null")
        }
        json.raw("}")
        return ok(json)
    }

    private func writeWindow(to json: inout JSONWriter, _ arrivals: ERPArrivals, seconds: Double) {
        let windowNs = Int64((seconds * 1e9).rounded())
        json.raw("\"seconds\":")
        json.raw(Array("\(seconds)".utf8))
        json.raw(",\"maximumArrivals\":")
        json.integer(arrivals.maximumArrivals(inWindowNs: windowNs))
        json.raw(",\"maximumAccepted\":")
        json.integer(arrivals.maximumArrivals(inWindowNs: windowNs) { $0.status != 429 })
    }

    private func ok(_ json: JSONWriter) -> ERPReply { admin(200, json.bytes) }

    private func refusal(_ status: Int, _ message: String) -> ERPReply {
        admin(status, Self.errorBody(status, message))
    }

    private func admin(_ status: Int, _ body: [UInt8]) -> ERPReply {
        ERPReply(
            status: status, headers: [ERPRequest.Field("Content-Type", "application/json")],
            body: body, delayNs: 0, delivery: .complete)
    }
}
