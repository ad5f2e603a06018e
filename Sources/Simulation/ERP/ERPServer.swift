internal import FlyingFox
internal import FlyingSocks
internal import FoundationEssentials
import Glibc
import Synchronization

/// Serves a simulated ERP over real HTTP on loopback.
///
/// An arrival's time is read from the boot clock when the request has been read, before any wait.
/// Connections are kept alive; an answer that must be dropped or cut short closes its own.
package actor ERPServer {
    private let erp: SimulatedERP
    private let wantedPort: UInt16
    private var running: (server: HTTPServer, task: Task<Void, any Error>, port: UInt16)?

    /// `port` 0 takes any free one.
    package init(_ erp: SimulatedERP, port: UInt16 = 0) {
        self.erp = erp
        wantedPort = port
    }

    /// Begins to listen and returns the port; does nothing when it listens already.
    @discardableResult
    package func start() async throws(SimulationError) -> UInt16 {
        if let running { return running.port }
        let place = "127.0.0.1:\(wantedPort)"
        do {
            let server = HTTPServer(
                address: try .inet(ip4: "127.0.0.1", port: wantedPort),
                timeout: Self.patienceSeconds(erp.configuration),
                pool: NoDelayPool(base: HTTPServer.defaultPool()),
                logger: .disabled,
                handler: ERPHandler(erp: erp))
            let task = Task { try await server.run() }
            let listening = Task { try await server.waitUntilListening(timeout: 5) }
            // A server that can't listen ends at once; then nobody need wait the whole time.
            Task {
                _ = await task.result
                listening.cancel()
            }
            do {
                try await listening.value
            } catch {
                task.cancel()
                // The task knows why; the wait only knows that it waited in vain.
                try await task.value
                throw error
            }
            guard case .ip4(_, let port) = await server.listeningAddress else {
                task.cancel()
                throw SimulationError(
                    operation: "listen", place: place, hint: "the socket has no IPv4 address")
            }
            running = (server, task, port)
            return port
        } catch let error as SimulationError {
            throw error
        } catch {
            throw SimulationError(
                operation: "listen", place: place,
                hint: "\(error); is the port free? Port 0 takes any free one")
        }
    }

    /// The port it listens on; nil when it doesn't.
    package var port: UInt16? { running?.port }

    /// Where the API begins, for example `http://127.0.0.1:40123/api`; nil when not listening.
    package var baseURL: String? { running.map { "http://127.0.0.1:\($0.port)/api" } }

    /// Stops listening and closes every connection; requests being answered get `graceSeconds`.
    package func stop(graceSeconds: Double = 0) async {
        guard let (server, task, _) = running else { return }
        running = nil
        await server.stop(timeout: graceSeconds)
        task.cancel()
        _ = await task.result
    }

    /// Longer than any answer takes, but not by much: the server starts a timer for each request
    /// that keeps some 700 bytes until it has run out, though the request is long answered.
    private static func patienceSeconds(_ configuration: ERPConfiguration) -> Double {
        let latency = configuration.latency
        let faults = configuration.faults
        let stalls =
            faults[.stalled] + faults[.stalledBody] > 0
            || faults.poisonForms.contains { $0 == .stalled || $0 == .stalledBody }
        let stallNs = stalls ? faults.stallNs : 0
        return 10 + Double(latency.baseNs + latency.jitterNs + stallNs) / 1e9
    }

    /// Nanoseconds of the clock that goes on while the machine sleeps.
    package static func nowNs() -> Int64 { clockNs(CLOCK_BOOTTIME) }

    /// What added to `nowNs()` gives nanoseconds of UTC; for `ERPConfiguration.wallOffsetNs`.
    package static func wallOffsetNs() -> Int64 { clockNs(CLOCK_REALTIME) - nowNs() }

    private static func clockNs(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Turns wire requests into the ERP's and its replies into wire answers.
private struct ERPHandler: HTTPHandler {
    let erp: SimulatedERP

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        let now = ERPServer.nowNs()
        let reply = erp.handle(
            ERPRequest(
                method: request.method.rawValue, target: request.target.rawValue,
                headers: request.headers.map { ERPRequest.Field($0.key.rawValue, $0.value) }),
            atNs: now)
        if reply.delayNs > 0 {
            // Later is fine, earlier is not: what the handling took is part of the delay.
            let remaining = reply.delayNs - (ERPServer.nowNs() - now)
            if remaining > 0 { try await Task.sleep(nanoseconds: UInt64(remaining)) }
        }
        var headers = HTTPHeaders()
        for header in reply.headers {
            headers.setValues([header.value], for: HTTPHeader(header.name))
        }
        let status = HTTPStatusCode(reply.status, phrase: Self.phrase(reply.status))
        let chunk = max(1, reply.body.count)
        switch reply.delivery {
        case .complete:
            return HTTPResponse(
                statusCode: status, headers: headers,
                body: HTTPBodySequence(data: Data(reply.body), suggestedBufferSize: chunk))
        case .dropped:
            return HTTPResponse(headers: headers, webSocket: ClosesConnection())
        case .truncated(let count):
            return HTTPResponse(
                statusCode: status, headers: headers,
                body: HTTPBodySequence(
                    from: CutShort(bytes: Array(reply.body.prefix(count))),
                    count: reply.body.count, suggestedBufferSize: chunk))
        case .stalled(let count):
            let cut = CutShort(
                bytes: Array(reply.body.prefix(count)),
                stallNs: UInt64(erp.configuration.faults.stallNs))
            return HTTPResponse(
                statusCode: status, headers: headers,
                body: HTTPBodySequence(
                    from: cut, count: reply.body.count, suggestedBufferSize: chunk))
        }
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 410: "Gone"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Status"
        }
    }
}

private struct ConnectionCut: Error {}

/// Closes the connection before a byte is sent: the server asks a WebSocket's handler before it
/// writes the answer's header, and closes on an error. It has no other way to answer nothing.
private struct ClosesConnection: WSHandler {
    func makeFrames(
        for client: AsyncThrowingStream<WSFrame, any Error>
    ) async throws -> AsyncStream<WSFrame> {
        throw ConnectionCut()
    }
}

/// A body that ends in an error, at which the server closes the connection: at once, or after a
/// while in which nothing comes.
private struct CutShort: AsyncBufferedSequence, Sendable {
    typealias Element = UInt8

    let bytes: [UInt8]
    var stallNs: UInt64 = 0

    func makeAsyncIterator() -> Iterator { Iterator(bytes: bytes, stallNs: stallNs) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        var bytes: [UInt8]
        let stallNs: UInt64
        var isSent = false

        mutating func next() async throws -> UInt8? {
            try await nextBuffer(suggested: 1)?.first
        }

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
            guard !isSent, !bytes.isEmpty else {
                if stallNs > 0 { try await Task.sleep(nanoseconds: stallNs) }
                throw ConnectionCut()
            }
            isSent = true
            return bytes
        }
    }
}

/// Sets TCP_NODELAY on the listening socket, from which Linux passes it on to every connection.
///
/// The server writes header and body apart; with Nagle's algorithm the body would wait for the
/// client's delayed acknowledgement, 40 ms. The pool is the one place that sees the socket, and
/// the first one it is asked to wait for is the one that listens.
private final class NoDelayPool<Base: AsyncSocketPool>: AsyncSocketPool {
    private let base: Base
    private let isSet = Atomic(false)

    init(base: Base) { self.base = base }

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        if !isSet.exchange(true, ordering: .relaxed) {
            var on: Int32 = 1
            _ = setsockopt(
                socket.file.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on,
                socklen_t(MemoryLayout<Int32>.size))
        }
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}
