package import SyncCore

/// A limit that a server's headers state together with its window.
///
/// What is announced without one (`X-RateLimit-Limit: 100`) says nothing that could be compared.
package struct AnnouncedLimit: Sendable, Equatable {
    package let requests: Int
    package let seconds: Int64
    /// The header that says so.
    package let header: String

    package init(requests: Int, seconds: Int64, header: String) {
        self.requests = requests
        self.seconds = seconds
        self.header = header
    }

    /// The limits in the headers of an answer: `RateLimit-Policy` and `RateLimit-Limit` of the
    /// IETF's drafts (`"name";q=100;w=60`, `100;w=60`), and headers with the window in their name
    /// (`X-RateLimit-Limit-Minute`).
    package static func all(in headers: [Exchange.HeaderField]) -> [AnnouncedLimit] {
        headers.flatMap { field -> [AnnouncedLimit] in
            if let seconds = window(inName: field.name) {
                return Int(field.value).map { requests in
                    [AnnouncedLimit(requests: requests, seconds: seconds, header: field.name)]
                } ?? []
            }
            guard policies.contains(field.name) else { return [] }
            return field.value.split(separator: ",").compactMap { policy($0, field.name) }
        }
    }

    private static let policies = [
        "ratelimit-policy", "ratelimit-limit", "x-ratelimit-policy", "x-ratelimit-limit",
    ]

    private static let spans: [(name: String, seconds: Int64)] = [
        ("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400),
    ]

    private static func window(inName name: String) -> Int64? {
        spans.first { span in
            ["x-ratelimit-limit-", "ratelimit-limit-"].contains { name == $0 + span.name }
        }?.seconds
    }

    private static func policy(_ item: Substring, _ header: String) -> AnnouncedLimit? {
        var (requests, seconds): (Int?, Int64?) = (nil, nil)
        for (index, part) in item.split(separator: ";").enumerated() {
            let word = part.filter { $0 != " " && $0 != "\t" }
            if index == 0 { requests = Int(word) }
            if word.hasPrefix("q=") { requests = Int(word.dropFirst(2)) }
            if word.hasPrefix("w=") { seconds = Int64(word.dropFirst(2)) }
        }
        guard let requests, let seconds, requests > 0, seconds > 0 else { return nil }
        return AnnouncedLimit(requests: requests, seconds: seconds, header: header)
    }

    /// The most that windows admit in this one's time; nil where they set no bound to it.
    package func admitted(by windows: [RateWindow]) -> Int? {
        windows.map { window in
            let period = max(window.periodNs, 1)
            let time = seconds.saturatingMultiply(.nsPerSecond)
            let periods = time / period + (time % period == 0 ? 0 : 1)
            return window.requests.saturatingMultiply(Int(max(periods, 1)))
        }.min()
    }
}
