import Glibc
import Locks
import Records
import SyncCore
import Testing

@testable import RESTSource

@Suite("REST source over loopback", .timeLimit(.minutes(1)))
struct RESTSourceTests {
    private static let empty = LoopbackServer.answer(#"{"data":[]}"#)

    /// Runs requests one after another against a server that follows `script`.
    private func answers(
        to requests: [SourceRequest] = [Fixture.list()], limits: RESTConfiguration.Limits = .init(),
        auth: RESTConfiguration.Auth = .none,
        script: @escaping @Sendable (LoopbackServer.Arrival) -> [LoopbackServer.Step]
    ) async throws -> (answers: [SourceAnswer], arrivals: [LoopbackServer.Arrival]) {
        let server = LoopbackServer(script)
        let source = try RESTSource(
            Fixture.configuration(baseURL: server.baseURL, auth: auth, limits: limits))
        var answers: [SourceAnswer] = []
        for request in requests { answers.append(await source.answer(to: request)) }
        source.shutdown()
        server.stop()
        return (answers, server.arrivals)
    }

    private func failure(
        limits: RESTConfiguration.Limits = .init(),
        _ steps: LoopbackServer.Step...
    ) async throws -> FailureAnswer {
        let result = try await answers(limits: limits) { _ in steps }
        #expect(result.arrivals.count == 1)
        return try #require(result.answers.first?.failure)
    }

    @Test("sends one GET with its headers and keeps the connection")
    func keepAlive() async throws {
        let result = try await answers(
            to: [Fixture.list(), Fixture.detail("1", "2"), Fixture.health],
            auth: .bearer(Secret("t0ken"))
        ) { arrival in
            [.send(LoopbackServer.answer(#"{"data":[{"id":\#(arrival.number + 1)}],"total":1}"#))]
        }
        #expect(result.answers[0].page?.records.map(\.id.text) == ["1"])
        #expect(result.answers[1].details?.count == 2)
        #expect(result.answers[2].content == .healthy)
        #expect(result.arrivals.map(\.connection) == [0, 0, 0])
        let head = try #require(result.arrivals.first?.head)
        #expect(head.hasPrefix("GET /api/os?page=1&per_page=1000 HTTP/1.1\r\n"))
        for line in ["Authorization: Bearer t0ken", "Accept: application/json", "gzip", "ossync"] {
            #expect(head.contains(line), "\(line)")
        }
        #expect(result.arrivals[1].head.hasPrefix("GET /api/os/details?ids=1,2 "))
    }

    @Test("unpacks gzip")
    func gzip() async throws {
        let body = Gzip.stored(Array(#"{"data":[{"id":"z"}]}"#.utf8))
        let result = try await answers { _ in
            [.send(LoopbackServer.answer(bytes: body, headers: ["Content-Encoding: gzip"]))]
        }
        #expect(result.answers[0].page?.records.map(\.id.text) == ["z"])
        #expect(result.answers[0].exchange.bodyBytes == 21)
    }

    @Test("refuses a body that unpacks to over 100 times its size, whole or in chunks")
    func bomb() async throws {
        let bomb = Gzip.bomb(20 << 20)
        let encoding = "Content-Encoding: gzip"
        let whole = try await failure(
            .send(LoopbackServer.answer(bytes: bomb, headers: [encoding])))
        #expect(whole.failure == .tooLarge)
        #expect(whole.code == "ratio")
        let size = String(bomb.count, radix: 16)
        let chunked = try await failure(
            .send(
                Array("HTTP/1.1 200 OK\r\n\(encoding)\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)),
            .send(Array("\(size)\r\n".utf8) + bomb + Array("\r\n0\r\n\r\n".utf8)))
        #expect(chunked.code == "ratio")
    }

    @Test("refuses a damaged and an unknown encoding")
    func encoding() async throws {
        let damaged = try await failure(
            .send(LoopbackServer.answer("not gzip at all", headers: ["Content-Encoding: gzip"])))
        #expect(damaged.failure == .unusable)
        let unknown = try await failure(
            .send(LoopbackServer.answer("x", headers: ["Content-Encoding: rot13"])))
        #expect(unknown.code == "encoding")
    }

    @Test("refuses bodies and headers over their caps while they come")
    func caps() async throws {
        let limits = RESTConfiguration.Limits(maxBodyBytes: 1000, maxHeaderBytes: 1000)
        let long = String(repeating: "x", count: 1001)
        let body = try await failure(limits: limits, .send(LoopbackServer.answer(long)))
        #expect(body.failure == .tooLarge)
        #expect(body.code == "too-large")
        let announced = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + Array(long.utf8)
        #expect(try await failure(limits: limits, .send(announced), .hang).code == "too-large")
        // Over the cap as a whole only: each piece that libcurl hands on is below it.
        let large = RESTConfiguration.Limits(maxBodyBytes: 100_000)
        let pieces = LoopbackServer.answer(String(repeating: "x", count: 300_000))
        #expect(try await failure(limits: large, .send(pieces)).code == "too-large")
        let headers = LoopbackServer.answer("{}", headers: (0..<50).map { "X-\($0): \(long)" })
        #expect(try await failure(limits: limits, .send(headers)).code == "headers")
        let fitting = LoopbackServer.answer(#"{"data":[]}"# + String(repeating: " ", count: 989))
        let result = try await answers(limits: limits) { _ in [.send(fitting)] }
        #expect(result.answers[0].page != nil)
    }

    @Test("ends at the idle and at the total deadline, not knowing whether the request arrived")
    func deadlines() async throws {
        let idle = try await failure(limits: .init(idleMs: 60, totalMs: 30_000), .hang)
        #expect(idle.failure == .timeout)
        #expect(idle.code == "idle-timeout")
        #expect(idle.arrivalUnknown)
        let slow = LoopbackServer.answer(String(repeating: " ", count: 60_000))
        let total = try await failure(limits: .init(idleMs: 30_000, totalMs: 150), .drip(slow))
        #expect(total.failure == .timeout)
        #expect(total.code == "timeout")
        #expect(total.arrivalUnknown)
    }

    @Test("a connection that dies under a request makes no second arrival")
    func noResend() async throws {
        let result = try await answers(to: Array(repeating: Fixture.list(), count: 5)) { arrival in
            arrival.number == 1 ? [.close] : [.send(Self.empty)]
        }
        #expect(result.arrivals.count == 5)
        let outcomes = result.answers.map { $0.failure?.code ?? "page" }
        #expect(outcomes == ["page", "resend", "page", "resend", "page"])
        #expect(result.answers[1].failure?.failure == .network)
        #expect(result.answers[1].failure?.arrivalUnknown == true)
    }

    @Test("tells a broken and a cut-off answer from a whole one")
    func broken() async throws {
        #expect(try await failure(.close).code == "broken")
        let cut = Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":[]}".utf8)
        let partial = try await failure(.send(cut), .close)
        #expect(partial.code == "partial")
        #expect(partial.failure == .network)
        let head = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{".utf8)
        #expect(try await failure(.send(head), .close).failure == .network)
        #expect(try await failure(.send(Array("SSH-2.0-x\r\n".utf8)), .close).failure == .network)
    }

    @Test("does not follow a redirect")
    func redirect() async throws {
        let moved = LoopbackServer.answer(
            "", status: "302 Found", headers: ["Location: /api/elsewhere?key=abc"])
        let failure = try await failure(.send(moved))
        #expect(failure.failure == .redirect)
        #expect(!failure.text.contains("abc"))
    }

    @Test("reads what APIs get wrong as failures, never as records")
    func wrongBodies() async throws {
        let bodies = [
            ("<html>Login</html>", "json"), (#"{"data":[{"id":1}"#, "json"), ("", "json"),
            (#"{"data":[{"id":NaN}]}"#, "json"), (#"{"data":[{"a":1}]}"#, "no-id"),
            (String(repeating: "[", count: 100_000), "depth"),
            (#"{"data":[{"id":1,"x":"# + String(repeating: "[", count: 100_000), "depth"),
        ]
        for (body, code) in bodies {
            let failure = try await failure(.send(LoopbackServer.answer(body)))
            #expect(failure.failure == .unusable)
            #expect(failure.code == code)
        }
        let marked = try await answers { _ in
            [.send(LoopbackServer.answer("\u{feff}{\"data\":[{\"id\":1},{\"id\":1}]}"))]
        }
        #expect(marked.answers[0].page?.records.map(\.id.text) == ["1", "1"])
    }

    @Test("reads 401, 429 and 503 from the wire")
    func statuses() async throws {
        let result = try await answers(to: Array(repeating: Fixture.list(), count: 3)) { arrival in
            let status = ["401 No", "429 Slow", "503 Down"][arrival.number]
            return [.send(LoopbackServer.answer("{}", status: status, headers: ["Retry-After: 3"]))]
        }
        #expect(result.answers[0].failure?.failure == .auth)
        #expect(result.answers[1].content == .limited(waitMs: 3000, signal: "retry-after"))
        #expect(result.answers[1].exchange.headers.map(\.name) == ["retry-after"])
        #expect(result.answers[2].failure?.waitMs == 3000)
    }

    @Test("knows that nothing arrived where nobody listens, and that TLS is not spoken")
    func notSent() async throws {
        let server = LoopbackServer { _ in [.close] }
        server.stop()
        for (scheme, code) in [("http", "connect"), ("https", "connect")] {
            let source = try RESTSource(
                Fixture.configuration(baseURL: "\(scheme)://127.0.0.1:\(server.port)"))
            let failure = try #require(await source.answer(to: Fixture.list()).failure)
            source.shutdown()
            #expect(failure.code == code)
            #expect(!failure.arrivalUnknown)
        }
        let plain = LoopbackServer { _ in [.send(Self.empty)] }
        let source = try RESTSource(
            Fixture.configuration(
                baseURL: "https://127.0.0.1:\(plain.port)", limits: .init(connectMs: 200)))
        let failure = try #require(await source.answer(to: Fixture.list()).failure)
        source.shutdown()
        plain.stop()
        #expect(["tls", "connect-timeout"].contains(failure.code))
        #expect(failure.failure == .network && !failure.arrivalUnknown)
    }

    @Test("keeps as many requests in flight as it was told, and no more")
    func concurrency() async throws {
        let server = LoopbackServer { _ in [.send(Self.empty)] }
        let source = try RESTSource(
            Fixture.configuration(baseURL: server.baseURL), concurrency: 4)
        let pages = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 {
                group.addTask { await source.answer(to: Fixture.list()).page != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        source.shutdown()
        server.stop()
        #expect(pages == 40)
        #expect(server.arrivals.count == 40)
        #expect(Set(server.arrivals.map(\.connection)).count <= 4)
    }

    @Test("a shutdown ends what is in flight and what waits, each with one answer")
    func shutdown() async throws {
        let server = LoopbackServer { _ in [.hang] }
        let source = try RESTSource(Fixture.configuration(baseURL: server.baseURL))
        let codes = Mutex<[String]>([])
        for _ in 0..<3 {
            source.perform(Fixture.list()) { answer in
                codes.withLock { $0.append(answer.failure?.code ?? "answered") }
            }
        }
        source.shutdown()
        #expect(codes.withLock { $0 } == ["cancelled", "cancelled", "cancelled"])
        source.perform(Fixture.list()) { answer in
            codes.withLock { $0.append(answer.failure?.code ?? "answered") }
        }
        #expect(codes.withLock { $0.last } == "cancelled")
        #expect(codes.withLock { $0.count } == 4)
        source.shutdown()
        server.stop()
        #expect(server.arrivals.count <= 1)
    }

    @Test("takes a secret out of a body before anything sees it")
    func secretInBody() async throws {
        let secret = "canary-0123456789"
        let result = try await answers(auth: .apiKey(header: "X-Api-Key", Secret(secret))) { _ in
            [.send(LoopbackServer.answer(#"{"data":[{"id":1,"echo":"\#(secret)"}]}"#))]
        }
        let body = try #require(result.answers[0].page?.records.first?.body)
        #expect(String(decoding: body, as: UTF8.self) == #"{"id":1,"echo":"***"}"#)
        #expect(result.arrivals[0].head.contains("X-Api-Key: \(secret)"))
    }

    @Test("refuses without sending what the configuration can't express")
    func refusal() async throws {
        let foreign = Fixture.list(PagePlace.offset(3).cursor)
        let result = try await answers(to: [foreign]) { _ in [.send(Self.empty)] }
        #expect(result.answers[0].failure?.code == "request")
        #expect(result.arrivals.isEmpty)
    }
}

extension RESTSource {
    fileprivate func answer(to request: SourceRequest) async -> SourceAnswer {
        await withCheckedContinuation { continuation in
            perform(request) { continuation.resume(returning: $0) }
        }
    }
}
