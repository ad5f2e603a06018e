/// What the configuration needs to know of a base URL; the request itself is built elsewhere.
enum BaseURLText {
    static func refusal(of text: String) -> String? {
        guard let (scheme, rest) = split(text) else {
            return "must start with https:// or http://"
        }
        let authority = rest.prefix { $0 != "/" }
        if authority.contains("@") { return "can't hold credentials; put them into api.auth" }
        if text.contains("?") || text.contains("#") || text.contains(" ") {
            return "can't hold a query, a fragment or a space"
        }
        guard host(of: text) != nil else { return "has no usable host: \"\(scheme)://\(rest)\"" }
        return nil
    }

    static func isPlainHTTP(_ text: String) -> Bool { split(text)?.scheme == "http" }

    /// Whether the host is this machine by name or number.
    static func isLoopback(_ text: String) -> Bool {
        guard let host = host(of: text)?.lowercased() else { return false }
        if host == "localhost" || host == "[::1]" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return octets.count == 4 && octets[0] == 127 && !octets.contains(nil)
    }

    /// The host without its port; nil when host or port can't be right.
    private static func host(of text: String) -> String? {
        guard let (_, rest) = split(text) else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var host = authority
        var port: Substring?
        if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
            host = authority[...close]
            let after = authority[authority.index(after: close)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        if let port { guard let number = UInt16(port), number > 0 else { return nil } }
        let isPlain = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x5c && $0 != 0x25 }
        return host.isEmpty || host == "[]" || !isPlain ? nil : String(host)
    }

    private static func split(_ text: String) -> (scheme: String, rest: Substring)? {
        for scheme in ["https", "http"] {
            let start = scheme + "://"
            if text.lowercased().hasPrefix(start) { return (scheme, text.dropFirst(start.count)) }
        }
        return nil
    }
}
