import RESTSource

extension ConfigurationChecks {
    private static let timeouts: ClosedRange<Int64> = 1_000...300_000

    mutating func checkAlerts() {
        guard let alerts = root["alerts"] else { return }
        let channels = alerts["channels"]?.fields ?? []
        if channels.isEmpty, let rules = alerts["rules"],
            let written = rules.fields.first(where: { $0.value.origin != .builtIn })
        {
            report(
                written.value, "alerts.rules has nobody to tell",
                hint: "add a channel to alerts.channels")
        }
        for key in ["rules.parkedFor", "rules.noSuccessFor", "remindEvery"] {
            guard let value = alerts[key], let span = value.text.flatMap({ TimeSpan($0) }),
                span.ms > ConfigurationKeys.maxMs
            else { continue }
            report(value, "alerts.\(key) is more than 31d")
        }
        for channel in channels { checkChannel(channel.value, "alerts.channels.\(channel.name)") }
        if let ping = alerts["ping"], !ping.isNull {
            checkAddress(ping, "url", "alerts.ping")
            checkAddress(ping, "failURL", "alerts.ping")
            checkTimeout(ping, "alerts.ping")
        }
    }

    private mutating func checkChannel(_ channel: ConfigurationValue, _ path: String) {
        let ways = ["command", "webhook", "file"]
        let isInvalid = ways.contains { channel[$0]?.isInvalid ?? true }
        let given = ways.filter { way in
            guard let value = channel[way], !value.isNull else { return false }
            return way != "command" || !value.items.isEmpty
        }
        if !isInvalid, given.count != 1 {
            report(
                channel,
                given.isEmpty
                    ? "\(path) needs command, webhook or file"
                    : "\(path) has \(given.joined(separator: " and "))",
                hint: given.isEmpty ? nil : "keep one; a second channel can have the other")
        }
        if let program = channel["command"]?.items.first, program.text?.isEmpty == true {
            report(program, "\(path).command[0] is empty: it names the program")
        }
        if let webhook = channel["webhook"], !webhook.isNull {
            checkAddress(webhook, "url", "\(path).webhook")
        }
        checkTimeout(channel, path)
    }

    private mutating func checkTimeout(_ value: ConfigurationValue, _ path: String) {
        guard let timeout = value["timeout"], let span = timeout.text.flatMap({ TimeSpan($0) }),
            !Self.timeouts.contains(span.ms)
        else { return }
        report(timeout, "\(path).timeout must be from 1s to 5m")
    }

    /// Only text can be judged here: a secret is read when it is needed.
    private mutating func checkAddress(
        _ value: ConfigurationValue, _ key: String, _ path: String
    ) {
        guard let address = value[key], let text = address.text,
            let reason = HTTPCall.refusal(
                of: text, allowPlainHTTP: value["allowPlainHTTP"]?.flag ?? false)
        else { return }
        report(address, "\(path).\(key) \(reason)")
    }
}
