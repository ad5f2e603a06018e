import Glibc
import SyncCore
import SyncEngine

/// Another program, looked for in PATH, run to its end with all of its input given at once.
///
/// Its input lies in a file without a name; of its output so much is kept as the caller can want,
/// however much it prints.
struct ExternalProgram {
    /// What is kept of an output; more is no answer of the programs that are asked for one.
    private static let mostOutputBytes = 1 << 20
    /// What is kept of what it says on standard error; the rest is read and forgotten.
    private static let mostMessageBytes = 1 << 12
    private static let pollMs: Int32 = 5

    struct Result {
        /// The exit code; 128 and the signal's number for one that a signal ended.
        let code: Int32
        /// It took longer than it may, or a signal asked us to stop.
        let wasKilled: Bool
        let output: [UInt8]
        /// What it said on standard error.
        let message: String

        /// The first line of that, for a message of ours.
        var reason: String {
            let first = message.split(separator: "\n").first.map(String.init)
            return first ?? "exit \(code)"
        }
    }

    /// - Parameters:
    ///   - environment: variables that it has beside ours.
    ///   - keepsOutput: whether anybody wants what it prints; else it goes nowhere.
    ///   - timeoutMs: how long it may take before it is killed with all that it started; nil: for
    ///     ever.
    /// - Throws: exit 1 where it can't be started, or prints more than is kept.
    static func run(
        _ words: [String], input: [UInt8] = [], environment: [(name: String, value: String)] = [],
        keepsOutput: Bool = true, timeoutMs: Int64? = nil
    ) throws -> Result {
        let name = words.first ?? ""
        guard let stream = tmpfile() else { throw failure(name, errno) }
        defer { fclose(stream) }
        let file = fileno(stream)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        try write(input, to: file, name)
        var outputs = Outputs()
        defer { outputs.close() }
        if keepsOutput { try outputs.open() }
        let child = try start(
            words, file, outputs.written, environment, ownGroup: timeoutMs != nil)
        outputs.closeWritten()
        let (status, wasKilled) = wait(for: child, timeoutMs, &outputs)
        guard outputs.printed.count <= mostOutputBytes else {
            throw CommandFailure(
                ExitCode.failure, "\(name) printed more than \(mostOutputBytes >> 20) MiB")
        }
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
        return Result(
            code: code, wasKilled: wasKilled, output: outputs.printed,
            message: String(decoding: outputs.said, as: UTF8.self))
    }

    private static func write(_ input: [UInt8], to file: Int32, _ name: String) throws {
        var rest = input[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failure(name, errno) }
            rest = rest.dropFirst(count)
        }
        lseek(file, 0, SEEK_SET)
    }

    private static func start(
        _ words: [String], _ input: Int32, _ outputs: [Int32],
        _ variables: [(name: String, value: String)],
        ownGroup: Bool
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        for (number, file) in zip([STDOUT_FILENO, STDERR_FILENO], outputs) {
            posix_spawn_file_actions_adddup2(&actions, file, number)
        }
        if outputs.isEmpty {
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What this process blocks or ignores is nothing to another program.
        var (none, ignored) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigemptyset(&ignored)
        for number in [SIGPIPE, SIGXFSZ] { sigaddset(&ignored, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &ignored)
        posix_spawnattr_setpgroup(&attributes, 0)
        let group = ownGroup ? POSIX_SPAWN_SETPGROUP : 0
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        pointers.append(nil)
        var environment = Self.environment(with: variables).map { strdup($0) }
        environment.append(nil)
        defer { for pointer in pointers + environment { free(pointer) } }
        var child = pid_t()
        let name = words.first ?? ""
        let status = posix_spawnp(&child, name, &actions, &attributes, pointers, environment)
        guard status == 0 else { throw failure(name, status) }
        return child
    }

    private static func environment(
        with variables: [(name: String, value: String)]
    ) -> [String] {
        var lines: [String] = []
        var next = environ
        while let variable = next.pointee {
            lines.append(String(cString: variable))
            next += 1
        }
        let names = variables.map { "\($0.name)=" }
        lines.removeAll { line in names.contains { line.hasPrefix($0) } }
        return lines + variables.map { "\($0.name)=\($0.value)" }
    }

    private static func wait(
        for child: pid_t, _ timeoutMs: Int64?, _ outputs: inout Outputs
    ) -> (status: Int32, wasKilled: Bool) {
        var status: Int32 = 0
        let clock = SystemClock()
        let endNs = timeoutMs.map { clock.read().bootNs + $0 * .nsPerMs }
        while waitpid(child, &status, WNOHANG) == 0 {
            let isLate = endNs.map { clock.read().bootNs > $0 || Interruption.isAsked } ?? false
            if isLate || outputs.printed.count > mostOutputBytes {
                kill(endNs == nil ? child : -child, SIGKILL)
                while waitpid(child, &status, 0) < 0, errno == EINTR {}
                return (status, isLate)
            }
            outputs.read(waitMs: pollMs)
        }
        // What it left in the pipes; what it started may still have them open.
        outputs.read(waitMs: 0)
        return (status, false)
    }

    private static func failure(_ name: String, _ status: Int32) -> CommandFailure {
        CommandFailure(
            ExitCode.failure, "\(name) can't be started: \(String(cString: strerror(status)))",
            hint: status == ENOENT ? "install it, or choose another --format" : nil)
    }

    /// The pipes of a child's two outputs, and what came out of them.
    private struct Outputs {
        /// At most a chunk beyond what is kept.
        private(set) var printed: [UInt8] = []
        private(set) var said: [UInt8] = []
        private var ends: [(read: Int32, write: Int32)] = []

        /// The child's ends, of standard output and error; none where they go nowhere.
        var written: [Int32] { ends.map(\.write) }

        mutating func open() throws {
            for _ in 0..<2 {
                let pipe = try ProcessStart.pipe()
                ends.append(pipe)
                _ = fcntl(pipe.read, F_SETFL, O_NONBLOCK)
            }
        }

        mutating func closeWritten() {
            for index in ends.indices where ends[index].write >= 0 {
                Glibc.close(ends[index].write)
                ends[index].write = -1
            }
        }

        mutating func close() {
            closeWritten()
            for end in ends where end.read >= 0 { Glibc.close(end.read) }
            ends = []
        }

        /// Waits so long for something to read, and reads what fits into a pipe at most.
        mutating func read(waitMs: Int32) {
            var polled = ends.map { pollfd(fd: $0.read, events: Int16(POLLIN), revents: 0) }
            _ = poll(&polled, nfds_t(polled.count), waitMs)
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            for number in ends.indices where ends[number].read >= 0 {
                let count = Glibc.read(ends[number].read, &chunk, chunk.count)
                if count == 0 {
                    Glibc.close(ends[number].read)
                    ends[number].read = -1
                }
                guard count > 0 else { continue }
                if number == 0 {
                    if printed.count <= mostOutputBytes { printed += chunk[..<count] }
                } else {
                    said += chunk[..<min(count, mostMessageBytes - said.count)]
                }
            }
        }
    }
}
