import Records
import SyncCore
import Testing

@testable import RESTSource

@Suite("Request builder")
struct RequestBuilderTests {
    private func url(_ request: SourceRequest, _ configuration: RESTConfiguration) -> String? {
        RequestBuilder(configuration).request(for: request)?.url
    }

    @Test("asks for pages by number, by offset and by identity")
    func paging() throws {
        let base = "http://127.0.0.1:1/api/os?"
        let page = try Fixture.configuration()
        #expect(url(Fixture.list(), page) == base + "page=1&per_page=1000")
        #expect(url(Fixture.list(PagePlace.page(3).cursor), page) == base + "page=3&per_page=1000")
        let offset = try Fixture.configuration(
            paging: .offset(offsetParam: "offset", sizeParam: nil, size: 100))
        #expect(url(Fixture.list(), offset) == base + "offset=0")
        #expect(url(Fixture.list(PagePlace.offset(250).cursor), offset) == base + "offset=250")
        let keyset = try Fixture.configuration(
            paging: .idAfter(param: "id_gt", sizeParam: "n", size: 10))
        let after = PagePlace.after(RecordID("a b&c")).cursor
        #expect(url(Fixture.list(), keyset) == base + "n=10")
        #expect(url(Fixture.list(after), keyset) == base + "id_gt=a%20b%26c&n=10")
    }

    @Test("adds the filter, once: a keyset pass goes on from its own place")
    func filter() throws {
        let base = "http://127.0.0.1:1/api/os?"
        let filter = ListFilter.idAfter(RecordID("4711"))
        #expect(
            url(Fixture.list(nil, filter), try Fixture.configuration())
                == base + "page=1&per_page=1000&id_gt=4711")
        #expect(
            url(Fixture.list(PagePlace.page(2).cursor, filter), try Fixture.configuration())
                == base + "page=2&per_page=1000&id_gt=4711")
        let keyset = try Fixture.configuration(
            paging: .idAfter(param: "id_gt", sizeParam: "n", size: 10), idAfterParam: nil)
        #expect(url(Fixture.list(nil, filter), keyset) == base + "n=10&id_gt=4711")
        let after = PagePlace.after(RecordID("4800")).cursor
        #expect(url(Fixture.list(after, filter), keyset) == base + "id_gt=4800&n=10")
        let without = try Fixture.configuration(idAfterParam: nil)
        #expect(url(Fixture.list(nil, filter), without) == nil)
    }

    @Test("joins a path that has a query of its own")
    func fixedQuery() throws {
        var configuration = try Fixture.configuration(baseURL: "https://Example.com:8443/v1/")
        configuration.list.path = "/os?status=open"
        #expect(
            url(Fixture.list(), configuration)
                == "https://example.com:8443/v1/os?status=open&page=1&per_page=1000")
    }

    @Test("puts encoded identities into the detail path")
    func details() throws {
        let many = try Fixture.configuration()
        #expect(
            url(Fixture.detail("1", "a/b", "ç"), many)
                == "http://127.0.0.1:1/api/os/details?ids=1,a%2Fb,%C3%A7")
        let one = try Fixture.configuration(detailPath: "/os/{id}/full")
        #expect(url(Fixture.detail("x?#%"), one) == "http://127.0.0.1:1/api/os/x%3F%23%25/full")
        #expect(url(Fixture.detail(".."), one) == "http://127.0.0.1:1/api/os/%2E%2E/full")
        #expect(url(Fixture.detail("1", "2"), one) == nil)
        #expect(url(Fixture.detail(), many) == nil)
        var none = many
        none.detail = nil
        #expect(url(Fixture.detail("1"), none) == nil)
    }

    @Test("asks for two records when health has no path of its own")
    func health() throws {
        var configuration = try Fixture.configuration()
        #expect(url(Fixture.health, configuration) == "http://127.0.0.1:1/api/os?page=1&per_page=2")
        configuration.healthPath = "/ping"
        #expect(url(Fixture.health, configuration) == "http://127.0.0.1:1/api/ping")
    }

    @Test("refuses a cursor of another paging and damaged bytes")
    func badCursor() throws {
        let configuration = try Fixture.configuration()
        #expect(url(Fixture.list(PagePlace.offset(5).cursor), configuration) == nil)
        for text in ["", "page", "page:", "page:-1", "page:x", "other:1", "after:"] {
            let cursor = PageCursor(bytes: Array(text.utf8), display: "")
            #expect(url(Fixture.list(cursor), configuration) == nil)
        }
        #expect(url(Fixture.list(PageCursor(bytes: [0xFF], display: "")), configuration) == nil)
    }

    @Test("keeps cursors through their bytes")
    func cursors() {
        let ids = ["a:b", "\u{301}a", "\u{200D}", "\u{1F3FD}x"]
        for place in [PagePlace.page(3), .offset(2000)] + ids.map({ .after(RecordID($0)) }) {
            #expect(PagePlace(place.cursor) == place)
        }
        #expect(PagePlace.page(3).cursor.display == "page 3")
        #expect(PagePlace.offset(2000).cursor.display == "offset 2000")
        #expect(PagePlace.after(RecordID("4711")).cursor.display == "id > 4711")
    }

    @Test("sends the credentials that are configured")
    func auth() throws {
        func header(_ auth: RESTConfiguration.Auth, _ name: String) throws -> String? {
            let builder = RequestBuilder(try Fixture.configuration(auth: auth))
            return builder.request(for: Fixture.health)?.headers.first { $0.name == name }?.value
        }
        #expect(try header(.bearer(Secret("t")), "Authorization") == "Bearer t")
        #expect(
            try header(.basic(user: "Aladdin", Secret("open sesame")), "Authorization")
                == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(try header(.apiKey(header: "X-Api-Key", Secret("k")), "X-Api-Key") == "k")
        #expect(try header(.none, "Authorization") == nil)
        #expect(Base64.encode("".utf8).isEmpty && Base64.encode("fo".utf8) == "Zm8=")
        var configuration = try Fixture.configuration()
        configuration.api.headers = [.init(name: "accept", value: Secret("text/json"))]
        let headers = RequestBuilder(configuration).request(for: Fixture.health)?.headers
        #expect(headers?.filter { $0.name.lowercased() == "accept" }.map(\.value) == ["text/json"])
    }
}

@Suite("REST configuration")
struct RESTConfigurationTests {
    private func keys(_ change: (inout RESTConfiguration) throws -> Void) throws -> [String] {
        var configuration = try Fixture.configuration()
        try change(&configuration)
        return configuration.problems.map(\.key)
    }

    @Test("finds nothing wrong with a good configuration")
    func good() throws {
        #expect(try keys { _ in }.isEmpty)
        for url in [
            "https://e.com", "http://localhost:80/x", "http://[::1]:9/", "HTTPS://E.com/a/",
        ] {
            #expect(try keys { $0.api.baseURL = url }.isEmpty, "\(url)")
        }
        #expect(
            try keys {
                $0.api.baseURL = "http://erp.lan"
                $0.api.allowPlainHTTP = true
            }.isEmpty)
    }

    @Test(
        "refuses base URLs that are none, or would leak",
        arguments: [
            "", "erp.example.com", "ftp://e.com", "https://", "https://e.com:0", "https://e.com:x",
            "https://u:p@e.com", "https://e.com?x=1", "https://e.com#f", "http://e.com",
            "https://e .com", "http://127.0.0.1.evil.com", "http://localhost@evil.com",
            "https://[::1", "https://ação.com", "http://0.0.0.0",
        ])
    func baseURL(_ url: String) throws {
        #expect(try keys { $0.api.baseURL = url }.contains("api.baseURL"))
    }

    @Test("names the key of each mistake")
    func mistakes() throws {
        #expect(try keys { $0.list.path = "os" } == ["list.path"])
        #expect(try keys { $0.list.path = "/o s" } == ["list.path"])
        #expect(try keys { $0.list.path = "/os#x" } == ["list.path"])
        #expect(try keys { $0.detail?.path = "/os" } == ["detail.path"])
        #expect(try keys { $0.detail?.path = "/os/{id}" } == ["detail.path"])
        #expect(try keys { $0.detail?.id = nil } == ["detail.id"])
        #expect(try keys { $0.detail?.batchSize = 0 } == ["detail.batch.size"])
        #expect(try keys { $0.detail?.join = " " } == ["detail.batch.join"])
        #expect(try keys { $0.list.ignore = [.root] } == ["list.ignore"])
        #expect(try keys { $0.limits.totalMs = 0 } == ["api.timeouts.totalMs"])
        #expect(try keys { $0.healthPath = "ping" } == ["health.path"])
        #expect(
            try keys {
                $0.list.paging = .page(pageParam: "", sizeParam: nil, size: 0, first: -1)
            } == ["list.paging.size", "list.paging.first", "list.paging"])
    }

    @Test("refuses secrets that would break a header, without showing them")
    func headerInjection() throws {
        for value in ["a\r\nX: y", "a\n", "", "a\u{0}b"] {
            let problems = try Fixture.configuration(auth: .bearer(Secret(value))).problems
            #expect(problems.map(\.key) == ["api.headers"])
        }
        let problems = try Fixture.configuration(auth: .apiKey(header: "X Y", Secret("v"))).problems
        #expect(problems.map(\.key) == ["api.headers"])
        let leaky = try Fixture.configuration(auth: .bearer(Secret("canary\n"))).problems
        #expect(!leaky.description.contains("canary"))
    }

    @Test("a secret prints as *** wherever it is")
    func secrets() throws {
        let configuration = try Fixture.configuration(auth: .bearer(Secret("canary")))
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("canary"))
        }
        #expect("\(Secret("x"))" == "***")
    }

    @Test("pins what an open pass depends on, and no credential")
    func pinned() throws {
        let configuration = try Fixture.configuration(auth: .bearer(Secret("canary")))
        let text = configuration.pinnedKeys.map { "\($0.key)=\($0.value)" }
        #expect(
            text == [
                "api.baseURL=http://127.0.0.1:1/api", "list.path=/os",
                "list.paging=page page=1.. per_page=1000", "list.incremental=idAfter id_gt",
                "list.records=/data", "list.id=/id",
            ])
        var other = configuration
        other.api.auth = .none
        other.limits.totalMs = 1
        other.detail = nil
        #expect(other.pinnedKeys == configuration.pinnedKeys)
        other.list.paging = .page(pageParam: "page", sizeParam: "per_page", size: 999, first: 1)
        #expect(other.pinnedKeys != configuration.pinnedKeys)
    }

    @Test("names the API without userinfo, query and last slash")
    func identity() throws {
        #expect(
            try Fixture.configuration(baseURL: "https://u:p@E.com:8443/a/?k=v#f").identity
                == "https://e.com:8443/a")
    }
}
