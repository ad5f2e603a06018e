import Testing

@testable import ossync

/// A bad file and the messages it must give, in order.
struct BadFile: Sendable, CustomTestStringConvertible {
    let name: String
    let yaml: String
    let messages: [String]

    var testDescription: String { name }

    init(_ name: String, _ yaml: String, _ messages: String...) {
        self.name = name
        self.yaml = yaml
        self.messages = messages
    }
}

@Suite struct ConfigurationReaderTests {
    static let general: [BadFile] = [
        BadFile(
            "unknown key with a near one", "rateLimits:\n  requestPerMinute: 20\n",
            "ossync.yaml:2: unknown key \"requestPerMinute\" in rateLimits; "
                + "did you mean \"requestsPerMinute\"?"),
        BadFile(
            "unknown key at the top", "\n\nstor: x\n",
            "ossync.yaml:3: unknown key \"stor\"; did you mean \"store\"?"),
        BadFile(
            "unknown key with no near one", "zzzzzzzz: 1\n",
            "ossync.yaml:1: unknown key \"zzzzzzzz\"; known: store, rateLimits, api, streams, "
                + "schedules, alerts, report, log, metrics"),
        BadFile(
            "text for a whole number", "rateLimits:\n  requestsPerHour: many\n  cooldownMs: x\n",
            "ossync.yaml:2: rateLimits.requestsPerHour must be a whole number, not \"many\"",
            "ossync.yaml:3: rateLimits.cooldownMs must be a whole number, not \"x\""),
        BadFile(
            "quoted and fractional numbers",
            "rateLimits:\n  requestsPerHour: \"600\"\n  cooldownMs: 1.5\n  deliveryBoundMs: 1e3\n",
            "ossync.yaml:2: rateLimits.requestsPerHour must be a whole number, not \"600\"",
            "ossync.yaml:3: rateLimits.cooldownMs must be a whole number, not 1.5",
            "ossync.yaml:4: rateLimits.deliveryBoundMs must be a whole number, not 1e3"),
        BadFile(
            "null where a number is needed", "rateLimits:\n  cooldownMs:\n",
            "ossync.yaml:2: rateLimits.cooldownMs must be a whole number, not null"),
        BadFile(
            "numbers out of range",
            "rateLimits: { requestsPerMinute: 0, cooldownMs: -1, backoffMultiplier: 0.5 }\n",
            "ossync.yaml:1: rateLimits.requestsPerMinute must be from 1 to 1000000, not 0",
            "ossync.yaml:1: rateLimits.backoffMultiplier must be from 1 to 100, not 0.5",
            "ossync.yaml:1: rateLimits.cooldownMs must be from 0 to 2678400000, not -1"),
        BadFile(
            "a number beyond 64 bits", "rateLimits: { requestsPerHour: 99999999999999999999 }\n",
            "ossync.yaml:1: rateLimits.requestsPerHour must be from 1 to 10000000, "
                + "not 99999999999999999999"),
        BadFile(
            "a list for a section", "rateLimits: [1]\n",
            "ossync.yaml:1: rateLimits must be a mapping of keys, not a list"),
        BadFile(
            "a list for the whole", "- a\n",
            "ossync.yaml:1: must be a mapping of keys, not a list"),
        BadFile(
            "a duplicate key", "store: a\nrateLimits:\n  cooldownMs: 1\nstore: b\n",
            "ossync.yaml:4: duplicate key \"store\"; the first is on line 1"),
        BadFile(
            "a duplicate key in a flow mapping", "rateLimits: { cooldownMs: 1, cooldownMs: 2 }\n",
            "ossync.yaml:1: duplicate key \"cooldownMs\" in one mapping"),
        BadFile(
            "a tag", "store: !!binary aGk=\n",
            "ossync.yaml:1: has a YAML tag (tag:yaml.org,2002:binary); write the value without it"),
        BadFile(
            "windows of one name",
            """
            rateLimits:
              windows:
                - { name: burst, requests: 5, seconds: 2 }
                - { name: burst, requests: 9, seconds: 9 }
                - { name: hour, requests: 5, seconds: 2 }
                - { name: x, requests: 0 }
            """,
            "ossync.yaml:4: rateLimits.windows[1].name \"burst\" is taken; "
                + "the first is at ossync.yaml:3",
            "ossync.yaml:5: rateLimits.windows[2].name \"hour\" is taken; "
                + "it is the window of requestsPerHour",
            "ossync.yaml:6: rateLimits.windows[3].requests must be from 1 to 10000000, not 0",
            "ossync.yaml:6: rateLimits.windows[3].seconds is missing"),
    ]

    @Test(arguments: general)
    func aBadFileIsRefusedWithItsLines(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    static let api: [BadFile] = [
        BadFile(
            "no base URL", "api:\n  id: x\n", "ossync.yaml:1: api.baseURL is missing"),
        BadFile(
            "streams without an API",
            "streams:\n  os:\n    list: { path: /os, paging: { type: page }, id: /id }\n",
            "ossync.yaml:1: api.baseURL is missing; the streams need an API to read from"),
        BadFile(
            "credentials in the URL", "api:\n  baseURL: https://me:canary@example.com\n",
            "ossync.yaml:2: api.baseURL can't hold credentials; put them into api.auth"),
        BadFile(
            "no scheme", "api:\n  baseURL: example.com\n",
            "ossync.yaml:2: api.baseURL must start with https:// or http://"),
        BadFile(
            "plain HTTP", "api: { baseURL: \"http://example.com\" }\n",
            "ossync.yaml:1: api.baseURL is http:// to another host, so credentials travel in the "
                + "open; use https://, or set api.allowPlainHTTP: true"),
        BadFile(
            "an auth type of later", "api:\n  baseURL: https://a.b\n  auth:\n    type: oauth2\n",
            "ossync.yaml:4: api.auth.type \"oauth2\" is not supported by this version; "
                + "supported: none, bearer, apiKey, basic"),
        BadFile(
            "auth without its key", "api:\n  baseURL: https://a.b\n  auth: { type: bearer }\n",
            "ossync.yaml:3: api.auth.token is missing"),
        BadFile(
            "a key of another auth type",
            "api:\n  baseURL: https://a.b\n  auth: { type: basic, user: u, token: t }\n",
            "ossync.yaml:3: unknown key \"token\" in api.auth of type basic; "
                + "known: user, password",
            "ossync.yaml:3: api.auth.password is missing"),
        BadFile(
            "a mistyped secret reference",
            "api:\n  baseURL: https://a.b\n  auth: { type: bearer, token: { evn: X } }\n",
            "ossync.yaml:3: api.auth.token must be { env: NAME }, { file: PATH } or text, "
                + "not a mapping of evn"),
        BadFile(
            "headers",
            "api:\n  baseURL: https://a.b\n  headers:\n    Host: x\n    a b: x\n"
                + "    X: 1\n    x: 2\n    L: \"a\\nb\"\n",
            "ossync.yaml:4: api.headers: \"Host\" is set by the program",
            "ossync.yaml:5: api.headers: \"a b\" is not a header's name",
            "ossync.yaml:7: api.headers: \"x\" is there twice, but for its case; "
                + "the first is at ossync.yaml:6",
            "ossync.yaml:8: api.headers.L holds a line end or another control character"),
        BadFile(
            "timeouts",
            "api:\n  baseURL: https://a.b\n  timeouts: { connectMs: 5000, totalMs: 100 }\n"
                + "  allowPlainHTTP: yes\n",
            "ossync.yaml:3: api.timeouts.totalMs (100) is less than connectMs (5000)",
            "ossync.yaml:4: api.allowPlainHTTP must be true or false, not \"yes\""),
    ]

    @Test(arguments: api)
    func aBadAPIIsRefused(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }

    @Test func allProblemsOfAFileAreReportedInTheOrderOfItsLines() throws {
        let yaml = """
            stor: x
            rateLimits:
              cooldownMs: soon
            api:
              baseURL: ftp://x
              auth: { type: magic }
            """
        #expect(
            try problems(of: yaml).map { String($0.prefix(13)) } == [
                "ossync.yaml:1", "ossync.yaml:3", "ossync.yaml:5", "ossync.yaml:6",
            ])
    }

    @Test func aSyntaxErrorNamesItsLine() throws {
        let messages = try problems(of: "store: a\napi: [1,\nstreams: }\n")
        #expect(messages.count == 1)
        #expect(messages.first?.hasPrefix("ossync.yaml:3: is not YAML: ") == true)
        let tab = try problems(of: "store: a\napi:\n\tbaseURL: x\n")
        #expect(tab.first?.hasPrefix("ossync.yaml:3: is not YAML: ") == true)
        let two = try problems(of: "store: a\n---\nstore: b\n")
        #expect(two.first?.hasPrefix("ossync.yaml:2: is not YAML: ") == true)
        let control = try problems(of: "store: a\nx: \u{1}\n")
        #expect(control.first?.hasPrefix("ossync.yaml:2: is not YAML: ") == true)
    }

    @Test func aFileOfCommentsGivesTheDefaults() throws {
        let folder = ConfigurationFolder()
        try folder.write("# nothing yet\n")
        let configuration = try folder.load()
        #expect(configuration.api == nil)
        #expect(configuration.streams.isEmpty)
        #expect(configuration.rateLimits.requestsPerMinute == 20)
        #expect(throws: ConfigurationError.self) { try configuration.requireAPI() }
        #expect(throws: ConfigurationError.self) { try configuration.stream() }
    }

    @Test(arguments: ["http://127.0.0.1:8080", "http://localhost/api", "http://[::1]:9"])
    func plainHTTPToThisMachineIsTaken(url: String) throws {
        #expect(try problems(of: "api: { baseURL: \"\(url)\" }\n") == [])
    }

    @Test(arguments: ["http://127.0.0.1.evil.com", "http://localhost.evil.com", "http://128.0.0.1"])
    func plainHTTPToAHostThatLooksLocalIsRefused(url: String) throws {
        #expect(try problems(of: "api: { baseURL: \"\(url)\" }\n").count == 1)
    }

    /// Cut and changed files: a configuration is edited by hand, at any moment half done.
    @Test func noDamagedFileCrashesTheReader() throws {
        let whole = Array(ConfigurationTemplate.generic().utf8)
        let folder = ConfigurationFolder()
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let marks = Array("{}[]:,#&*!|>'\"%@`-\\ \n\t?~0".utf8)
        var refused = 0
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0...random(4) { bytes[random(bytes.count)] = marks[random(marks.count)] }
            if random(2) == 0 { bytes.removeLast(random(bytes.count)) }
            try folder.write(String(decoding: bytes, as: UTF8.self))
            do throws(ConfigurationError) {
                _ = try folder.load()
            } catch {
                refused += 1
                #expect(!error.problems.isEmpty)
                #expect(!error.problems.contains { $0.description.contains("\n") })
            }
        }
        #expect(refused > 100)
    }

    @Test(arguments: [
        String(repeating: "[", count: 50_000), String(repeating: "a: {", count: 40_000),
        "a: &a [x, x, x, x, x, x, x, x]\n"
            + zip("bcdefgh", "abcdefg").map { new, old in
                "\(new): &\(new) [*\(old), *\(old), *\(old), *\(old), *\(old), *\(old), *\(old)]\n"
            }.joined(),
    ])
    func aBombIsRefused(yaml: String) throws {
        #expect(try problems(of: yaml).count == 1)
    }

    @Test func aValueWithLineEndsStaysOneLine() throws {
        let messages = try problems(of: "rateLimits: \"a\\nb\\e[31m\"\n")
        #expect(
            messages == [
                "ossync.yaml:1: rateLimits must be a mapping of keys, "
                    + "not \"a\u{fffd}b\u{fffd}[31m\""
            ])
    }
}
