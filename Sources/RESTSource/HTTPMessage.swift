/// One HTTP request, ready to be sent.
package struct HTTPRequest: Sendable, Equatable {
    package let method: String
    package let url: String
    package let headers: [HTTPField]
    /// What is sent after the head.
    package let content: [UInt8]

    package init(method: String, url: String, headers: [HTTPField], content: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content
    }
}

/// One line of a message's head.
package struct HTTPField: Sendable, Equatable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// Whether `text` is a token of RFC 9110.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0)
            }
    }

    /// Whether `text` has something in it and nothing that would end the line.
    static func isValue(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }
}

/// One whole HTTP response.
package struct HTTPResponse: Sendable, Equatable {
    package let status: Int
    /// In their order, names in lower case.
    package let headers: [HTTPField]
    /// Decoded.
    package let body: [UInt8]
    package var latencyUs: UInt64
    /// Our wall clock at the end of the response, in seconds of UTC; used without a Date header.
    package var receivedAt: Int64

    package init(
        status: Int, headers: [HTTPField], body: [UInt8], latencyUs: UInt64 = 0,
        receivedAt: Int64 = 0
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.latencyUs = latencyUs
        self.receivedAt = receivedAt
    }

    /// The values of a header, by its lower-case name.
    func values(_ name: String) -> [String] {
        headers.filter { $0.name == name }.map(\.value)
    }

    /// The fields of a response's head; the status line and lines without a colon are left out.
    static func fields(of head: some Sequence<UInt8>) -> [HTTPField] {
        String(decoding: Array(head), as: UTF8.self).split(whereSeparator: \.isNewline).compactMap {
            line in
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { return nil }
            let value = line[line.index(after: colon)...]
            return HTTPField(
                name: line[..<colon].lowercased(),
                value: String(value.trimmingPrefix { $0 == " " || $0 == "\t" }))
        }
    }
}

/// Why no usable response came.
package struct TransportError: Error, Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case resolve, connect, tls
        case connectTimeout = "connect-timeout"
        case idleTimeout = "idle-timeout"
        case totalTimeout = "timeout"
        /// The connection closed under the request, and sending it again was suppressed.
        case resend
        case broken, partial
        case bodyTooLarge = "too-large"
        case ratioTooLarge = "ratio"
        case headersTooLarge = "headers"
        case encoding
        case cancelled, refused
        /// libcurl can't be loaded.
        case unavailable = "no-libcurl"
    }

    package let kind: Kind
    /// Whether the request began to be sent.
    package let sent: Bool
    package var status: Int
    package var latencyUs: UInt64
    /// What the loader said, for `unavailable`.
    package var reason: String

    package init(
        kind: Kind, sent: Bool, status: Int = 0, latencyUs: UInt64 = 0, reason: String = ""
    ) {
        self.kind = kind
        self.sent = sent
        self.status = status
        self.latencyUs = latencyUs
        self.reason = reason
    }
}
