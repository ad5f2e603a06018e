internal import SyncCore

extension AlertsEvaluated {
    func write(to json: inout JSONWriter) {
        json.object("rules") { rules.write(to: &$0) }
        json.member("expenses", expenses)
        json.member("movedPpm", movedPpm)
    }
}

extension AlertRules {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("failed", failed)
        json.member("partial", partial)
        json.member("parkedMs", parkedMs)
        json.member("noSuccessMs", noSuccessMs)
        json.member("rateLimitedPpm", rateLimitedPpm)
        json.member("expensesMovedPpm", expensesMovedPpm)
        json.member("remindMs", remindMs)
        json.array("channels") { list in
            for channel in channels {
                list.object { json in
                    json.member("name", channel.name)
                    json.array("on") { names in
                        for rule in channel.rules { names.string(rule.name) }
                    }
                    json.member("recovery", channel.tellsRecovery)
                }
            }
        }
    }
}

extension AlertRaised {
    func write(to json: inout JSONWriter) {
        json.member("alert", rule.name)
        json.member("reminder", reminder)
        json.array("channels") { list in for channel in channels { list.string(channel) } }
        json.member("text", text)
    }
}

extension AlertRecovered {
    func write(to json: inout JSONWriter) {
        json.member("alert", rule.name)
        json.member("raised", raised.rawValue)
        json.array("channels") { list in for channel in channels { list.string(channel) } }
        json.member("text", text)
    }
}

extension AlertDelivered {
    func write(to json: inout JSONWriter) {
        json.member("notice", notice.rawValue)
        json.member("channel", channel)
        json.member("delivered", isDelivered)
        json.member("attempts", attempts)
        json.member("text", text)
    }
}
