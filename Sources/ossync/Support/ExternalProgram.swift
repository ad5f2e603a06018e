import Glibc

/// Another program, looked for in PATH, run to its end with all of its input given at once.
///
/// What it reads and writes lies in files without a name: neither side waits for the other.
struct ExternalProgram {
    struct Result {
        /// The exit code; 128 and the signal's number for one that a signal ended.
        let code: Int32
        let output: [UInt8]
        /// What it said on standard error.
        let message: String

        /// The first line of that, for a message of ours.
        var reason: String {
            let first = message.split(separator: "\n").first.map(String.init)
            return first ?? "exit \(code)"
        }
    }

    /// - Throws: exit 1 where it can't be started.
    static func run(_ words: [String], input: [UInt8] = []) throws -> Result {
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
        let status = wait(for: try start(words, files: files))
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
        return Result(
            code: code, output: bytes(of: files[1]),
            message: String(decoding: bytes(of: files[2]), as: UTF8.self))
    }

    private static func start(_ words: [String], files: [Int32]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var child = pid_t()
        let name = words.first ?? ""
        let status = posix_spawnp(&child, name, &actions, nil, pointers, environ)
        guard status == 0 else { throw failure(name, status) }
        return child
    }

    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status
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
