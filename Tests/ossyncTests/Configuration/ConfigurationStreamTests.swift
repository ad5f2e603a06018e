import Testing

@testable import ossync

@Suite struct ConfigurationStreamTests {
    /// `smallConfiguration` with one text replaced.
    private static func changed(_ old: String, _ new: String) -> String {
        var text = smallConfiguration
        if let range = text.firstRange(of: old) { text.replaceSubrange(range, with: new) }
        return text
    }

    private static func list(_ lines: String...) -> String {
        changed("      id: /id\n", "      id: /id\n" + lines.map { "      \($0)\n" }.joined())
    }

    private static func more(_ lines: String...) -> String {
        smallConfiguration + lines.map { "    \($0)\n" }.joined()
    }

    static let lists: [BadFile] = [
        BadFile(
            "missing keys of a list", changed("      id: /id\n", ""),
            "ossync.yaml:5: streams.os.list.id is missing"),
        BadFile(
            "a paging type of later", changed("type: page", "type: cursor"),
            "ossync.yaml:7: streams.os.list.paging.type \"cursor\" is not supported by this "
                + "version; supported: page, offset, idAfter"),
        BadFile(
            "a mistyped paging type", changed("type: page", "type: pages"),
            "ossync.yaml:7: streams.os.list.paging.type \"pages\" is not supported by this "
                + "version; supported: page, offset, idAfter; did you mean \"page\"?"),
        BadFile(
            "paging without a type", changed("{ type: page }", "{ size: 5 }"),
            "ossync.yaml:7: streams.os.list.paging.type is missing; "
                + "supported: page, offset, idAfter"),
        BadFile(
            "a page size out of range", changed("type: page", "type: page, size: 100001"),
            "ossync.yaml:7: streams.os.list.paging.size must be from 1 to 100000, not 100001"),
        BadFile(
            "one parameter for two things",
            changed("type: page", "type: page, pageParam: p, sizeParam: p"),
            "ossync.yaml:7: streams.os.list.paging.sizeParam is the same parameter as "
                + "pageParam: p"),
        BadFile(
            "incremental types of later", list("incremental: { type: updatedSince }"),
            "ossync.yaml:9: streams.os.list.incremental.type \"updatedSince\" is not supported by "
                + "this version; supported: none, idAfter"),
        BadFile(
            "idAfter without its parameter", list("incremental: idAfter"),
            "ossync.yaml:9: streams.os.list.incremental.param is missing"),
        BadFile(
            "idAfter without an order of identities",
            list("incremental: { type: idAfter, param: gt }", "idOrder: none"),
            "ossync.yaml:10: streams.os.list.idOrder is none, but incremental is idAfter; "
                + "identities above another need an order: numeric or lexicographic"),
        BadFile(
            "keyset paging of a descending list",
            changed("{ type: page }\n", "{ type: idAfter, param: gt }\n      order: descending\n"),
            "ossync.yaml:8: streams.os.list.order is descending, but paging is idAfter; "
                + "keyset paging needs an ascending list"),
        BadFile(
            "pointers", list("records: data", "total: /a~2b", "ignore: [/ok, bad]"),
            "ossync.yaml:9: streams.os.list.records must be a JSON Pointer, which starts with /, "
                + "not \"data\"",
            "ossync.yaml:10: streams.os.list.total must be a JSON Pointer, in which ~ is written "
                + "~0 and / is written ~1, not \"/a~2b\"",
            "ossync.yaml:11: streams.os.list.ignore[1] must be a JSON Pointer, which starts with "
                + "/, not \"bad\""),
        BadFile(
            "a pointer to many identities", changed("id: /id", "id: /items/*/id"),
            "ossync.yaml:8: streams.os.list.id names one value, so it can't hold *: "
                + "\"/items/*/id\""),
        BadFile(
            "paths", changed("path: /os\n", "path: https://evil.example.com/os\n"),
            "ossync.yaml:6: streams.os.list.path must be a path below api.baseURL, starting with "
                + "one /, not \"https://evil.example.com/os\""),
        BadFile(
            "a bad order", list("order: up"),
            "ossync.yaml:9: streams.os.list.order must be one of ascending, descending, unknown, "
                + "not \"up\""),
    ]

    @Test(arguments: lists)
    func aBadListIsRefused(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    static let details: [BadFile] = [
        BadFile(
            "one identity a call, but a batch", changed("details?ids={ids}", "{id}"),
            "ossync.yaml:10: streams.os.detail.path asks for one record ({id}), but batch.size is "
                + "5; use {ids}, or batch.size 1"),
        BadFile(
            "no place for identities", changed("?ids={ids}", ""),
            "ossync.yaml:10: streams.os.detail.path needs {id} or {ids}, where the identities go"),
        BadFile(
            "an unknown placeholder", changed("{ids}", "{key}"),
            "ossync.yaml:10: streams.os.detail.path has an unknown placeholder {key}; "
                + "known: {id}, {ids}"),
        BadFile(
            "bounds", changed("size: 5 }", "size: 1001 }\n      concurrency: 65"),
            "ossync.yaml:11: streams.os.detail.batch.size must be from 1 to 1000, not 1001",
            "ossync.yaml:12: streams.os.detail.concurrency must be from 1 to 64, not 65"),
        BadFile(
            "one object for a batch", changed("size: 5 }", "size: 5 }\n      single: true"),
            "ossync.yaml:12: streams.os.detail.single is true, but batch.size is 5; "
                + "an answer to several identities is an array"),
        BadFile(
            "retry", more("retry: { attempts: 0, baseMs: 10, maxMs: 5, multiplier: 0 }"),
            "ossync.yaml:12: streams.os.retry.attempts must be from 1 to 100, not 0",
            "ossync.yaml:12: streams.os.retry.multiplier must be from 1 to 100, not 0",
            "ossync.yaml:12: streams.os.retry.maxMs (5) is less than baseMs (10)"),
    ]

    @Test(arguments: details)
    func aBadDetailIsRefused(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    static let columns: [BadFile] = [
        BadFile(
            "columns",
            more(
                "columns:", "  a: { type: decimal }", "  b: { pointer: /b, sum: /b }", "  c: {}",
                "  d: { sum: /x/*/y, type: integer }", "  e: { count: /x/*, type: decimal }",
                "  id: { pointer: /id }", "  7th: { pointer: /x }", "  f: { pointer: x }"),
            "ossync.yaml:13: streams.os.columns.a is a decimal, so it needs pointer or sum",
            "ossync.yaml:14: streams.os.columns.b has pointer and sum; keep one",
            "ossync.yaml:15: streams.os.columns.c needs one of pointer, sum and count",
            "ossync.yaml:16: streams.os.columns.d is a sum, so its type is decimal, not integer",
            "ossync.yaml:17: streams.os.columns.e is a decimal, so it needs pointer or sum",
            "ossync.yaml:18: streams.os.columns: the column name \"id\" is reserved",
            "ossync.yaml:19: streams.os.columns: \"7th\" can't name a column "
                + "(letters, digits and _, at most 63, not starting with a digit)",
            "ossync.yaml:20: streams.os.columns.f.pointer must be a JSON Pointer, which starts "
                + "with /, not \"x\""),
        BadFile(
            "a detail's column without details",
            """
            api: { baseURL: "https://a.b" }
            streams:
              os:
                list: { path: /os, paging: page, id: /id }
                columns:
                  a: { pointer: /a, from: detail }
            """,
            "ossync.yaml:6: streams.os.columns.a is from the detail, but streams.os has no detail"),
        BadFile(
            "a reserved stream", changed("  os:\n", "  os_sync_queue:\n"),
            "ossync.yaml:4: streams: the stream name \"os_sync_queue\" is reserved"),
        BadFile(
            "the name of another projection", changed("  os:\n", "  History:\n"),
            "ossync.yaml:4: streams: the stream name \"History\" is reserved"),
    ]

    private static func reporting(_ line: String) -> String {
        """
        api: { baseURL: "https://a.b" }
        streams:
          os:
            list: { path: /os, paging: page, id: /id }
            columns:
              opened_at: { pointer: /o, type: timestamp }
              note: { pointer: /n }
              lines: { count: /l/* }
              paid: { sum: /l/*/v }
        report: \(line)
        """
    }

    static let reports: [BadFile] = [
        BadFile(
            "columns that are not there", reporting("{ amount: payd, date: zzzzzz }"),
            "ossync.yaml:10: report.amount is \"payd\", which is no column of os; "
                + "did you mean \"paid\"?",
            "ossync.yaml:10: report.date is \"zzzzzz\", which is no column of os"),
        BadFile(
            "columns of other types", reporting("{ amount: lines, date: paid }"),
            "ossync.yaml:10: report.amount is \"lines\", which is of type integer; "
                + "it must be of type decimal",
            "ossync.yaml:10: report.date is \"paid\", which is of type decimal; "
                + "it must be of type date, timestamp, text"),
        BadFile("columns that fit", reporting("{ amount: paid, date: note }")),
        BadFile("no report", reporting("")),
    ]

    @Test(arguments: reports)
    func reportsNameColumnsThatFit(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    @Test(arguments: columns)
    func badColumnsAreRefused(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    @Test func aSmallStreamGetsItsDefaults() throws {
        let folder = ConfigurationFolder()
        try folder.write(smallConfiguration)
        let stream = try folder.load().stream()
        #expect(stream.name == "os")
        #expect(
            stream.list.paging
                == .init(walk: .page(param: "page", first: 1), sizeParam: nil, size: 100))
        #expect(stream.list.records == "")
        #expect(stream.list.incremental == .none)
        #expect(stream.list.idOrder == nil)
        let detail = try #require(stream.detail)
        #expect(detail.batchSize == 5 && detail.batchJoin == ",")
        #expect(detail.id == "/id" && detail.concurrency == 5 && !detail.single)
        #expect(stream.retry == .init(attempts: 5, baseMs: 1000, multiplier: 2, maxMs: 60000))
    }

    @Test func everyVariantIsBuilt() throws {
        let folder = ConfigurationFolder()
        try folder.write(
            """
            api:
              baseURL: https://erp.example.com/api/
              auth: { type: basic, user: me, password: { env: P } }
              headers: { X-Version: 2, access-token: { file: token } }
              health: { path: /ping }
            streams:
              b:
                list:
                  path: /b
                  paging: { type: idAfter, param: gt, sizeParam: n, size: 7 }
                  id: /key
                  idOrder: lexicographic
                  order: ascending
                  incremental: { type: idAfter, param: gt }
                detail: { path: "/b/{id}" }
                columns:
                  n: { count: /x/* }
                  total: { sum: /x/*/y }
                  when: { pointer: /t, type: timestamp, from: header }
              a:
                list: { path: /a, paging: offset, id: /id, idOrder: none }
            """)
        let configuration = try folder.load()
        #expect(configuration.streams.map(\.name) == ["b", "a"])
        let api = try configuration.requireAPI()
        #expect(api.baseURL == "https://erp.example.com/api")
        #expect(api.id == "https://erp.example.com/api" && api.healthPath == "/ping")
        guard case .basic("me", let password) = api.auth else {
            Issue.record("auth is \(api.auth)")
            return
        }
        #expect(password.source == .environment("P"))
        #expect(api.headers.first == .init(name: "X-Version", value: .text("2")))
        let first = try configuration.stream(named: "b")
        #expect(
            first.list.paging == .init(walk: .idAfter(param: "gt"), sizeParam: "n", size: 7))
        #expect(first.list.incremental == .idAfter(param: "gt"))
        #expect(first.detail?.single == true && first.detail?.id == "/key")
        #expect(
            first.columns == [
                .init(name: "n", source: .count("/x/*"), type: .integer, from: nil),
                .init(name: "total", source: .sum("/x/*/y"), type: .decimal, from: nil),
                .init(name: "when", source: .pointer("/t"), type: .timestamp, from: .header),
            ])
        let second = try configuration.stream(named: "a")
        #expect(second.list.paging.walk == .offset(param: "offset") && second.detail == nil)
        #expect(second.list.idOrder == Configuration.List.IDOrder.none)
        #expect(throws: ConfigurationError.self) { try configuration.stream(named: "c") }
    }
}
