import Records
import SyncCore
import Testing

@testable import RESTSource

@Suite("Response reader")
struct ResponseReaderTests {
    private func read(
        _ request: SourceRequest, _ response: HTTPResponse,
        _ configuration: RESTConfiguration? = nil
    ) throws -> SourceAnswer {
        let configuration = try configuration ?? Fixture.configuration()
        return try ResponseReader(configuration).answer(to: request, response)
    }

    @Test("goes on after every page that is not empty, however short it is")
    func cursors() throws {
        let body = #"{"data":[{"id":5},{"id":9}],"total":2}"#
        func next(
            _ paging: RESTConfiguration.Paging, _ cursor: PagePlace?, _ body: String
        ) throws -> String? {
            let configuration = try Fixture.configuration(paging: paging)
            let answer = try read(
                Fixture.list(cursor?.cursor), Fixture.response(200, body), configuration)
            return try #require(answer.page).next?.display
        }
        let page = RESTConfiguration.Paging.page(
            pageParam: "p", sizeParam: nil, size: 1000, first: 0)
        let offset = RESTConfiguration.Paging.offset(offsetParam: "o", sizeParam: nil, size: 1000)
        let keyset = RESTConfiguration.Paging.idAfter(param: "i", sizeParam: nil, size: 1000)
        #expect(try next(page, nil, body) == "page 1")
        #expect(try next(page, .page(7), body) == "page 8")
        #expect(try next(page, .page(.max), body) == "page \(Int.max)")
        #expect(try next(offset, nil, body) == "offset 2")
        #expect(try next(offset, .offset(100), body) == "offset 102")
        #expect(try next(keyset, nil, body) == "id > 9")
        for paging in [page, offset, keyset] {
            #expect(try next(paging, nil, #"{"data":[]}"#) == nil)
        }
    }

    @Test("moves an offset by the records that came, and counts one that came twice once")
    func repeatedRows() throws {
        let body = #"{"data":[{"id":5},{"id":"5"},{"id":9},{"id":5}],"total":4}"#
        let configuration = try Fixture.configuration(
            paging: .offset(offsetParam: "o", sizeParam: nil, size: 1000))
        let answer = try read(
            Fixture.list(PagePlace.offset(100).cursor), Fixture.response(200, body), configuration)
        #expect(answer.page?.next?.display == "offset 102")
        #expect(answer.page?.records.count == 4)
    }

    @Test("hands out records, total and the exchange")
    func page() throws {
        let answer = try read(
            Fixture.list(), Fixture.response(200, #"{"data":[{"id":"a"}],"total":41}"#))
        #expect(answer.page?.records.map(\.id.text) == ["a"])
        #expect(answer.page?.total == 41)
        #expect(answer.exchange.status == 200)
        #expect(answer.exchange.bodyBytes == 32)
    }

    @Test("gives one outcome for each identity, in the order asked")
    func details() throws {
        let body = #"{"data":[{"id":2,"v":1},{"id":9},{"id":"1"},{"id":2,"v":2}]}"#
        let outcomes = try read(Fixture.detail("1", "2", "3"), Fixture.response(200, body)).details
        let found = try #require(outcomes).map { outcome -> String in
            guard case .found(_, let body) = outcome else { return "absent" }
            return String(decoding: body, as: UTF8.self)
        }
        #expect(found == [#"{"id":"1"}"#, #"{"id":2,"v":2}"#, "absent"])
    }

    @Test("takes a single record without an identity for the one that was asked for")
    func single() throws {
        var configuration = try Fixture.configuration(detailPath: "/os/{id}")
        configuration.detail?.records = .root
        configuration.detail?.id = nil
        configuration.detail?.allowsSingle = true
        let answer = try read(
            Fixture.detail("7"), Fixture.response(200, #"{"v":1}"#), configuration)
        guard case .found(_, let body)? = answer.details?.first else {
            Issue.record("no record found")
            return
        }
        #expect(Array(body) == Array(#"{"v":1}"#.utf8))
    }

    @Test("reads a health answer: any 2xx of a path of its own, else a list that can be used")
    func health() throws {
        #expect(
            try read(Fixture.health, Fixture.response(200, #"{"data":[]}"#)).content == .healthy)
        #expect(try read(Fixture.health, Fixture.response(200, "x")).failure?.code == "json")
        var configuration = try Fixture.configuration()
        configuration.healthPath = "/ping"
        #expect(
            try read(Fixture.health, Fixture.response(204), configuration).content == .healthy)
    }

    @Test("sees of a list that answers for health how many came, how many differ, and of how many")
    func sample() throws {
        var configuration = try Fixture.configuration()
        func sample(_ body: String, status: Int = 200) throws -> ListSample? {
            try ResponseReader(configuration).sample(
                Fixture.health, Fixture.response(status, body))
        }
        let body = #"{"data":[{"id":1},{"id":1},{"id":2}],"page":{"count":9}}"#
        let seen = try #require(try sample(body))
        #expect(seen.asked == 2 && seen.rows == 3 && seen.distinct == 2)
        #expect(seen.totals == ["/page/count"])
        #expect(try sample(#"{"data":[],"total":0,"count":9}"#)?.totals == [])
        #expect(try sample(#"{"rows":[]}"#) == nil)
        #expect(try sample(body, status: 500) == nil)
        configuration.list.total = nil
        configuration.list.paging = .offset(offsetParam: "skip", sizeParam: nil, size: 1)
        let bare = try #require(try sample(body))
        #expect(bare.asked == nil && bare.totals == [])
        configuration.healthPath = "/ping"
        #expect(try sample(body) == nil)
    }

    @Test(
        "puts every status into its class",
        arguments: [
            (400, .client), (401, .auth), (403, .auth), (404, .notFound), (408, .timeout),
            (410, .notFound), (418, .client), (422, .client), (500, .server), (501, .server),
            (502, .unavailable), (503, .unavailable), (504, .unavailable), (599, .server),
            (301, .redirect), (304, .redirect), (307, .redirect), (199, .client), (999, .client),
        ] as [(Int, FailureClass)])
    func classes(_ status: Int, _ failure: FailureClass) throws {
        let answer = try read(Fixture.list(), Fixture.response(status))
        #expect(answer.failure?.failure == failure)
        #expect(answer.failure?.code == "http-\(status)")
        #expect(answer.failure?.arrivalUnknown == false)
    }

    @Test(
        "says of a gateway's failure for details that the record may be to blame, but not of a 503",
        arguments: [(500, .server), (502, .server), (504, .server), (503, .unavailable)]
            as [(Int, FailureClass)])
    func detailClasses(_ status: Int, _ failure: FailureClass) throws {
        let answer = try read(Fixture.detail("1"), Fixture.response(status))
        #expect(answer.failure?.failure == failure)
        #expect(answer.failure?.failure.isOfAPI == (status == 503))
    }

    @Test("reads how long to wait from a 429 and from a 503")
    func waits() throws {
        let wait = [("retry-after", "7")]
        #expect(
            try read(Fixture.list(), Fixture.response(429, "", wait)).content
                == .limited(waitMs: 7000, signal: "retry-after"))
        #expect(
            try read(Fixture.list(), Fixture.response(429)).content
                == .limited(waitMs: nil, signal: "http-429"))
        #expect(try read(Fixture.list(), Fixture.response(503, "", wait)).failure?.waitMs == 7000)
        #expect(try read(Fixture.list(), Fixture.response(503)).failure?.waitMs == nil)
    }

    @Test(
        "proposes the pointers that an answer would fit",
        arguments: [
            (#"{"items":[{"id":1}]}"#, "there is an array at /items: set list.records to it"),
            (#"[{"id":1}]"#, #"the whole answer is an array: set list.records to """#),
            (#"{"a":[{}],"b":[]}"#, "arrays at /a, /b: set list.records to that of the records"),
            (#"{"data":[{"no":1,"code":"x"}]}"#, "it has /no, /code: set list.id to what names it"),
            (#"{"a":1}"#, "check the pointer 'records' against the answer"),
        ])
    func proposal(_ body: String, _ words: String) throws {
        let failure = try read(Fixture.list(), Fixture.response(200, body)).failure
        #expect(failure?.text.contains(words) == true, "\(failure?.text ?? "none")")
    }

    @Test(
        "names what is wrong with a body that can't be used",
        arguments: [
            ("", "json"), ("<!DOCTYPE html><p>Login</p>", "json"), (#"{"data":[{"id":1}"#, "json"),
            (#"{"data":[{"id":NaN}]}"#, "json"), (#"{"data":[{"x":1}]}"#, "no-id"),
            (#"{"data":[{"id":1.5}]}"#, "bad-id"), (#"{"items":[]}"#, "no-records"),
            (#"{"data":{}}"#, "not-array"), (#"{"error":"no"}"#, "no-records"),
        ])
    func unusable(_ body: String, _ code: String) throws {
        for request in [Fixture.list(), Fixture.detail("1")] {
            let failure = try read(request, Fixture.response(200, body)).failure
            #expect(failure?.failure == .unusable)
            #expect(failure?.code == code)
            #expect(failure?.text.contains("127.0.0.1:1/api/os") == true)
        }
        if body.hasPrefix("<") {
            let text = try read(Fixture.list(), Fixture.response(200, body)).failure?.text
            #expect(text?.contains("HTML") == true)
        }
    }

    @Test("records only headers that are known to be harmless, cleaned and bounded")
    func recordedHeaders() throws {
        let response = Fixture.response(
            200, #"{"data":[]}"#,
            [
                ("date", "x"), ("set-cookie", "a"), ("authorization", "b"), ("x-api-key", "c"),
                ("x-ratelimit-remaining", "5\u{1B}[31m"), ("ratelimit", "r"), ("cookie", "d"),
                ("x-request-id", String(repeating: "y", count: 5000)), ("location", "e"),
            ])
        let headers = try read(Fixture.list(), response).exchange.headers
        #expect(
            headers.map(\.name)
                == ["date", "x-ratelimit-remaining", "ratelimit", "x-request-id"])
        #expect(headers[1].value == "5 [31m")
        #expect(headers[3].value.count <= 200)
    }

    @Test("says where a redirect leads, without what may be secret")
    func redirect() throws {
        let location = ("location", "https://user:pw@other.example/login?token=abc#x")
        let text = try #require(
            try read(Fixture.list(), Fixture.response(302, "", [location])).failure?.text)
        #expect(text.contains("https://other.example/login"))
        for secret in ["user", "pw", "token", "abc"] { #expect(!text.contains(secret)) }
    }

    @Test("keeps failure texts to one short clean line")
    func cleanText() throws {
        let body = "bad\r\n\u{1B}]0;evil\u{7}\u{202E}things " + String(repeating: "x", count: 9000)
        let text = try #require(
            try read(Fixture.list(), Fixture.response(400, body)).failure?.text)
        #expect(text.contains("bad ]0;evil things"))
        #expect(text.count <= 300)
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    }

    @Test("no secret gets into any failure text, whole or in any spelling")
    func secretsInTexts() throws {
        let configuration = try Fixture.configuration(auth: .bearer(Secret(Fixture.token)))
        let hidden = "canary-0123456789\u{200B}-secret/with\"marks"
        let spellings = [
            Fixture.token, URLParts.encoded(Fixture.token),
            URLParts.encoded(Fixture.token).lowercased(),
            #"canary-0123456789-secret/with\"marks"#, #"canary-0123456789-secret\/with\"marks"#,
            hidden,
        ]
        for spelling in spellings {
            for status in [302, 400, 401, 500, 503] {
                let response = Fixture.response(
                    status, #"{"error":"token \#(spelling) is bad"}"#,
                    [("location", "https://x.example/" + spelling), ("x-request-id", spelling)])
                let answer = try read(Fixture.list(), response, configuration)
                let text = try #require(answer.failure?.text) + "\(answer.exchange)"
                #expect(!text.lowercased().contains("canary"), "\(text)")
            }
        }
        let padded = String(repeating: "\u{200B}\n", count: 1000) + Fixture.token
        for cut in 0..<40 {
            let body = String(repeating: " ", count: cut) + padded
            let answer = try read(Fixture.list(), Fixture.response(400, body), configuration)
            #expect(answer.failure?.text.contains("canary") == false)
        }
    }

    @Test("tells by the kind of failure whether the request may still arrive")
    func transportErrors() throws {
        let reader = try ResponseReader(Fixture.configuration())
        for kind in TransportError.Kind.allCases {
            for sent in [false, true] {
                let error = TransportError(kind: kind, sent: sent, reason: "no such file")
                let failure = try #require(reader.answer(to: Fixture.list(), error).failure)
                #expect(failure.code == kind.rawValue)
                #expect(!failure.text.isEmpty && failure.text.count <= 300)
                if !sent { #expect(!failure.arrivalUnknown) }
            }
        }
        func failure(_ kind: TransportError.Kind, sent: Bool = true) -> FailureAnswer? {
            reader.answer(to: Fixture.list(), TransportError(kind: kind, sent: sent)).failure
        }
        #expect(failure(.totalTimeout)?.arrivalUnknown == true)
        #expect(failure(.totalTimeout)?.failure == .timeout)
        #expect(failure(.totalTimeout, sent: false)?.failure == .network)
        #expect(failure(.resend)?.failure == .network)
        #expect(failure(.bodyTooLarge)?.failure == .tooLarge)
    }
    @Test(
        "says what came instead of JSON",
        arguments: [
            ("", "the body is empty", "look at the answer"),
            (" \n<!DOCTYPE html><p>Log in</p>", "HTML or XML", "a proxy or a login page"),
            ("service ready", "at byte 0", "look at the answer"),
        ])
    func notJSON(body: String, what: String, hint: String) throws {
        let failure = try #require(try read(Fixture.list(), Fixture.response(200, body)).failure)
        #expect(failure.failure == .unusable)
        #expect(failure.text.contains(what))
        #expect(failure.text.contains(hint))
    }
}

@Suite("Redaction of bodies")
struct RedactorTests {
    private func clean(_ body: String, _ secrets: String...) -> String {
        String(
            decoding: Redactor(secrets: secrets).clean(body: Array(body.utf8)), as: UTF8.self)
    }

    @Test("replaces long secrets inside of strings, in each spelling")
    func spellings() {
        let secret = #"abc/def"ghi\jklm"#
        #expect(clean(#"{"a":"x abc\/def\"ghi\\jklm y"}"#, secret) == #"{"a":"x *** y"}"#)
        #expect(clean(#"{"a":"abc/def\"ghi\\jklm"}"#, secret) == #"{"a":"***"}"#)
        #expect(clean(#"{"a":"?k=abc%2Fdef%22ghi%5Cjklm"}"#, secret) == #"{"a":"?k=***"}"#)
        #expect(clean(#"{"a":"?k=abc%2fdef%22ghi%5cjklm"}"#, secret) == #"{"a":"?k=***"}"#)
        #expect(clean(#"{"a":"k=Abc%2bDEF%2fghIJK"}"#, "Abc+DEF/ghIJK") == #"{"a":"k=***"}"#)
        #expect(
            clean(#"{"abcdefghijkl":"abcdefghijklabcdefghijkl"}"#, "abcdefghijkl")
                == #"{"***":"******"}"#)
    }

    /// .NET escapes a plus sign, some writers everything that isn't a letter or a digit.
    @Test("replaces secrets whose characters are escaped more than they must be")
    func needlessEscapes() throws {
        let secret = "abcd+EFGH/ijkl="
        #expect(clean(#"{"a":"x abcd\u002BEFGH/ijkl= y"}"#, secret) == #"{"a":"x *** y"}"#)
        #expect(clean(#"{"a":"abcd\u002bEFGH\/ijkl\u003D"}"#, secret) == #"{"a":"***"}"#)
        #expect(clean(#"{"a":"\u0061bcd+EFGH/ijkl="}"#, secret) == #"{"a":"***"}"#)
        #expect(
            clean(#"{"a":"caf\u00e9 caf\u00E9 noir"}"#, "caf\u{E9} noir xyz")
                == #"{"a":"caf\u00e9 caf\u00E9 noir"}"#)
        #expect(clean(#"{"a":"caf\u00e9 noir xyz"}"#, "caf\u{E9} noir xyz") == #"{"a":"***"}"#)
        let cut = #"{"a":"\u00"#
        #expect(clean(cut, secret) == cut)
    }

    @Test("cleans texts of secrets in each spelling too")
    func texts() {
        let redactor = Redactor(secrets: ["abcd+EFGH/ijkl=", "k+ey"])
        #expect(redactor.clean(#"bad key abcd\u002BEFGH\/ijkl="#) == "bad key ***")
        #expect(redactor.clean(#"bad key \"k\u002bey\""#) == #"bad key \"***\""#)
        #expect(redactor.clean("bad key abcd+EFGH/ijkl= and k+ey") == "bad key *** and ***")
        #expect(redactor.clean(#"caf\u00e9"#) == #"caf\u00e9"#)
    }

    @Test(
        "knows what a server may tell of a secret header",
        arguments: [
            ("Bearer abcdefghijkl-1", "abcdefghijkl-1"),
            (#"Token token="abcdefghijkl-2""#, "abcdefghijkl-2"),
            ("sid=abcdefghijkl-3; theme=dark", "abcdefghijkl-3"),
            ("Basic dXNlcjphYmNkZWZnaGlqa2wtNA==", "abcdefghijkl-4"),
            ("abcdefghijkl-5", "abcdefghijkl-5"),
        ])
    func secretHeaders(value: String, told: String) throws {
        var configuration = try Fixture.configuration()
        configuration.api.headers = [
            RESTConfiguration.Header(
                name: value.contains("sid") ? "Cookie" : "Authorization", value: Secret(value)),
            RESTConfiguration.Header(
                name: "Accept", value: Secret("application/vnd.api+json"), isSecret: false),
        ]
        let body = #"{"a":"\#(told)","b":"application/vnd.api+json","c":"dark Bearer Token"}"#
        let cleaned = Redactor(configuration).clean(body: Array(body.utf8))
        #expect(
            String(decoding: cleaned, as: UTF8.self)
                == #"{"a":"***","b":"application/vnd.api+json","c":"dark Bearer Token"}"#)
        #expect(!configuration.hasShortSecret)
        // What isn't made of credentials is a secret as a whole.
        configuration.api.headers[0] = RESTConfiguration.Header(
            name: "X-Auth-User", value: Secret("id=4711;mail=\(told)"))
        #expect(Redactor(configuration).clean(body: Array(body.utf8)) == Array(body.utf8))
        configuration.api.headers.append(
            RESTConfiguration.Header(name: "X-Short", value: Secret("Bearer sh0rt")))
        #expect(configuration.hasShortSecret)
        #expect(Redactor(configuration).clean("bad key sh0rt") == "bad key ***")
    }

    @Test("reads no further than a body that was cut, wherever that was")
    func cuts() {
        let secret = "abcd+EFGH/ijkl="
        let body = #"{"a":"\#(secret)","b":"x \#(secret)"}"#
        for length in 0...body.count {
            let cut = String(body.prefix(length))
            #expect(clean(cut, secret) == cut.replacing(secret, with: "***"))
        }
    }

    @Test("does not begin among the digits of an escape")
    func digits() throws {
        let body = #"{"a":"\u002Babcdefghijkl","b":"002Babcdefghijkl"}"#
        let cleaned = clean(body, "002Babcdefghijkl", "+xxxxxxxxxxx")
        #expect(cleaned == #"{"a":"\u002Babcdefghijkl","b":"***"}"#)
        try JSONValidator.validate(Array(cleaned.utf8))
    }

    @Test("leaves numbers, other text and short secrets alone")
    func untouched() {
        #expect(
            clean(#"{"id":123456789012,"s":"123456789012"}"#, "123456789012")
                == #"{"id":123456789012,"s":"***"}"#)
        #expect(clean(#"{"a":"short"}"#, "short") == #"{"a":"short"}"#)
        #expect(clean(#"{"a":"abcdefghijk"}"#, "abcdefghijkl") == #"{"a":"abcdefghijk"}"#)
    }

    @Test("does not begin within an escape, so that JSON stays JSON")
    func escapes() throws {
        let secret = "nabcdefghijkl"
        let body = #"{"a":"\nabcdefghijkl \\nabcdefghijkl","b":"\"nabcdefghijkl"}"#
        let cleaned = clean(body, secret)
        #expect(cleaned == #"{"a":"\nabcdefghijkl \\***","b":"\"***"}"#)
        try JSONValidator.validate(Array(cleaned.utf8))
    }

    @Test("hands out the same storage when nothing is found")
    func noCopy() {
        let body = Array(#"{"a":"nothing here"}"#.utf8)
        let cleaned = Redactor(secrets: [Fixture.token]).clean(body: body)
        #expect(
            body.withUnsafeBufferPointer { first in
                cleaned.withUnsafeBufferPointer { $0.baseAddress == first.baseAddress }
            })
    }
}
