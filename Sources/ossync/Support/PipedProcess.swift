import Glibc
import SyncCore

/// This program once more, as a process of its own, whose outputs are read: what LMDB crashes on
/// ends it alone, and what it printed until then is had.
struct PipedProcess {
    /// How it ended.
    enum End {
        /// - Parameter message: what it said on standard error.
        case code(Int32, message: String)
        /// By a fault: LMDB crashed, so a page is damaged.
        case fault(Int32)
        /// Somebody ended it, or the system for want of memory.
        case killed(Int32)
    }

    let id: pid_t
    /// What it prints.
    let output: Int32
    private let errors: Int32

    /// Starts it with these arguments.
    init(_ arguments: [String]) throws {
        let printed = try ProcessStart.pipe()
        defer { close(printed.write) }
        let said = try ProcessStart.pipe()
        defer { close(said.write) }
        (output, errors) = (printed.read, said.read)
        do {
            id = try ProcessStart.spawn(
                arguments,
                outputs: [(printed.write, STDOUT_FILENO), (said.write, STDERR_FILENO)])
        } catch {
            close(output)
            close(errors)
            throw error
        }
    }

    /// Waits for its end, and lets go of what it printed.
    func wait() -> End {
        // Whatever it still prints has no reader.
        close(output)
        var result: Int32 = 0
        while waitpid(id, &result, 0) < 0, errno == EINTR {}
        let message = Self.line(errors)
        close(errors)
        let signal = result & 0x7F
        if signal == 0 { return .code((result >> 8) & 0xFF, message: message) }
        return CrashHandler.isFault(signal) ? .fault(signal) : .killed(signal)
    }

    /// The first line of what a command that failed said, without the program's name.
    private static func line(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = max(read(descriptor, &bytes, bytes.count), 0)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let first = text.split(separator: "\n").first.map(String.init) ?? ""
        return first.hasPrefix("ossync: ") ? String(first.dropFirst(8)) : first
    }
}
