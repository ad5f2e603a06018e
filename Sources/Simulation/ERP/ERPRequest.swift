/// A request as the simulated ERP sees it: already read off the wire.
package struct ERPRequest: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package let method: String
    /// Percent-decoded, for example `/api/os`.
    package let path: String
    /// Percent-decoded, in the order of the request.
    package let query: [Field]
    package let headers: [Field]

    package init(method: String = "GET", path: String, query: [Field] = [], headers: [Field] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
    }

    /// Takes a request target as it stands on the wire, for example `/api/os?page=1&per_page=50`.
    package init(method: String = "GET", target: String, headers: [Field] = []) {
        let parts = target.utf8.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        path = Self.decoded(parts.first ?? "".utf8[...])
        query =
            parts.count < 2
            ? []
            : parts[1].split(separator: UInt8(ascii: "&")).map { item in
                let pair = item.split(
                    separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                return Field(
                    Self.decoded(pair[0]), pair.count > 1 ? Self.decoded(pair[1]) : "")
            }
        self.headers = headers
    }

    /// A GET that carries `token` as a bearer token, if there is one.
    package static func get(_ target: String, token: String? = nil) -> ERPRequest {
        ERPRequest(
            target: target,
            headers: token.map { [Field("Authorization", "Bearer \($0)")] } ?? [])
    }

    /// The first query item of this name.
    package func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The first header of this name, whatever its case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    private static func decoded(_ text: Substring.UTF8View) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"),
                let end = text.index(index, offsetBy: 2, limitedBy: text.endIndex),
                let value = UInt8(Substring(text[index..<end]), radix: 16)
            {
                bytes.append(value)
                index = end
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What the simulated ERP answers, and how whoever serves it must deliver it.
package struct ERPReply: Sendable, Equatable {
    package enum Delivery: Sendable, Equatable {
        case complete
        /// Close the connection without a byte of an answer.
        case dropped
        /// Announce the whole body, send this many bytes of it, close the connection.
        case truncated(afterBytes: Int)
        /// Announce the whole body, send this many bytes of it, and nothing more for a long time.
        case stalled(afterBytes: Int)
    }

    package let status: Int
    package let headers: [ERPRequest.Field]
    package let body: [UInt8]
    /// How long after the arrival the answer is given.
    package let delayNs: Int64
    package let delivery: Delivery

    /// The first header of this name, whatever its case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }
}
