import Glibc
import Locks
import Simulation

/// The simulated ERP's server, started and stopped from a thread that doesn't run tasks.
final class DemoServer: Sendable {
    private let server: ERPServer

    init(_ configuration: ERPConfiguration, port: UInt16) {
        var configuration = configuration
        configuration.wallOffsetNs = ERPServer.wallOffsetNs()
        server = ERPServer(SimulatedERP(configuration), port: port)
    }

    /// - Returns: the base URL.
    func start() throws -> String {
        let server = server
        let result = Self.waiting { () -> Result<String, SimulationError> in
            do throws(SimulationError) {
                let port = try await server.start()
                return .success("http://127.0.0.1:\(port)/api")
            } catch {
                return .failure(error)
            }
        }
        do {
            return try result.get()
        } catch {
            throw CommandFailure(ExitCode.failure, "the simulated ERP can't start: \(error)")
        }
    }

    func stop() {
        let server = server
        Self.waiting { await server.stop() }
    }

    /// Runs a task and blocks this thread until it is done.
    @discardableResult
    private static func waiting<Value: Sendable>(
        _ body: @escaping @Sendable () async -> Value
    ) -> Value {
        let box = Box<Value>()
        Task { box.put(await body()) }
        return box.take()
    }
}

/// A place for one value, on which a thread can wait.
private final class Box<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func put(_ new: Value) { value.withLock { $0 = new } }

    func take() -> Value {
        while true {
            if let found = value.withLock({ $0 }) { return found }
            usleep(1_000)
        }
    }
}
