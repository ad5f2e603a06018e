internal import SyncCore

extension Exchange {
    func write(to json: inout JSONWriter) {
        json.object("exchange") { json in
            json.member("status", status)
            json.member("latencyUs", latencyUs)
            json.member("bodyBytes", bodyBytes)
            json.array("headers") { list in
                for header in headers {
                    list.object { json in
                        json.member("name", header.name)
                        json.member("value", header.value)
                    }
                }
            }
        }
    }
}

extension RequestIntended {
    func write(to json: inout JSONWriter) {
        json.member("endpoint", endpoint.name)
        switch target {
        case .list(let cursor, let filter):
            json.member("cursor", cursor?.display)
            json.object("filter") { filter.write(to: &$0) }
        case .detail(let asked):
            json.array("records") { list in
                for record in asked {
                    list.object { json in
                        json.member("ordinal", record.ordinal.rawValue)
                        json.member("id", record.id.text)
                    }
                }
            }
        case .health: break
        }
        json.array("charges") { list in
            for charge in charges {
                list.object { json in
                    json.member("budget", charge.budget)
                    json.member("weight", charge.weight)
                }
            }
        }
        json.member("alone", isAlone)
        json.member("due", due)
    }
}

extension LimitLearned {
    func write(to json: inout JSONWriter) {
        json.member("kind", kind.name)
        json.member("window", window)
        json.member("periodSeconds", Double(periodNs) / 1e9)
        json.member("requests", requests)
        json.member("ceiling", ceiling)
        json.member("confirmations", confirmations)
    }
}

extension LimitLearned.Kind {
    var name: String {
        switch self {
        case .refused: "refused"
        case .admitted: "admitted"
        case .suspected: "suspected"
        }
    }
}

extension RateLimited {
    func write(to json: inout JSONWriter) {
        json.member("intent", intent.rawValue)
        exchange.write(to: &json)
        json.member("waitMs", waitMs)
        json.member("signal", signal)
    }
}

extension RequestFailed {
    func write(to json: inout JSONWriter) {
        json.member("intent", intent.rawValue)
        exchange.write(to: &json)
        json.member("failure", answer.failure.name)
        json.member("code", answer.code)
        json.member("text", answer.text)
        json.member("waitMs", answer.waitMs)
        json.member("arrivalUnknown", answer.arrivalUnknown)
    }
}

extension BackoffApplied {
    func write(to json: inout JSONWriter) {
        json.member("kind", kind.name)
        json.member("until", until)
        json.member("waitMs", waitMs)
        json.member("step", step)
    }
}

extension BackoffApplied.Kind {
    var name: String {
        switch self {
        case .cooldown: "cooldown"
        case .failure: "failure"
        }
    }
}

extension DetailsRequeued {
    func write(to json: inout JSONWriter) {
        json.member("intent", intent.rawValue)
        json.member("kind", kind.name)
        json.array("parts") { list in
            for part in parts {
                list.array { list in
                    for item in part { item.write(to: &list) }
                }
            }
        }
        json.member("due", due)
        json.name("error")
        if let error { json.object { error.write(to: &$0) } } else { json.null() }
    }
}

extension DetailsRequeued.Kind {
    var name: String {
        switch self {
        case .returned: "returned"
        case .whole: "whole"
        case .split: "split"
        case .alone: "alone"
        case .attempt: "attempt"
        case .postponed: "postponed"
        }
    }
}

extension RecordParked {
    func write(to json: inout JSONWriter) {
        json.name("record")
        record.write(to: &json)
        json.member("intent", intent.rawValue)
        json.member("attempts", attempts)
        json.object("error") { error.write(to: &$0) }
    }
}

extension QueuedRecord {
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("ordinal", ordinal.rawValue)
            json.member("id", id.text)
            json.member("was", was.name)
        }
    }
}

extension RecordError {
    func write(to json: inout JSONWriter) {
        json.member("code", code)
        json.member("text", text)
    }
}
