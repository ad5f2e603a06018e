import SyncCore

/// Settings of the configuration as a what-if changes them: `rateLimits.requestsPerMinute=40`.
struct PolicyChange {
    /// The settings as they were given.
    let texts: [String]
    private let changes: [(inout Policy) throws -> Void]

    /// - Throws: exit 2 for what is no such setting, or no value of it.
    init(_ texts: [String]) throws {
        self.texts = texts
        changes = try texts.map(Self.change)
    }

    func applied(to policy: Policy) throws -> Policy {
        var policy = policy
        for change in changes { try change(&policy) }
        return policy
    }

    static let keys = [
        "rateLimits.requestsPerMinute", "rateLimits.requestsPerHour", "rateLimits.windows.NAME",
        "rateLimits.cooldownMs", "rateLimits.backoffMultiplier", "detail.batch.size",
        "detail.concurrency", "retry.attempts", "retry.baseMs", "retry.multiplier", "retry.maxMs",
    ]

    private static func change(_ text: String) throws -> (inout Policy) throws -> Void {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw failure(text, "write KEY=VALUE") }
        let value = parts[1]
        // As the configuration has it, with the stream's name before it.
        var key = parts[0]
        if key.hasPrefix("streams.") {
            key = key.split(separator: ".").dropFirst(2).joined(separator: ".")
        }
        switch key {
        case "rateLimits.requestsPerMinute": return try window("minute", 60, value, text)
        case "rateLimits.requestsPerHour": return try window("hour", 3_600, value, text)
        case "rateLimits.cooldownMs":
            let ms = try whole(value, 0...86_400_000, text)
            return { $0.limits.cooldownMs = ms }
        case "rateLimits.backoffMultiplier":
            let factor = try factor(value, text)
            return { $0.limits.backoffMultiplier = factor }
        case "detail.batch.size":
            let size = try whole(value, 1...10_000, text)
            return { $0.detail?.batch = Int(size) }
        case "detail.concurrency":
            let count = try whole(value, 1...64, text)
            return { $0.detail?.concurrency = Int(count) }
        case "retry.attempts":
            let count = try whole(value, 1...1_000, text)
            return { $0.retry.attempts = Int(count) }
        case "retry.baseMs":
            let ms = try whole(value, 0...86_400_000, text)
            return { $0.retry.baseMs = ms }
        case "retry.multiplier":
            let factor = try factor(value, text)
            return { $0.retry.multiplier = factor }
        case "retry.maxMs":
            let ms = try whole(value, 0...86_400_000, text)
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
        let requests = value == "null" ? nil : try Int(whole(value, 1...1_000_000_000, text))
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

    private static func whole(
        _ value: String, _ range: ClosedRange<Int64>, _ text: String
    ) throws -> Int64 {
        guard let number = Int64(value), range.contains(number) else {
            throw failure(
                text,
                "the value must be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }

    private static func factor(_ value: String, _ text: String) throws -> Double {
        guard let number = Double(value), (1...1_000).contains(number) else {
            throw failure(text, "the value must be a number from 1 to 1000")
        }
        return number
    }

    private static func failure(_ text: String, _ reason: String) -> CommandFailure {
        CommandFailure(
            ExitCode.usage, "--set \(text): \(reason)",
            hint: "settings: \(keys.joined(separator: ", "))")
    }
}
