import Records
import SyncCore

@testable import RESTSource

enum Fixture {
    static let token = "canary-0123456789-secret/with\"marks"

    static func configuration(
        baseURL: String = "http://127.0.0.1:1/api", auth: RESTConfiguration.Auth = .none,
        paging: RESTConfiguration.Paging = .page(
            pageParam: "page", sizeParam: "per_page", size: 1000, first: 1),
        idAfterParam: String? = "id_gt", detailPath: String = "/os/details?ids={ids}",
        limits: RESTConfiguration.Limits = .init()
    ) throws -> RESTConfiguration {
        RESTConfiguration(
            api: .init(baseURL: baseURL, auth: auth),
            list: .init(
                path: "/os", paging: paging, idAfterParam: idAfterParam,
                records: try JSONPointer("/data"), id: try JSONPointer("/id"),
                total: try JSONPointer("/total")),
            detail: .init(
                path: detailPath, batchSize: detailPath.contains("{ids}") ? 5 : 1,
                records: try JSONPointer("/data"), id: try JSONPointer("/id")),
            limits: limits)
    }

    static func list(
        _ cursor: PageCursor? = nil, _ filter: ListFilter = .all
    ) -> SourceRequest {
        SourceRequest(intent: Position(1), kind: .list(cursor: cursor, filter: filter))
    }

    static func detail(_ ids: String...) -> SourceRequest {
        SourceRequest(intent: Position(2), kind: .detail(ids: ids.map { RecordID($0) }))
    }

    static let health = SourceRequest(intent: Position(3), kind: .health)

    static func response(
        _ status: Int, _ body: String = "", _ headers: [(String, String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: headers.map { HTTPField(name: $0.0, value: $0.1) },
            body: Array(body.utf8), receivedAt: 1_700_000_000)
    }
}

extension SourceAnswer {
    var page: PageAnswer? { if case .page(let page) = content { page } else { nil } }
    var details: [DetailOutcome]? {
        if case .details(let outcomes) = content { outcomes } else { nil }
    }
    var failure: FailureAnswer? {
        if case .failed(let failure) = content { failure } else { nil }
    }
}
