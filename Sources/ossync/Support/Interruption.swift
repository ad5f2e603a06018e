import Glibc
import SyncCore
import Synchronization

/// Lets SIGINT and SIGTERM end a long command that has something to take away first.
enum Interruption {
    private static let signal = Atomic<Int32>(0)
    /// The process that is waited for; 0 for none.
    private static let child = Atomic<pid_t>(0)

    /// From here on the first signal is kept for `check`, and ends the child that is waited for.
    static func begin() {
        Signals.install()
        Signals.during { ask($0) }
    }

    /// The same for whoever takes signals itself: what is to be ended ends.
    static func ask(_ reason: StopReason) {
        signal.store(reason == .sigint ? SIGINT : SIGTERM, ordering: .sequentiallyConsistent)
        stopChild()
    }

    /// Whether there was a signal.
    static var isAsked: Bool { signal.load(ordering: .sequentiallyConsistent) != 0 }

    /// - Parameter left: how things are left.
    /// - Throws: exit 130 or 143 once there was a signal.
    static func check(_ left: String = "nothing was kept") throws {
        let number = signal.load(ordering: .sequentiallyConsistent)
        guard number != 0 else { return }
        throw CommandFailure(
            128 + number, "stopped by \(number == SIGINT ? "SIGINT" : "SIGTERM"): \(left)")
    }

    /// Reads what a child prints until it ends, and waits for that.
    static func during<Result>(
        _ process: PipedProcess, _ body: () throws -> Result
    ) throws -> (Result, PipedProcess.End) {
        child.store(process.id, ordering: .sequentiallyConsistent)
        // One that came just before found no child.
        if signal.load(ordering: .sequentiallyConsistent) != 0 { stopChild() }
        let result = Swift.Result { try body() }
        if case .failure = result { stopChild() }
        child.store(0, ordering: .sequentiallyConsistent)
        let end = process.wait()
        try check()
        return (try result.get(), end)
    }

    private static func stopChild() {
        let id = child.load(ordering: .sequentiallyConsistent)
        if id > 0 { kill(id, SIGTERM) }
    }
}
