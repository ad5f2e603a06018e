/// An absolute http or https URL, taken apart as far as the configuration needs it.
struct URLParts: Sendable, Equatable {
    let scheme: String
    let host: String
    /// `:port`, or empty.
    let port: String
    /// With its first slash and without its last one.
    let path: String
    let hasUserInfo: Bool
    let hasQuery: Bool

    /// nil unless `text` is `http(s)://[user@]host[:port][/path][?query][#fragment]` in ASCII.
    init?(_ text: String) {
        guard Self.isLegal(text.replacing("#", with: "")), let mark = text.firstRange(of: "://")
        else { return nil }
        scheme = text[..<mark.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[mark.upperBound...]
        let authorityEnd = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        let tail = rest[authorityEnd...]
        let pathEnd = tail.firstIndex { "?#".contains($0) } ?? tail.endIndex
        hasQuery = pathEnd < tail.endIndex
        var path = tail[..<pathEnd]
        while path.last == "/" { path = path.dropLast() }
        self.path = String(path)
        let at = authority.lastIndex(of: "@")
        hasUserInfo = at != nil
        let hostPort = at.map { authority[authority.index(after: $0)...] } ?? authority
        guard let split = Self.split(hostPort) else { return nil }
        (host, port) = split
    }

    /// The URL without userinfo, query and last slash.
    var identity: String { "\(scheme)://\(host)\(port)\(path)" }

    /// Whether the host is this machine by its spelling: a name that merely resolves to it is not.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    /// Whether every character may stand in a URL as it is, `#` apart.
    static func isLegal(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && !"\"#<>\\^`{|}".utf8.contains(byte)
        }
    }

    /// Percent-encodes everything but the unreserved characters of RFC 3986.
    ///
    /// `.` and `..` alone are encoded too: a path would lose them together with what stands before.
    static func encoded(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        let isDots = text == "." || text == ".."
        for byte in text.utf8 {
            let isLetter = byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            if isLetter || isDigit || (!isDots && byte == UInt8(ascii: "."))
                || "-_~".utf8.contains(byte)
            {
                output.append(byte)
            } else {
                output += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func split(_ hostPort: Substring) -> (String, String)? {
        let hostEnd: Substring.Index
        if hostPort.first == "[" {
            guard let bracket = hostPort.firstIndex(of: "]") else { return nil }
            hostEnd = hostPort.index(after: bracket)
        } else {
            hostEnd = hostPort.firstIndex(of: ":") ?? hostPort.endIndex
        }
        let (host, port) = (hostPort[..<hostEnd], hostPort[hostEnd...])
        guard !host.isEmpty else { return nil }
        if !port.isEmpty {
            guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0 else {
                return nil
            }
        }
        return (host.lowercased(), String(port))
    }
}
