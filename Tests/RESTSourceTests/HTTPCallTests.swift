import Testing

@testable import RESTSource

/// The status is the answer, whatever comes of the rest.
@Suite struct HTTPCallTests {
    private static let head = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)

    private func status(_ steps: [LoopbackServer.Step]) throws -> Int {
        let server = LoopbackServer { _ in steps }
        defer { server.stop() }
        let request = HTTPRequest(method: "POST", url: server.baseURL, headers: [], content: [1])
        let status = try HTTPCall().status(of: request, timeoutMs: 60_000)
        #expect(server.arrivals.count == 1)
        return status
    }

    @Test func anAnswerWithoutABody() throws {
        #expect(try status([.send(Self.head), .close]) == 204)
    }

    @Test func aBodyOfAnyLength() throws {
        let body = [UInt8](repeating: 7, count: 3 << 20)
        #expect(try status([.send(LoopbackServer.answer(bytes: body)), .close]) == 200)
        #expect(
            try status([
                .send(LoopbackServer.answer(bytes: body, status: "503 Busy")), .close,
            ]) == 503)
    }

    @Test func aBodyThatDripsOrBreaksOff() throws {
        let announced = "HTTP/1.1 202 Accepted\r\nContent-Length: 900000\r\n\r\n"
        let head = LoopbackServer.Step.send(Array(announced.utf8))
        #expect(try status([head, .drip([UInt8](repeating: 7, count: 900_000))]) == 202)
        #expect(try status([head, .close]) == 202)
    }

    @Test func whoClosesWithoutAStatusHasNotAnswered() {
        #expect(throws: TransportError.self) { try status([.close]) }
    }
}
