/// What a request under `/api` asks for, before token, limits and faults have their say.
struct ERPRoute {
    enum Action: Equatable {
        /// A page of the records above `above`, less the first `offset` of them.
        case list(above: Int64, offset: Int, limit: Int, page: Int)
        case details([Int64])
        case record(Int64)
        case health
        /// Not understood: answered with this status and sentence.
        case refused(Int, String)
    }

    let endpoint: ERPArrival.Endpoint
    let target: ERPArrival.Target
    let action: Action

    init(_ request: ERPRequest, configuration: ERPConfiguration) {
        let path = request.path
        if request.method != "GET" {
            self.init(.other, .refused(405, "somente GET"))
        } else if path == "/api/health" {
            self.init(.health, .health)
        } else if path == "/api/os" || path == "/api/os/" {
            self.init(list: request, configuration)
        } else if path == "/api/os/details" {
            self.init(details: request, configuration)
        } else if path.hasPrefix("/api/os/"),
            let id = configuration.identities.number(path.dropFirst(8))
        {
            self.init(.detail, .record(id), target: .details([id]))
        } else {
            self.init(.other, .refused(404, "caminho desconhecido"))
        }
    }

    private init(
        _ endpoint: ERPArrival.Endpoint, _ action: Action, target: ERPArrival.Target = .none
    ) {
        self.endpoint = endpoint
        self.action = action
        self.target = target
    }

    private init(list request: ERPRequest, _ configuration: ERPConfiguration) {
        var malformed: String?
        func number(_ name: String, or fallback: Int, atLeast least: Int) -> Int {
            guard let text = request.query(name) else { return fallback }
            guard let value = Int(text), value >= least, value <= Int(Int32.max) else {
                malformed = name
                return fallback
            }
            return value
        }
        var above: Int64 = 0
        if let text = request.query("id_gt") {
            let number = configuration.identities.number(text)
            if let number, number >= 0 { above = number } else { malformed = "id_gt" }
        }
        let sizeName = request.query("per_page") == nil ? "limit" : "per_page"
        let asked = number(sizeName, or: configuration.defaultPageSize, atLeast: 1)
        let limit = min(asked, configuration.maximumPageSize)
        let page = number("page", or: 1, atLeast: 1)
        let offset = number("offset", or: (page - 1) * limit, atLeast: 0)
        if let malformed {
            self.init(.list, .refused(400, "parâmetro inválido: \(malformed)"))
        } else {
            self.init(
                .list, .list(above: above, offset: offset, limit: limit, page: page),
                target: .page(above: above, offset: offset, limit: limit))
        }
    }

    private init(details request: ERPRequest, _ configuration: ERPConfiguration) {
        var ids: [Int64] = []
        var seen: Set<Int64> = []
        for part in (request.query("ids") ?? "").split(separator: ",") {
            guard let id = configuration.identities.number(part) else {
                self.init(.detail, .refused(400, "identificador inválido em ids"))
                return
            }
            if seen.insert(id).inserted { ids.append(id) }
        }
        if ids.isEmpty {
            self.init(.detail, .refused(400, "parâmetro ids ausente"))
        } else if ids.count > configuration.maximumBatch {
            let message = "no máximo \(configuration.maximumBatch) identificadores por chamada"
            self.init(.detail, .refused(400, message))
        } else {
            self.init(.detail, .details(ids), target: .details(ids))
        }
    }
}
