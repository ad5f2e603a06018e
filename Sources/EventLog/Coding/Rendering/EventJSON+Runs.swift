internal import SyncCore

extension ClockAnchored {
    func write(to json: inout JSONWriter) {
        json.member("bootId", bootID)
        json.member("bootNs", bootNs)
        json.member("wall", wall)
        json.member("isEngineStart", isEngineStart)
        json.member("isRestored", isRestored)
    }
}

extension Requester {
    func write(to json: inout JSONWriter) {
        json.member("pid", pid)
        json.member("host", host)
        json.member("user", user)
        if let request { json.member("request", hexadecimal(request)) }
    }
}

extension RunRequested {
    func write(to json: inout JSONWriter) {
        json.member("mode", mode.name)
        json.object("options") { options.write(to: &$0) }
        json.object("policy") { policy.write(to: &$0) }
        // A reader that takes numbers for doubles would lose its low bits.
        json.member("seed", hexadecimal(seed))
        json.member("deciderVersion", deciderVersion)
        json.object("requester") { requester.write(to: &$0) }
        json.member("schedule", schedule)
    }
}

extension RunOptions {
    func write(to json: inout JSONWriter) {
        json.member("noDetails", noDetails)
        json.member("maxRecords", maxRecords)
        json.member("maxDurationMs", maxDurationMs)
        json.member("patienceMs", patienceMs)
        json.member("abandon", abandon)
        json.member("forgetLimits", forgetLimits)
    }
}

extension Policy {
    func write(to json: inout JSONWriter) {
        json.object("limits") { limits.write(to: &$0) }
        json.member("paging", paging.name)
        json.member("pageSize", pageSize)
        json.member("order", order.name)
        json.member("incremental", incremental.name)
        json.member("idOrder", idOrder?.name)
        json.name("detail")
        if let detail {
            json.object { json in
                json.member("batch", detail.batch)
                json.member("concurrency", detail.concurrency)
            }
        } else {
            json.null()
        }
        json.object("retry") { json in
            json.member("attempts", retry.attempts)
            json.member("baseMs", retry.baseMs)
            json.member("multiplier", retry.multiplier)
            json.member("maxMs", retry.maxMs)
        }
        json.array("pinned") { list in
            for item in pinned { item.write(to: &list) }
        }
    }
}

extension LimitPolicy {
    func write(to json: inout JSONWriter) {
        json.array("windows") { list in
            for window in windows {
                list.object { json in
                    json.member("name", window.name)
                    json.member("requests", window.requests)
                    json.member("periodNs", window.periodNs)
                }
            }
        }
        json.member("cooldownMs", cooldownMs)
        json.member("backoffMultiplier", backoffMultiplier)
        json.member("deliveryBoundMs", deliveryBoundMs)
    }
}

extension PagingKind {
    var name: String {
        switch self {
        case .page: "page"
        case .offset: "offset"
        case .idAfter: "idAfter"
        }
    }
}

extension ListOrder {
    var name: String {
        switch self {
        case .ascending: "ascending"
        case .descending: "descending"
        case .unknown: "unknown"
        }
    }
}

extension IncrementalKind {
    var name: String {
        switch self {
        case .idAfter: "idAfter"
        case .none: "none"
        }
    }
}

extension RunStopping {
    func write(to json: inout JSONWriter) {
        json.member("reason", reason.name)
        json.member("text", text)
        json.member("resumeAt", resumeAt)
        json.member("due", due)
    }
}

extension RunCompleted {
    func write(to json: inout JSONWriter) {
        json.member("outcome", outcome.name)
        json.member("reason", reason?.name)
        json.member("text", text)
        json.member("resumeAt", resumeAt)
        json.object("counters") { counters.write(to: &$0) }
        json.member("durationNs", durationNs)
        json.member("floorNs", floorNs)
    }
}

extension RunCounters {
    func write(to json: inout JSONWriter) {
        json.member("listRequests", listRequests)
        json.member("detailRequests", detailRequests)
        json.member("otherRequests", otherRequests)
        json.member("seen", seen)
        json.member("new", new)
        json.member("changed", changed)
        json.member("unchanged", unchanged)
        json.member("detailed", detailed)
        json.member("failed", failed)
        json.member("deleted", deleted)
        json.member("rateLimited", rateLimited)
    }
}
