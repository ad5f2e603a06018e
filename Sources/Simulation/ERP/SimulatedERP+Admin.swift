internal import EventLog

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
            return ok { json in
                json.member("appended", ids.count)
                json.member("first", ids.first)
            }
        case ("POST", "/admin/touch"):
            guard let id, touch(id) else { return refusal(404, "no such order") }
            return record(id)
        case ("POST", "/admin/delete"):
            guard let id, delete(id) else { return refusal(404, "no such order") }
            return ok { $0.member("deleted", id) }
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
        return ok { json in
            json.member("id", id)
            json.member("version", expected.version)
            json.member("expense_total", hundredths: expected.expenseCents)
            json.name("header")
            json.literal(expected.header)
            json.name("detail")
            json.literal(expected.detail)
        }
    }

    private func arrivalsReport(windowSeconds: Double?) -> ERPReply {
        let arrivals = arrivals
        return ok { json in
            json.member("total", arrivals.entries.count)
            json.member("forgotten", arrivals.forgotten)
            writeCounts(to: &json, arrivals)
            json.array("limits") { json in
                for limit in configuration.limits {
                    json.object { json in
                        json.member("requests", limit.requests)
                        json.member("kind", limit.kind.name)
                        writeWindow(to: &json, arrivals, seconds: limit.seconds)
                    }
                }
            }
            json.name("window")
            if let windowSeconds, windowSeconds > 0, windowSeconds < 1e9 {
                json.object { writeWindow(to: &$0, arrivals, seconds: windowSeconds) }
            } else {
                json.null()
            }
        }
    }

    private func writeCounts(to json: inout JSONWriter, _ arrivals: ERPArrivals) {
        json.object("endpoints") { json in
            for endpoint in ERPArrival.Endpoint.allCases {
                json.member(endpoint.rawValue, arrivals.count(endpoint))
            }
        }
        json.object("statuses") { json in
            for status in Set(arrivals.entries.map(\.status)).sorted() {
                json.member("\(status)", arrivals.count(status: status))
            }
        }
        let asked = arrivals.detailRequestsByID()
        json.object("details") { json in
            json.member("ids", asked.count)
            json.member("mostRequestsOfOneID", asked.values.max() ?? 0)
        }
    }

    private func writeWindow(to json: inout JSONWriter, _ arrivals: ERPArrivals, seconds: Double) {
        let windowNs = Int64((seconds * 1e9).rounded())
        json.name("seconds")
        json.literal("\(seconds)".utf8)
        json.member("maximumArrivals", arrivals.maximumArrivals(inWindowNs: windowNs))
        json.member(
            "maximumAccepted",
            arrivals.maximumArrivals(inWindowNs: windowNs) { $0.status != 429 })
    }

    private func ok(_ members: (inout JSONWriter) -> Void) -> ERPReply {
        var json = JSONWriter()
        json.object(members)
        return admin(200, json.bytes)
    }

    private func refusal(_ status: Int, _ message: String) -> ERPReply {
        admin(status, Self.errorBody(status, message))
    }

    private func admin(_ status: Int, _ body: [UInt8]) -> ERPReply {
        ERPReply(
            status: status, headers: [ERPRequest.Field("Content-Type", "application/json")],
            body: body, delayNs: 0, delivery: .complete)
    }
}
