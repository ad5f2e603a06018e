internal import SyncCore

/// How long a server asks to wait, read from the headers of its response.
///
/// The order of precedence and the forms are those of practice: Retry-After, then the drafts of the
/// IETF from the newest to the oldest, then vendors' headers.
struct WaitHeaders {
    let response: HTTPResponse

    /// Retry-After as milliseconds; nil when absent, zero, negative, past or unreadable.
    ///
    /// Of several the longest counts: waiting less than one of them says would be refused again.
    var retryAfterMs: Int64? {
        response.values("retry-after").compactMap { text in
            let value = text.trimmed
            if value.isDigits { return Self.wait(seconds: Int64(value) ?? .max) }
            return HTTPDate.seconds(value, near: now).flatMap { Self.wait(seconds: $0 - now) }
        }.max()
    }

    /// The wait after a 429, and the header that says it.
    var limit: (waitMs: Int64, signal: String)? {
        if let retryAfterMs { return (retryAfterMs, "retry-after") }
        // Lines of one header are one list (RFC 9110, 5.3).
        let lines = response.values("ratelimit")
        if let wait = structured(lines.joined(separator: ",")) ?? lines.compactMap(legacy).max() {
            return (wait, "ratelimit")
        }
        let names = [
            "ratelimit-reset", "x-ratelimit-reset-after", "x-ratelimit-reset", "x-rate-limit-reset",
        ]
        for name in names {
            let waits = response.values(name).compactMap { reset($0) }
            if let wait = waits.max() { return (wait, name) }
        }
        return nil
    }

    /// The server's own clock where it tells it: a clock that is wrong here makes no wait wrong.
    private var now: Int64 {
        response.values("date").lazy.compactMap {
            HTTPDate.seconds($0, near: response.receivedAt)
        }.first ?? response.receivedAt
    }

    /// `"permin";r=0;t=30, "perhr";r=400;t=2000`: the policy with the fewest left is the one hit.
    private func structured(_ text: String) -> Int64? {
        var best: (remaining: Int64, wait: Int64)?
        for item in Self.split(text, ",") where item.first == "\"" {
            var (remaining, seconds): (Int64, Int64?) = (.max, nil)
            for parameter in Self.split(item, ";").dropFirst() {
                let pair = parameter.split(separator: "=", maxSplits: 1).map {
                    String($0).trimmed
                }
                guard pair.count == 2, pair[1].isDigits else { continue }
                let value = Int64(pair[1]) ?? .max
                if pair[0] == "r" { remaining = value }
                if pair[0] == "t" { seconds = value }
            }
            guard let seconds, let wait = Self.wait(seconds: seconds) else { continue }
            guard let known = best else {
                best = (remaining, wait)
                continue
            }
            if remaining < known.remaining || (remaining == known.remaining && wait > known.wait) {
                best = (remaining, wait)
            }
        }
        return best?.wait
    }

    /// `limit=100, remaining=50, reset=30`
    private func legacy(_ text: String) -> Int64? {
        for part in text.split(whereSeparator: { ",;".contains($0) }) {
            let pair = part.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
            if pair.count == 2, pair[0].lowercased() == "reset" { return reset(pair[1]) }
        }
        return nil
    }

    /// A delta in seconds, seconds or milliseconds since 1970, told apart by size, or a date.
    private func reset(_ text: String) -> Int64? {
        let value = text.trimmed
        let whole = value.split(separator: ".", omittingEmptySubsequences: false)
        if whole.count <= 2, whole.allSatisfy({ String($0).isDigits }), let first = whole.first {
            var number = Int64(first) ?? .max
            // A fraction is rounded up: never wait less than the server says.
            if whole.count == 2, whole[1].contains(where: { $0 != "0" }) {
                number = number.saturatingAdd(1)
            }
            if number >= 1_000_000_000_000 {
                let wait = number.saturatingAdd(-now.saturatingMultiply(1000))
                return wait > 0 ? wait : nil
            }
            return Self.wait(seconds: number >= 1_000_000_000 ? number - now : number)
        }
        let moment = HTTPDate.rfc3339(value) ?? HTTPDate.seconds(value, near: now)
        return moment.flatMap { Self.wait(seconds: $0 - now) }
    }

    private static func wait(seconds: Int64) -> Int64? {
        seconds > 0 ? seconds.saturatingMultiply(1000) : nil
    }

    /// Splits outside of quotation marks and trims.
    private static func split(_ text: String, _ separator: Character) -> [String] {
        var (parts, isQuoted) = ([""], false)
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if character == separator, !isQuoted {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map(\.trimmed)
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...].drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }

    fileprivate var isDigits: Bool {
        !isEmpty && utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}
