internal import FaultyDisk
internal import Glibc
internal import Simulation

/// A process that simulates what it reads from its standard input, a job a line, and answers with
/// a line each: what ends a process ends this one, and not the campaign.
enum Worker {
    static let argument = "--worker"

    static func run() {
        while let line = readLine() {
            guard let job = SimulationJob(line: line) else { continue }
            writeLine(job.perform(disk: .interposed).line)
        }
    }
}

/// A worker as the campaign sees it.
final class WorkerProcess {
    let pid: pid_t
    /// Where its answers come from.
    let output: Int32
    private let input: Int32
    private var received: [UInt8] = []
    private var isReaped = false

    /// Starts one.
    init() throws {
        var toWorker: [Int32] = [0, 0]
        var fromWorker: [Int32] = [0, 0]
        guard pipe(&toWorker) == 0, pipe(&fromWorker) == 0 else {
            throw WorkerFailure(operation: "pipe", code: errno)
        }
        // No worker inherits the pipes of another one.
        for end in toWorker + fromWorker { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toWorker[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fromWorker[1], STDOUT_FILENO)
        let arguments: [UnsafeMutablePointer<CChar>?] = [
            strdup("ossync-simulate"), strdup(Worker.argument), nil,
        ]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, nil, arguments, environ)
        close(toWorker[0])
        close(fromWorker[1])
        input = toWorker[1]
        output = fromWorker[0]
        self.pid = pid
        guard status == 0 else { throw WorkerFailure(operation: "start a worker", code: status) }
    }

    deinit {
        // At the end of its input it ends.
        close(input)
        close(output)
        if pid > 0, !isReaped { waitpid(pid, nil, 0) }
    }

    func send(_ job: SimulationJob) { writeLine(job.line, to: input) }

    enum Received {
        case nothing
        case line(String)
        /// The worker is gone, for this reason.
        case end(String)
    }

    /// Reads what is there.
    func receive() -> Received {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(output, &chunk, chunk.count)
        guard count > 0 else { return .end(reason()) }
        received += chunk[..<count]
        guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else { return .nothing }
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 1)
        return .line(line)
    }

    /// The processor time that it has used.
    var cpuNs: UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            return 0
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

    private func reason() -> String {
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        isReaped = true
        let signal = status & 0x7F
        return signal == 0
            ? "the process exits with \(status >> 8 & 0xFF)"
            : "the process is ended by signal \(signal)"
    }
}

struct WorkerFailure: Error, CustomStringConvertible {
    let operation: String
    let code: Int32

    var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
