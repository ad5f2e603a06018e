import Glibc
import Locks

/// A server of raw bytes on a free port of this machine: a script decides what it sends.
///
/// It serves each connection on a thread of its own and counts the requests that arrive.
final class LoopbackServer: Sendable {
    enum Step: Sendable {
        case send([UInt8])
        /// Sends the bytes one by one until the other side has gone.
        case drip([UInt8])
        /// Says nothing until the other side has gone.
        case hang
        case close
    }

    struct Arrival: Sendable {
        /// The request line and headers.
        let head: String
        let connection: Int
        /// Counted on its connection, from 0.
        let number: Int
    }

    private struct State {
        var arrivals: [Arrival] = []
        var sockets: [Int32] = []
        var threads: [pthread_t] = []
        var isStopped = false
    }

    let port: UInt16
    private let listener: Int32
    private let script: @Sendable (Arrival) -> [Step]
    private let state = Mutex(State())

    init(_ script: @escaping @Sendable (Arrival) -> [Step]) {
        self.script = script
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            precondition(bind(listener, pointer, length) == 0 && listen(listener, 64) == 0)
            getsockname(listener, pointer, &length)
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        start { $0.accept() }
    }

    var baseURL: String { "http://127.0.0.1:\(port)/api" }

    var arrivals: [Arrival] { state.withLock { $0.arrivals } }

    /// Ends all connections and threads.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
        shutdown(listener, Int32(SHUT_RDWR))
        while let thread = state.withLock({ $0.threads.popLast() }) { pthread_join(thread, nil) }
        close(listener)
    }

    static func answer(
        _ body: String, status: String = "200 OK", headers: [String] = []
    ) -> [UInt8] {
        answer(bytes: Array(body.utf8), status: status, headers: headers)
    }

    static func answer(
        bytes: [UInt8], status: String = "200 OK", headers: [String] = []
    ) -> [UInt8] {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(bytes.count)"] + headers + ["", ""]
        return Array(lines.joined(separator: "\r\n").utf8) + bytes
    }

    private func accept() {
        var connection = 0
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            guard socket >= 0 else { return }
            let number = connection
            connection += 1
            let isStopped = state.withLock { state in
                state.sockets.append(socket)
                return state.isStopped
            }
            if isStopped { shutdown(socket, Int32(SHUT_RDWR)) }
            start { $0.serve(socket, number) }
        }
    }

    private func serve(_ socket: Int32, _ connection: Int) {
        defer {
            state.withLock { $0.sockets.removeAll { $0 == socket } }
            close(socket)
        }
        var number = 0
        while let head = readHead(socket) {
            let arrival = Arrival(head: head, connection: connection, number: number)
            number += 1
            state.withLock { $0.arrivals.append(arrival) }
            for step in script(arrival) {
                switch step {
                case .send(let bytes): guard send(bytes, socket) else { return }
                case .drip(let bytes):
                    for byte in bytes {
                        guard send([byte], socket) else { return }
                        usleep(5_000)
                    }
                case .hang:
                    while readHead(socket) != nil {}
                    return
                case .close: return
                }
            }
        }
    }

    private func readHead(_ socket: Int32) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, 0) == 1 {
            bytes.append(byte)
            if bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }

    private func send(_ bytes: [UInt8], _ socket: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private final class Work: Sendable {
        let server: LoopbackServer
        let body: @Sendable (LoopbackServer) -> Void

        init(_ server: LoopbackServer, _ body: @escaping @Sendable (LoopbackServer) -> Void) {
            self.server = server
            self.body = body
        }
    }

    private func start(_ body: @escaping @Sendable (LoopbackServer) -> Void) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(self, body))
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                work.body(work.server)
                return nil
            }, work.toOpaque())
        let started = thread
        state.withLock { $0.threads.append(started) }
    }
}
