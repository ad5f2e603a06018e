/// What a request is for.
package enum Endpoint: UInt8, Sendable, CaseIterable {
    case list = 1
    case detail = 2
    case health = 3

    package var name: String {
        switch self {
        case .list: "list"
        case .detail: "detail"
        case .health: "health"
        }
    }
}

/// A place in a paged list: bytes that only the source understands, and a text for people.
package struct PageCursor: Sendable, Equatable {
    package let bytes: [UInt8]
    package let display: String

    package init(bytes: [UInt8], display: String) {
        self.bytes = bytes
        self.display = display
    }
}

/// Which records a list pass asks for.
package enum ListFilter: Sendable, Equatable {
    case all
    /// Only records whose identity lies above this one.
    case idAfter(RecordID)
}

/// One wire request, as the core asks a source to make it.
package struct SourceRequest: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// One page; `cursor` is nil for the first page of a pass.
        case list(cursor: PageCursor?, filter: ListFilter)
        /// The details of these records, at most a batch.
        case detail(ids: [RecordID])
        /// One cheap request that tells whether the API answers.
        case health
    }

    /// The position of the `RequestIntended` event that stands for this request.
    package let intent: Position
    package let kind: Kind

    package init(intent: Position, kind: Kind) {
        self.intent = intent
        self.kind = kind
    }

    package var endpoint: Endpoint {
        switch kind {
        case .list: .list
        case .detail: .detail
        case .health: .health
        }
    }
}

/// What the wire said about one request: for the audit, never for a decision.
package struct Exchange: Sendable, Equatable {
    /// The HTTP status; 0 when no response came.
    package var status: UInt16
    /// From the first byte sent to the last byte received, in microseconds.
    package var latencyUs: UInt64
    /// The size of the decoded body.
    package var bodyBytes: UInt64
    /// Response headers from an allow-list (limits, Retry-After, Date, request ids), lower-case
    /// names.
    package var headers: [HeaderField]

    package struct HeaderField: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        status: UInt16, latencyUs: UInt64 = 0, bodyBytes: UInt64 = 0, headers: [HeaderField] = []
    ) {
        self.status = status
        self.latencyUs = latencyUs
        self.bodyBytes = bodyBytes
        self.headers = headers
    }
}

/// A record as a list page gave it: verbatim JSON, validated.
package struct ListedRecord: Sendable, Equatable {
    package let id: RecordID
    package let fingerprint: Fingerprint
    package let body: ArraySlice<UInt8>

    package init(id: RecordID, fingerprint: Fingerprint, body: ArraySlice<UInt8>) {
        self.id = id
        self.fingerprint = fingerprint
        self.body = body
    }
}

/// A list page, in the server's order.
package struct PageAnswer: Sendable, Equatable {
    package let records: [ListedRecord]
    /// Where the next page begins; nil when the source knows that there is none.
    package let next: PageCursor?
    /// The server's count of the query as it was sent, if it gives one.
    package let total: UInt64?

    package init(records: [ListedRecord], next: PageCursor?, total: UInt64?) {
        self.records = records
        self.next = next
        self.total = total
    }
}

/// What a detail answer says about one identity that was asked for.
package enum DetailOutcome: Sendable, Equatable {
    case found(fingerprint: Fingerprint, body: ArraySlice<UInt8>)
    /// The answer doesn't mention it.
    case absent
    /// The answer says that this one failed.
    case failed(code: String, text: String)
}

/// Why a request brought nothing that can be used.
package enum FailureClass: UInt8, Sendable, CaseIterable {
    /// No connection, or it broke: nobody's fault but the network's.
    case network = 1
    /// The server accepted the request and did not answer in time.
    case timeout = 2
    /// 502, 503, 504: the API as a whole is not there.
    case unavailable = 3
    /// Any other 5xx.
    case server = 4
    /// A 4xx that none of the others covers.
    case client = 5
    /// 404 or 410.
    case notFound = 6
    /// 401 or 403.
    case auth = 7
    /// A 2xx whose body can't be used: not JSON, no records, no identity, too deep.
    case unusable = 8
    /// A body over the configured cap.
    case tooLarge = 9
    /// A 3xx: redirects are not followed.
    case redirect = 10
    /// A list whose identities don't have the order that the configuration relies on.
    case idOrder = 11

    package var name: String {
        switch self {
        case .network: "network"
        case .timeout: "timeout"
        case .unavailable: "unavailable"
        case .server: "server"
        case .client: "client"
        case .notFound: "notFound"
        case .auth: "auth"
        case .unusable: "unusable"
        case .tooLarge: "tooLarge"
        case .redirect: "redirect"
        case .idOrder: "idOrder"
        }
    }
}

/// A request that failed.
package struct FailureAnswer: Sendable, Equatable {
    package let failure: FailureClass
    /// A short stable word, for example `connect`, `http-500`, `json`, `no-id`.
    package let code: String
    /// One clear sentence for people, free of secrets and control characters.
    package let text: String
    /// How long the server asks to wait (Retry-After on a 503), if it does.
    package let waitMs: Int64?
    /// True when the request may still reach the server later (a timeout, a broken connection).
    package let arrivalUnknown: Bool

    package init(
        _ failure: FailureClass, code: String, text: String, waitMs: Int64? = nil,
        arrivalUnknown: Bool = false
    ) {
        self.failure = failure
        self.code = code
        self.text = text
        self.waitMs = waitMs
        self.arrivalUnknown = arrivalUnknown
    }
}

/// The outcome of exactly one wire request.
package struct SourceAnswer: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case page(PageAnswer)
        /// One outcome per identity asked for, in the order asked.
        case details([DetailOutcome])
        /// The API answered a health request.
        case healthy
        /// The server refused because of its limit; `waitMs` when it says how long, and by which
        /// header or field (`signal`).
        case limited(waitMs: Int64?, signal: String)
        case failed(FailureAnswer)
    }

    package let exchange: Exchange
    package let content: Content

    package init(exchange: Exchange, content: Content) {
        self.exchange = exchange
        self.content = content
    }
}

/// An API that can be asked: the only thing that knows the wire.
///
/// `perform` makes exactly one wire request and calls `completion` exactly once, from any thread.
/// It never asks again by itself, never follows a redirect, and never waits for a limit.
package protocol Source: Sendable {
    func perform(
        _ request: SourceRequest, completion: @escaping @Sendable (SourceAnswer) -> Void)
}
