import CProcess
import Glibc
import SyncCore
import Synchronization

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
    /// What it says on standard error, and its summary on standard output: files without a name,
    /// which take everything at once.
    private let said: Int32
    private let printed: Int32
    private(set) var isStopping = false

    /// The sync that was not yet asked to stop, for a handler of a signal; 0 for none.
    private static let runningSync = Atomic<pid_t>(0)

    /// How a command ended.
    struct End {
        let code: Int32
        /// The last line on standard error.
        let said: String
        /// Of the summary; nil where there is none.
        let reason: String?
        let message: String?
    }

    /// - Parameters:
    ///   - arguments: the command and its options, but for those that say which store is meant.
    ///   - operands: what is no option, whatever it begins with.
    init(
        _ arguments: [String], _ operands: [String], _ purpose: Purpose, _ options: GlobalOptions
    ) throws {
        self.purpose = purpose
        words = (arguments + operands).joined(separator: " ").withoutControls
        said = memfd_create("ossync", ossync_memfd_cloexec)
        printed = memfd_create("ossync", ossync_memfd_cloexec)
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { Self.close([nothing]) }
        guard said >= 0, printed >= 0, nothing >= 0 else {
            let reason = String(cString: strerror(errno))
            Self.close([said, printed])
            throw CommandFailure(
                ExitCode.failure, "no file for what `ossync \(words)` says: \(reason)")
        }
        do {
            id = try ProcessStart.spawn(
                arguments + purpose.arguments + ["--quiet", "--json"] + options.passedOn
                    + (operands.isEmpty ? [] : ["--"] + operands),
                outputs: [
                    (nothing, STDIN_FILENO), (printed, STDOUT_FILENO), (said, STDERR_FILENO),
                ], outlives: true)
        } catch {
            Self.close([said, printed])
            throw error
        }
        if purpose == .sync { Self.runningSync.store(id, ordering: .sequentiallyConsistent) }
    }

    private static func close(_ files: [Int32]) {
        for file in files where file >= 0 { Glibc.close(file) }
    }

    /// Asks the sync that runs to stop, once; for a handler of a signal.
    static func stopSync() {
        let id = runningSync.exchange(0, ordering: .sequentiallyConsistent)
        if id > 0 { kill(id, SIGTERM) }
    }

    /// From here on no signal stops the sync that runs.
    ///
    /// Called once before a handler may run: what a handler uses must be there.
    static func forgetSync() { runningSync.store(0, ordering: .sequentiallyConsistent) }

    /// Asks it to stop in an orderly way.
    mutating func stop() {
        isStopping = true
        Self.forgetSync()
        kill(id, SIGTERM)
    }

    /// How it ended; nil while it runs.
    func end() -> End? {
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        defer { Self.close([said, printed]) }
        // Its number may be another process's from here on.
        if purpose == .sync { Self.forgetSync() }
        let signal = status & 0x7F
        let summary = JSONFields(Self.lastLine(of: printed))
        return End(
            code: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
            said: Self.lastLine(of: said).withoutControls, reason: summary?.text("reason"),
            message: summary?.text("message")?.withoutControls)
    }

    private static func lastLine(of file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let start = max(lseek(file, 0, SEEK_END) - off_t(bytes.count), 0)
        let count = max(pread(file, &bytes, bytes.count, start), 0)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }
}
