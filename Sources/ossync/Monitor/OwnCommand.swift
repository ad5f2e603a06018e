import CProcess
import Glibc
import SyncCore

/// A command of this program that the monitor started: a process in a session of its own, which
/// neither writes on the screen nor ends with it.
struct OwnCommand {
    enum Purpose: Equatable {
        case sync, health, queue

        /// A service that holds the store is asked for a run.
        fileprivate var arguments: [String] {
            self == .sync ? ["--if-running", SyncCommand.IfRunning.ask.rawValue] : []
        }
    }

    let purpose: Purpose
    /// For example `sync --mode full`.
    let words: String
    let id: pid_t
    /// What it says on standard error: a file without a name, which takes everything at once.
    private let said: Int32
    private(set) var isStopping = false

    /// - Parameters:
    ///   - arguments: the command and its options, but for those that say which store is meant.
    ///   - operands: what is no option, whatever it begins with.
    init(
        _ arguments: [String], _ operands: [String], _ purpose: Purpose, _ options: GlobalOptions
    ) throws {
        self.purpose = purpose
        words = (arguments + operands).joined(separator: " ").withoutControls
        said = memfd_create("ossync", ossync_memfd_cloexec)
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        guard said >= 0, nothing >= 0 else {
            throw CommandFailure(
                ExitCode.failure,
                "no file for what `ossync \(words)` says: \(String(cString: strerror(errno)))")
        }
        do {
            id = try ProcessStart.spawn(
                arguments + purpose.arguments + ["--quiet"] + options.passedOn
                    + (operands.isEmpty ? [] : ["--"] + operands),
                outputs: [
                    (nothing, STDIN_FILENO), (nothing, STDOUT_FILENO), (said, STDERR_FILENO),
                ], outlives: true)
        } catch {
            close(said)
            throw error
        }
    }

    /// Asks it to stop in an orderly way.
    mutating func stop() {
        isStopping = true
        kill(id, SIGTERM)
    }

    /// How it ended; nil while it runs.
    func end() -> (code: Int32, said: String)? {
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        defer { close(said) }
        let signal = status & 0x7F
        return (signal == 0 ? (status >> 8) & 0xFF : 128 + signal, lastLine)
    }

    private var lastLine: String {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let start = max(lseek(said, 0, SEEK_END) - off_t(bytes.count), 0)
        let count = max(pread(said, &bytes, bytes.count, start), 0)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.split(separator: "\n").last.map(String.init)?.withoutControls ?? ""
    }
}
