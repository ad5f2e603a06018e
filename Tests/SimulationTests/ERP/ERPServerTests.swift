import Dispatch
import Glibc
import Simulation
import Testing

struct ERPServerTests {
    private func withServer(
        _ configuration: ERPConfiguration,
        _ body: @escaping @Sendable (SimulatedERP, UInt16) throws -> Void
    ) async throws {
        let erp = SimulatedERP(configuration)
        let server = ERPServer(erp)
        let port = try await server.start()
        let result = await Self.blocking { try body(erp, port) }
        await server.stop()
        try result.get()
    }

    /// Runs what blocks outside the threads that tasks share: the server needs those to answer.
    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async -> Result<Value, any Error> {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "client").async {
                continuation.resume(returning: Result { try body() })
            }
        }
    }

    @Test func answersOverOneConnectionAreThoseOfTheModel() async throws {
        let configuration = ERPConfiguration(seed: 2, records: 1_200)
        try await withServer(configuration) { erp, port in
            let client = try RawClient(port: port)
            defer { client.close() }
            for target in [
                "/api/os?page=1&per_page=1000", "/api/os?id_gt=1190", "/api/os/5", "/api/health",
                "/api/os/details?ids=3%2C1,2",
            ] {
                let answer = try client.get(target)
                let expected = SimulatedERP(configuration).handle(.get(target), atNs: 0)
                #expect(answer.status == expected.status)
                #expect(answer.body == expected.body)
            }
            let arrivals = erp.arrivals.entries
            #expect(arrivals.map(\.endpoint) == [.list, .list, .detail, .health, .detail])
            #expect(arrivals.map(\.timeNs) == arrivals.map(\.timeNs).sorted())
        }
    }

    @Test func limitIsAnsweredWith429AndRetryAfter() async throws {
        var configuration = ERPConfiguration(seed: 2, records: 10)
        configuration.limits = [ERPLimit(requests: 1, seconds: 3_600)]
        configuration.token = "segredo-de-teste"
        try await withServer(configuration) { _, port in
            let client = try RawClient(port: port)
            defer { client.close() }
            let headers = "Authorization: Bearer segredo-de-teste\r\n"
            #expect(try client.get("/api/os").status == 401)
            #expect(try client.get("/api/os", headers: headers).status == 200)
            let refused = try client.get("/api/os", headers: headers)
            #expect(refused.status == 429)
            #expect(refused.head.lowercased().contains("\r\nretry-after: 36"))
        }
    }

    @Test func droppedConnectionSendsNothingAndTruncatedOneLess() async throws {
        var configuration = ERPConfiguration(seed: 2, records: 10)
        configuration.faults[.dropped] = 1
        configuration.faults.lastArrival = 1
        try await withServer(configuration) { _, port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try client.send("/api/os")
            #expect(client.receiveAll().isEmpty)
            let next = try RawClient(port: port)
            defer { next.close() }
            #expect(try next.get("/api/os").status == 200)
        }
        configuration.faults[.dropped] = 0
        configuration.faults[.truncated] = 1
        try await withServer(configuration) { _, port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try client.send("/api/os")
            let answer = try RawClient.Answer(client.receiveAll())
            let announced = try #require(answer.length)
            #expect(answer.body.count == announced / 2)
        }
    }

    @Test func aStalledBodyEndsHalfWayAfterItsStall() async throws {
        var configuration = ERPConfiguration(seed: 2, records: 10)
        configuration.faults[.stalledBody] = 1
        configuration.faults.stallNs = 200_000_000
        try await withServer(configuration) { _, port in
            let client = try RawClient(port: port)
            defer { client.close() }
            let clock = ContinuousClock()
            let start = clock.now
            try client.send("/api/os")
            let answer = try RawClient.Answer(client.receiveAll())
            let announced = try #require(answer.length)
            #expect(answer.body.count == announced / 2)
            #expect(clock.now - start >= .milliseconds(200))
        }
    }

    @Test func portIsFreeAgainAfterStopping() async throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 1))
        let server = ERPServer(erp)
        let port = try await server.start()
        let status = await Self.blocking {
            let client = try RawClient(port: port)
            defer { client.close() }
            return try client.get("/api/health").status
        }
        #expect(try status.get() == 200)
        let second = ERPServer(erp, port: port)
        await #expect(throws: SimulationError.self) { try await second.start() }
        await server.stop()
        #expect(await server.port == nil)
        #expect(try await second.start() == port)
        await second.stop()
    }
}

/// A blocking HTTP/1.1 client over a plain socket that keeps its connection.
private struct RawClient {
    struct Failed: Error { let what: String }

    struct Answer {
        let head: String
        let status: Int
        let length: Int?
        let body: [UInt8]

        init(_ bytes: [UInt8]) throws {
            guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
                throw Failed(what: "no header")
            }
            head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
            status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
            length = head.lowercased().split(separator: "\r\n")
                .first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
            body = Array(bytes[end.upperBound...])
        }
    }

    private let file: Int32

    init(port: UInt16) throws {
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            file, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafeBytes(of: &address) { bytes in
            connect(
                file, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(bytes.count))
        }
        guard result == 0 else { throw Failed(what: "connect: \(errno)") }
    }

    func close() { _ = Glibc.close(file) }

    func send(_ target: String, headers: String = "") throws {
        let text = "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(headers)\r\n"
        let sent = text.utf8.withContiguousStorageIfAvailable {
            Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard sent == text.utf8.count else { throw Failed(what: "send: \(errno)") }
    }

    func get(_ target: String, headers: String = "") throws -> Answer {
        try send(target, headers: headers)
        var bytes: [UInt8] = []
        while true {
            guard let more = receive() else { throw Failed(what: "closed after \(bytes.count)") }
            bytes += more
            if let answer = try? Answer(bytes), answer.body.count >= answer.length ?? 0 {
                return answer
            }
        }
    }

    /// Everything until the other side closes.
    func receiveAll() -> [UInt8] {
        var bytes: [UInt8] = []
        while let more = receive() { bytes += more }
        return bytes
    }

    private func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(file, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}
