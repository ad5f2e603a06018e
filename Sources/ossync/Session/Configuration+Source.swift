import RESTSource
import Records
import SyncCore

extension Configuration {
    /// What the source needs to ask for a stream; resolves the secrets.
    func sourceConfiguration(
        _ stream: Stream, environment: @escaping (String) -> String?
    ) throws -> RESTConfiguration {
        let api = try requireAPI()
        let resolve = { (secret: SecretReference) in
            try secret.resolve(environment: environment)
        }
        let auth: RESTConfiguration.Auth =
            switch api.auth {
            case .none: .none
            case .bearer(let token): .bearer(try resolve(token))
            case .apiKey(let header, let key): .apiKey(header: header, try resolve(key))
            case .basic(let user, let password): .basic(user: user, try resolve(password))
            }
        let headers = try api.headers.map { header in
            switch header.value {
            case .text(let text):
                RESTConfiguration.Header(name: header.name, value: Secret(text), isSecret: false)
            case .secret(let secret):
                RESTConfiguration.Header(name: header.name, value: try resolve(secret))
            }
        }
        return try sourceConfiguration(stream, api, auth: auth, headers: headers)
    }

    /// What an open list pass, and the high-water mark it earned, depend on.
    func pinnedKeys(_ stream: Stream) throws -> [PinnedKey] {
        guard let api else { return [] }
        let source = try sourceConfiguration(stream, api, auth: .none, headers: [])
        return source.pinnedKeys
            + [PinnedKey(key: "list.order", value: stream.list.order.rawValue)]
    }

    private func sourceConfiguration(
        _ stream: Stream, _ api: API, auth: RESTConfiguration.Auth,
        headers: [RESTConfiguration.Header]
    ) throws -> RESTConfiguration {
        RESTConfiguration(
            api: RESTConfiguration.API(
                baseURL: api.baseURL, auth: auth, headers: headers,
                userAgent: api.userAgent ?? "ossync/\(Version.text)",
                allowPlainHTTP: api.allowPlainHTTP),
            list: try sourceList(stream.list), detail: try stream.detail.map(sourceDetail),
            healthPath: api.healthPath,
            limits: RESTConfiguration.Limits(
                connectMs: Int(api.timeouts.connectMs), idleMs: Int(api.timeouts.idleMs),
                totalMs: Int(api.timeouts.totalMs), maxBodyBytes: api.maxBodyBytes))
    }

    private func sourceList(_ list: List) throws -> RESTConfiguration.List {
        let size = list.paging.size
        let sizeParam = list.paging.sizeParam
        let paging: RESTConfiguration.Paging =
            switch list.paging.walk {
            case .page(let param, let first):
                .page(pageParam: param, sizeParam: sizeParam, size: size, first: first)
            case .offset(let param): .offset(offsetParam: param, sizeParam: sizeParam, size: size)
            case .idAfter(let param): .idAfter(param: param, sizeParam: sizeParam, size: size)
            }
        var idAfterParam: String?
        if case .idAfter(let param) = list.incremental { idAfterParam = param }
        return RESTConfiguration.List(
            path: list.path, paging: paging, idAfterParam: idAfterParam,
            records: try JSONPointer(list.records), id: try JSONPointer(list.id),
            total: try list.total.map { try JSONPointer($0) },
            ignore: try list.ignore.map { try JSONPointer($0, wildcards: true) })
    }

    private func sourceDetail(_ detail: Detail) throws -> RESTConfiguration.Detail {
        RESTConfiguration.Detail(
            path: detail.path, batchSize: detail.batchSize, join: detail.batchJoin,
            records: try JSONPointer(detail.records), id: try JSONPointer(detail.id),
            allowsSingle: detail.single,
            ignore: try detail.ignore.map { try JSONPointer($0, wildcards: true) })
    }

    /// The columns of a stream's projection.
    func mapping(_ stream: Stream) throws -> ColumnMapping {
        try ColumnMapping(
            try stream.columns.map { column in
                let source: ColumnMapping.Source =
                    switch column.source {
                    case .pointer(let text):
                        .value(try JSONPointer(text, wildcards: true))
                    case .sum(let text): .sum(try JSONPointer(text, wildcards: true))
                    case .count(let text): .count(try JSONPointer(text, wildcards: true))
                    }
                return ColumnMapping.Column(
                    name: column.name, source: source, type: column.type.columnType,
                    origin: column.from?.origin ?? .both)
            })
    }
}

extension Configuration.Column.Kind {
    fileprivate var columnType: ColumnType {
        switch self {
        case .text: .text
        case .integer: .integer
        case .decimal: .decimal
        case .boolean: .boolean
        case .date: .date
        case .timestamp: .datetime
        case .json: .json
        }
    }
}

extension Configuration.Column.Document {
    fileprivate var origin: ColumnMapping.Origin {
        switch self {
        case .header: .header
        case .detail: .detail
        }
    }
}
