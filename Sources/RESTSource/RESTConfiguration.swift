package import Records

/// How to ask one stream of records of one API; values only, checked by `problems`.
package struct RESTConfiguration: Sendable, Equatable {
    /// What proves to the API who asks.
    package enum Auth: Sendable, Equatable {
        case none
        /// `Authorization: Bearer ...`
        case bearer(Secret)
        /// A header of its own, for example `X-Api-Key`.
        case apiKey(header: String, Secret)
        /// `Authorization: Basic ...`
        case basic(user: String, Secret)
    }

    /// A header that goes with every request.
    package struct Header: Sendable, Equatable {
        package let name: String
        /// Shown nowhere: second tokens are given as extra headers.
        package let value: Secret
        /// Whether it is looked for in what comes back. A kind of media or a customer's number
        /// would spoil the records that have it.
        package let isSecret: Bool

        package init(name: String, value: Secret, isSecret: Bool = true) {
            self.name = name
            self.value = value
            self.isSecret = isSecret
        }
    }

    package struct API: Sendable, Equatable {
        /// Scheme, host, and a path that all others are appended to.
        package var baseURL: String
        package var auth: Auth
        package var headers: [Header]
        package var userAgent: String
        /// Whether `http://` may go to other hosts than this machine.
        package var allowPlainHTTP: Bool
        /// A file of certificate authorities in place of the system's.
        package var certificateFile: String?

        package init(
            baseURL: String, auth: Auth = .none, headers: [Header] = [],
            userAgent: String = "ossync", allowPlainHTTP: Bool = false,
            certificateFile: String? = nil
        ) {
            self.baseURL = baseURL
            self.auth = auth
            self.headers = headers
            self.userAgent = userAgent
            self.allowPlainHTTP = allowPlainHTTP
            self.certificateFile = certificateFile
        }
    }

    /// How a pass walks through the list.
    package enum Paging: Sendable, Equatable {
        case page(pageParam: String, sizeParam: String?, size: Int, first: Int)
        case offset(offsetParam: String, sizeParam: String?, size: Int)
        case idAfter(param: String, sizeParam: String?, size: Int)

        package var size: Int {
            switch self {
            case .page(_, _, let size, _), .offset(_, _, let size), .idAfter(_, _, let size): size
            }
        }

        package var sizeParam: String? {
            switch self {
            case .page(_, let name, _, _), .offset(_, let name, _), .idAfter(_, let name, _): name
            }
        }
    }

    package struct List: Sendable, Equatable {
        /// Appended to the base URL; may have a query of its own.
        package var path: String
        package var paging: Paging
        /// The parameter for "identity above": what `ListFilter.idAfter` becomes.
        package var idAfterParam: String?
        package var records: JSONPointer
        package var id: JSONPointer
        package var total: JSONPointer?
        /// Places of a header that don't count as a change.
        package var ignore: [JSONPointer]

        package init(
            path: String, paging: Paging, idAfterParam: String? = nil, records: JSONPointer,
            id: JSONPointer, total: JSONPointer? = nil, ignore: [JSONPointer] = []
        ) {
            self.path = path
            self.paging = paging
            self.idAfterParam = idAfterParam
            self.records = records
            self.id = id
            self.total = total
            self.ignore = ignore
        }
    }

    package struct Detail: Sendable, Equatable {
        /// Appended to the base URL, with `{id}`, or `{ids}` for several at once.
        package var path: String
        /// The most identities in one request.
        package var batchSize: Int
        /// Written between identities, as it is.
        package var join: String
        package var records: JSONPointer
        /// nil when the answer is the one record asked for and doesn't name it.
        package var id: JSONPointer?
        /// Whether an object in the place of the array is one record.
        package var allowsSingle: Bool
        package var ignore: [JSONPointer]

        package init(
            path: String, batchSize: Int = 1, join: String = ",", records: JSONPointer,
            id: JSONPointer?, allowsSingle: Bool = false, ignore: [JSONPointer] = []
        ) {
            self.path = path
            self.batchSize = batchSize
            self.join = join
            self.records = records
            self.id = id
            self.allowsSingle = allowsSingle
            self.ignore = ignore
        }
    }

    /// Bounds on one request.
    package struct Limits: Sendable, Equatable {
        package var connectMs: Int
        /// Without a byte from the server, once the request is sent.
        package var idleMs: Int
        package var totalMs: Int
        /// Of a decoded body.
        package var maxBodyBytes: Int
        package var maxHeaderBytes: Int
        /// Decoded bytes for each byte received; judged with one read buffer (16 KiB) of grace.
        package var maxRatio: Int

        package init(
            connectMs: Int = 10_000, idleMs: Int = 60_000, totalMs: Int = 300_000,
            maxBodyBytes: Int = 32 << 20, maxHeaderBytes: Int = 64 << 10, maxRatio: Int = 100
        ) {
            self.connectMs = connectMs
            self.idleMs = idleMs
            self.totalMs = totalMs
            self.maxBodyBytes = maxBodyBytes
            self.maxHeaderBytes = maxHeaderBytes
            self.maxRatio = maxRatio
        }
    }

    package var api: API
    package var list: List
    package var detail: Detail?
    /// A path for health requests; nil asks the list for two records.
    package var healthPath: String?
    package var limits: Limits

    package init(
        api: API, list: List, detail: Detail? = nil, healthPath: String? = nil,
        limits: Limits = Limits()
    ) {
        self.api = api
        self.list = list
        self.detail = detail
        self.healthPath = healthPath
        self.limits = limits
    }

    /// The API that a store is bound to: the base URL without userinfo, query and last slash.
    package var identity: String { URLParts(api.baseURL).map(\.identity) ?? "" }
}
