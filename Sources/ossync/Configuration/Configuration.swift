import SyncEngine

/// The resolved configuration: flags, environment, files and defaults laid over one another.
struct Configuration: Sendable {
    /// The store's folder as an absolute path.
    let store: String
    let rateLimits: RateLimits
    /// Nil when nothing names an API; commands that need one call `requireAPI()`.
    let api: API?
    /// In the order in which they were written.
    let streams: [Stream]
    /// In the order in which they were written.
    let schedules: [Schedule]
    let alerts: Alerts
    let report: Report
    let log: Log
    /// Where each sync writes the metrics, as an absolute path; nil for nowhere.
    let metricsTextfile: String?
    /// Every value with its origin, in the order of the key table.
    let values: ConfigurationValue
    /// The files that were read, highest precedence first.
    let files: [String]

    struct RateLimits: Sendable, Equatable {
        let requestsPerMinute: Int?
        let requestsPerHour: Int?
        let windows: [Window]
        let backoffMultiplier: Double
        let cooldownMs: Int64
        let deliveryBoundMs: Int64
    }

    /// What a sync says about itself.
    struct Log: Sendable, Equatable {
        let format: LogLine.Format
        /// Of `logs/combined.log`.
        let rotation: LogFile.Rotation
    }

    struct Window: Sendable, Equatable {
        let name: String
        let requests: Int
        let seconds: Int64
    }

    struct API: Sendable, Equatable {
        /// Without slashes at its end.
        let baseURL: String
        /// The identity a store is bound to; the base URL unless configured.
        let id: String
        let auth: Auth
        let headers: [Header]
        let timeouts: Timeouts
        let maxBodyBytes: Int
        let allowPlainHTTP: Bool
        /// Nil: the program's name and version.
        let userAgent: String?
        /// Nil: the list path of the first stream.
        let healthPath: String?

        /// Those of the credentials, then those of the headers.
        var secrets: [SecretReference] {
            let own: [SecretReference] =
                switch auth {
                case .none: []
                case .bearer(let secret), .apiKey(_, let secret), .basic(_, let secret): [secret]
                }
            return own
                + headers.compactMap { header in
                    if case .secret(let secret) = header.value { secret } else { nil }
                }
        }
    }

    enum Auth: Sendable, Equatable {
        case none
        case bearer(token: SecretReference)
        case apiKey(header: String, key: SecretReference)
        case basic(user: String, password: SecretReference)
    }

    struct Header: Sendable, Equatable {
        enum Value: Sendable, Equatable {
            case text(String)
            case secret(SecretReference)
        }

        let name: String
        let value: Value
    }

    struct Timeouts: Sendable, Equatable {
        let connectMs: Int64
        let idleMs: Int64
        let totalMs: Int64
    }

    struct Stream: Sendable, Equatable {
        let name: String
        let list: List
        /// Nil for a stream that has headers only.
        let detail: Detail?
        let columns: [Column]
        let retry: Retry
    }

    struct List: Sendable, Equatable {
        enum Order: String, Sendable { case ascending, descending, unknown }
        enum IDOrder: String, Sendable { case numeric, lexicographic, none }
        enum Incremental: Sendable, Equatable {
            case none
            case idAfter(param: String)
        }

        let path: String
        let paging: Paging
        /// JSON Pointers; "" is the whole body.
        let records: String
        let id: String
        let total: String?
        let order: Order
        let incremental: Incremental
        /// Nil lets the first page decide.
        let idOrder: IDOrder?
        let ignore: [String]
    }

    struct Paging: Sendable, Equatable {
        enum Walk: Sendable, Equatable {
            case page(param: String, first: Int)
            case offset(param: String)
            case idAfter(param: String)
        }

        let walk: Walk
        /// Nil: the size isn't sent.
        let sizeParam: String?
        let size: Int
    }

    struct Detail: Sendable, Equatable {
        /// With exactly one `{id}` or `{ids}`.
        let path: String
        let batchSize: Int
        let batchJoin: String
        let records: String
        /// JSON Pointer; `list.id` unless configured.
        let id: String
        let concurrency: Int
        /// An answer is one object instead of an array.
        let single: Bool
        let ignore: [String]
    }

    struct Column: Sendable, Equatable {
        enum Source: Sendable, Equatable {
            case pointer(String)
            case sum(String)
            case count(String)
        }
        enum Kind: String, Sendable {
            case text, integer, decimal, boolean, date, timestamp, json
        }
        /// Nil: the detail, and the header where the detail is absent or lacks it.
        enum Document: String, Sendable { case header, detail }

        let name: String
        let source: Source
        let type: Kind
        let from: Document?
    }

    /// Columns of the first stream.
    struct Report: Sendable, Equatable {
        let amount: String
        /// Nil: there are no groups by the calendar.
        let date: String?
    }

    struct Retry: Sendable, Equatable {
        let attempts: Int
        let baseMs: Int64
        let multiplier: Double
        let maxMs: Int64
    }

    struct Schedule: Sendable, Equatable {
        enum Timing: Sendable, Equatable {
            /// In whole minutes.
            case every(minutes: Int64)
            case cron(String, timeZone: String)
        }

        let name: String
        let timing: Timing
        let mode: SyncCommand.Mode
        let jitterMs: Int64
        let overlap: SyncEngine.Schedule.Overlap
        let catchUp: Bool
        /// As they are written, for the options of `sync`; nil: no bound.
        let maxDuration: String?
        let patience: String
    }
}

extension Configuration {
    /// The API, for commands that can't do without.
    func requireAPI() throws(ConfigurationError) -> API {
        guard let api else {
            throw lacking("api.baseURL")
        }
        return api
    }

    private func lacking(_ key: String) -> ConfigurationError {
        let hint = "ossync init writes a commented ossync.yaml"
        guard let file = files.first else {
            return ConfigurationError(
                place: ConfigurationLoader.fileName, message: "there is no such file here",
                hint: "\(hint), --config names another file")
        }
        return ConfigurationError(place: file, message: "\(key) is missing", hint: hint)
    }

    /// The stream of that name, or the first one.
    func stream(named name: String? = nil) throws(ConfigurationError) -> Stream {
        guard let first = streams.first else { throw lacking("streams") }
        guard let name else { return first }
        if let stream = streams.first(where: { $0.name == name }) { return stream }
        let known = streams.map(\.name)
        let near = NearestKey.find(name, among: known).map { "did you mean \"\($0)\"?" }
        throw ConfigurationError(
            place: files.first ?? ConfigurationLoader.fileName,
            message: "there is no stream \"\(name)\"",
            hint: near ?? "known: \(known.joined(separator: ", "))")
    }
}
