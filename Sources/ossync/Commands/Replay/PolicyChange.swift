import SyncCore

/// Settings of the configuration as a what-if changes them: `rateLimits.requestsPerMinute=40`.
struct PolicyChange {
    /// One setting; those below `streams` are of one stream, or of each when none is named.
    private struct Setting {
        let text: String
        let stream: String?
        let change: (inout Policy) throws -> Void
    }

    private let settings: [Setting]

    /// - Throws: exit 2 for what is no such setting, or no value of it.
    init(_ texts: [String]) throws { settings = try texts.map(Self.setting) }

    /// The settings as they were given.
    var texts: [String] { settings.map(\.text) }

    /// The streams that are named, each once.
    var streams: [String] {
        settings.compactMap(\.stream).reduce(into: []) { known, name in
            if !known.contains(name) { known.append(name) }
        }
    }

    /// - Throws: exit 2 for a setting of a stream that isn't there.
    func check(_ control: ControlState) throws {
        for setting in settings {
            guard let name = setting.stream, control.stream(named: name) == nil else { continue }
            let known = control.streams.map(\.name).joined(separator: ", ")
            throw CommandFailure(
                ExitCode.usage, "--set \(setting.text): there is no stream \(name) in this store",
                hint: "known: \(known)")
        }
    }

    /// - Parameter stream: the name of the one that the policy is of.
    func applied(to policy: Policy, of stream: String) throws -> Policy {
        var policy = policy
        for setting in settings where setting.stream == nil || setting.stream == stream {
            try setting.change(&policy)
        }
        return policy
    }

    static let keys = [
        "rateLimits.requestsPerMinute", "rateLimits.requestsPerHour", "rateLimits.windows.NAME",
        "rateLimits.cooldownMs", "rateLimits.backoffMultiplier", "detail.batch.size",
        "detail.concurrency", "retry.attempts", "retry.baseMs", "retry.multiplier", "retry.maxMs",
    ]

    private static let streamPrefix = "streams."

    private static func setting(_ text: String) throws -> Setting {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw failure(text, "write KEY=VALUE") }
        guard parts[0].hasPrefix(streamPrefix) else {
            return Setting(text: text, stream: nil, change: try change(parts[0], parts[1], text))
        }
        // As the configuration has it.
        let path = parts[0].dropFirst(streamPrefix.count).split(separator: ".", maxSplits: 1)
        guard path.count == 2, path[1].hasPrefix("detail.") || path[1].hasPrefix("retry.") else {
            throw failure(text, "a stream has no such setting")
        }
        return Setting(
            text: text, stream: String(path[0]),
            change: try change(String(path[1]), parts[1], text))
    }

    private static func change(
        _ key: String, _ value: String, _ text: String
    ) throws -> (inout Policy) throws -> Void {
        switch key {
        case "rateLimits.requestsPerMinute": return try window("minute", 60, value, text)
        case "rateLimits.requestsPerHour": return try window("hour", 3_600, value, text)
        case "rateLimits.cooldownMs":
            let ms = try whole(value, "cooldownMs", ConfigurationKeys.rateLimits, text)
            return { $0.limits.cooldownMs = ms }
        case "rateLimits.backoffMultiplier":
            let factor = try factor(
                value, "backoffMultiplier", ConfigurationKeys.rateLimits, text)
            return { $0.limits.backoffMultiplier = factor }
        case "detail.batch.size":
            let size = try whole(value, "size", ConfigurationKeys.batch, text)
            return { $0.detail?.batch = Int(size) }
        case "detail.concurrency":
            let count = try whole(value, "concurrency", ConfigurationKeys.detail, text)
            return { $0.detail?.concurrency = Int(count) }
        case "retry.attempts":
            let count = try whole(value, "attempts", ConfigurationKeys.retry, text)
            return { $0.retry.attempts = Int(count) }
        case "retry.baseMs":
            let ms = try whole(value, "baseMs", ConfigurationKeys.retry, text)
            return { $0.retry.baseMs = ms }
        case "retry.multiplier":
            let factor = try factor(value, "multiplier", ConfigurationKeys.retry, text)
            return { $0.retry.multiplier = factor }
        case "retry.maxMs":
            let ms = try whole(value, "maxMs", ConfigurationKeys.retry, text)
            return { $0.retry.maxMs = ms }
        default:
            let prefix = "rateLimits.windows."
            guard key.hasPrefix(prefix) else { throw failure(text, "there is no such setting") }
            return try window(String(key.dropFirst(prefix.count)), nil, value, text)
        }
    }

    /// - Parameter seconds: of a window that may be added; nil where one that is there changes
    ///   only.
    private static func window(
        _ name: String, _ seconds: Int64?, _ value: String, _ text: String
    ) throws -> (inout Policy) throws -> Void {
        let requests =
            value == "null"
            ? nil : try Int(whole(value, "requests", ConfigurationKeys.window, text))
        return { policy in
            let index = policy.limits.windows.firstIndex { $0.name == name }
            let period = index.map { policy.limits.windows[$0].periodNs }
            guard let periodNs = period ?? seconds.map({ $0 * .nsPerSecond }) else {
                throw failure(text, "the run had no window \(name)")
            }
            let window = requests.map {
                RateWindow(name: name, requests: $0, periodNs: periodNs)
            }
            if let index { policy.limits.windows.remove(at: index) }
            if let window { policy.limits.windows.insert(window, at: index ?? 0) }
        }
    }

    /// - Parameters:
    ///   - key: one of `keys`, whose values it takes.
    private static func whole(
        _ value: String, _ key: String, _ keys: [ConfigurationKey], _ text: String
    ) throws -> Int64 {
        guard case .whole(let range, _)? = keys.first(where: { $0.name == key })?.shape else {
            throw failure(text, "there is no such setting")
        }
        guard let number = Int(value), range.contains(number) else {
            throw failure(
                text,
                "the value must be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return Int64(number)
    }

    private static func factor(
        _ value: String, _ key: String, _ keys: [ConfigurationKey], _ text: String
    ) throws -> Double {
        guard case .number(let range)? = keys.first(where: { $0.name == key })?.shape else {
            throw failure(text, "there is no such setting")
        }
        guard let number = Double(value), range.contains(number) else {
            throw failure(
                text,
                "the value must be a number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }

    private static func failure(_ text: String, _ reason: String) -> CommandFailure {
        CommandFailure(
            ExitCode.usage, "--set \(text): \(reason)",
            hint: "settings: \(keys.joined(separator: ", "))")
    }
}
