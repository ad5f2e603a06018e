import Glibc
import SyncCore
import SyncEngine

/// Another program, looked for in PATH, run to its end with all of its input given at once.
///
/// What it reads and writes lies in files without a name: neither side waits for the other.
struct ExternalProgram {
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
    ///   - timeoutMs: how long it may take before it is killed with all that it started; nil: for
    ///     ever.
    /// - Throws: exit 1 where it can't be started.
    static func run(
        _ words: [String], input: [UInt8] = [], environment: [(name: String, value: String)] = [],
        timeoutMs: Int64? = nil
    ) throws -> Result {
        let name = words.first ?? ""
        var streams: [UnsafeMutablePointer<FILE>] = []
        defer { for stream in streams { fclose(stream) } }
        for _ in 0..<3 {
            guard let stream = tmpfile() else { throw failure(name, errno) }
            streams.append(stream)
        }
        let files = streams.map { fileno($0) }
        for file in files { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
        var rest = input[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(files[0], $0.baseAddress, $0.count) }
            guard count > 0 else { throw failure(name, errno) }
            rest = rest.dropFirst(count)
        }
        lseek(files[0], 0, SEEK_SET)
        let child = try start(words, files, environment, ownGroup: timeoutMs != nil)
        let (status, wasKilled) = wait(for: child, timeoutMs)
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
        return Result(
            code: code, wasKilled: wasKilled, output: bytes(of: files[1]),
            message: String(decoding: bytes(of: files[2]), as: UTF8.self))
    }

    private static func start(
        _ words: [String], _ files: [Int32], _ variables: [(name: String, value: String)],
        ownGroup: Bool
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
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
        for child: pid_t, _ timeoutMs: Int64?
    ) -> (status: Int32, wasKilled: Bool) {
        var status: Int32 = 0
        guard let timeoutMs else {
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            return (status, false)
        }
        let clock = SystemClock()
        let endNs = clock.read().bootNs + timeoutMs * .nsPerMs
        while waitpid(child, &status, WNOHANG) == 0 {
            if clock.read().bootNs > endNs || Interruption.isAsked {
                kill(-child, SIGKILL)
                while waitpid(child, &status, 0) < 0, errno == EINTR {}
                return (status, true)
            }
            usleep(5_000)
        }
        return (status, false)
    }

    private static func bytes(of file: Int32) -> [UInt8] {
        lseek(file, 0, SEEK_SET)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(file, &chunk, chunk.count)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func failure(_ name: String, _ status: Int32) -> CommandFailure {
        CommandFailure(
            ExitCode.failure, "\(name) can't be started: \(String(cString: strerror(status)))",
            hint: status == ENOENT ? "install it, or choose another --format" : nil)
    }
}
