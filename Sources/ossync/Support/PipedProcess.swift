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
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // This process may have a thread of its own for the signals, and so has them blocked.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var pipes: [(read: Int32, write: Int32)] = []
        defer { for pipe in pipes { close(pipe.write) } }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            let pipe = try Self.pipe()
            pipes.append(pipe)
            posix_spawn_file_actions_adddup2(&actions, pipe.write, descriptor)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] =
            (["ossync"] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var id = pid_t()
        let status = posix_spawn(&id, "/proc/self/exe", &actions, &attributes, pointers, environ)
        guard status == 0 else {
            for pipe in pipes { close(pipe.read) }
            throw Self.failure(status)
        }
        self.id = id
        output = pipes[0].read
        errors = pipes[1].read
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw failure(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func failure(_ status: Int32) -> CommandFailure {
        CommandFailure(
            ExitCode.failure,
            "a process of its own could not be started: \(String(cString: strerror(status)))")
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
