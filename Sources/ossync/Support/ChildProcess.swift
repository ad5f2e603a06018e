import Glibc
import Locks
import SyncCore

/// This program once more, in a process of its own: LMDB may crash on a page that is damaged.
///
/// The child reports in lines of tab-separated words through a pipe, which a crash doesn't break,
/// and writes nothing else.
struct ChildProcess {
    /// What tells the child from a process that somebody started.
    static let flag = "--in-process"

    /// Where the child writes its reports.
    private static let reports: Int32 = 3

    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)

        /// Whether it ended by a fault of its own.
        var isCrash: Bool {
            if case .signalled(let number) = self { number != SIGKILL } else { false }
        }

        /// What it did, in words.
        var text: String {
            switch self {
            case .exited(let code): "ended with exit \(code) and no result"
            case .signalled(SIGKILL): "was killed"
            case .signalled(let number): "was ended by signal \(number): a page is damaged"
            }
        }
    }

    private static let running = Mutex<(pid: pid_t, stop: StopReason?)>((0, nil))

    /// Runs a child to its end.
    ///
    /// - Parameters:
    ///   - arguments: of the program, without its name.
    ///   - report: is told each line of its reports, in words.
    /// - Throws: exit 130 or 143 once a signal asked to stop, which the child is told.
    static func run(
        _ arguments: [String], _ report: ([String]) throws -> Void
    ) throws -> End {
        Signals.install()
        let pipe = try ProcessStart.pipe()
        let child: pid_t
        do {
            defer { close(pipe.write) }
            child = try ProcessStart.spawn(arguments, outputs: [(pipe.write, Self.reports)])
        } catch {
            close(pipe.read)
            throw error
        }
        running.withLock { $0 = (child, nil) }
        Signals.during { reason in
            running.withLock { running in
                running.stop = running.stop ?? reason
                if running.pid > 0 { kill(running.pid, reason == .sigint ? SIGINT : SIGTERM) }
            }
        }
        var problem: (any Error)?
        forEachLine(of: pipe.read) { words in
            guard problem == nil else { return }
            do { try report(words) } catch { problem = error }
        }
        close(pipe.read)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let stop = running.withLock { running in
            running.pid = 0
            return running.stop
        }
        Signals.during(nil)
        if let stop { throw CommandFailure.silent(128 + (stop == .sigint ? SIGINT : SIGTERM)) }
        if let problem { throw problem }
        let number = status & 0x7F
        if number == SIGINT || number == SIGTERM { throw CommandFailure.silent(128 + number) }
        return number == 0 ? .exited((status >> 8) & 0xFF) : .signalled(number)
    }

    private static func forEachLine(of descriptor: Int32, _ body: ([String]) -> Void) {
        var line: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            // What a crash cut off is no line.
            guard count > 0 else { return }
            for byte in block[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                body(
                    line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                        .map { String(decoding: $0, as: UTF8.self) })
                line.removeAll(keepingCapacity: true)
            }
        }
    }
}

// MARK: - In the child

extension ChildProcess {
    /// Whether this process is one that reports to its parent.
    static var isChild: Bool {
        var info = stat()
        return fstat(reports, &info) == 0 && info.st_mode & S_IFMT == S_IFIFO
    }

    /// Reports a line; without a parent to read it there is nothing to go on for.
    static func tell(_ words: [String]) {
        let text = words.map(\.withoutControls).joined(separator: "\t") + "\n"
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(reports, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { _exit(ExitCode.failure) }
            rest = rest.dropFirst(count)
        }
    }

    static func tell(_ words: String...) { tell(words) }

    /// Runs what the child is for; whatever it throws is reported.
    static func report(_ body: () throws -> Void) throws {
        guard isChild else {
            throw CommandFailure(ExitCode.usage, "\(flag) is for the program itself")
        }
        Output.outliveReader()
        do {
            try body()
        } catch {
            let failure = CommandFailure(describing: error)
            tell("failure", String(failure.exitCode), failure.message, failure.hint ?? "")
            throw CommandFailure.silent(failure.exitCode)
        }
    }

    /// The failure that a child reported as its last words.
    static func failure(_ words: [String]) -> CommandFailure? {
        guard words.count == 4, words[0] == "failure", let code = Int32(words[1]) else {
            return nil
        }
        return CommandFailure(code, words[2], hint: words[3].isEmpty ? nil : words[3])
    }
}
