import EventLog
import Glibc
import SyncCore

/// What `log verify` says of a store, asked in a process of its own.
struct LogCheck {
    let events: UInt64
    let position: Position
    /// The head of the chain there, in hexadecimal digits.
    let head: String
    /// The first thing that is wrong.
    let problem: String?

    /// Checks a store.
    ///
    /// - Parameter skipsArchive: whether what is in its archive is left out.
    /// - Throws: when the check itself could not be made.
    static func run(
        store: String, skipsArchive: Bool, _ options: GlobalOptions, _ progress: FoldProgress
    ) throws -> LogCheck {
        var arguments = ["log", "verify", "--json", "--quiet", "--store", store]
        if let config = options.config { arguments += ["--config", config] }
        if skipsArchive { arguments.append("--without-archive") }
        let child = try PipedProcess(arguments)
        var found = Lines()
        let (_, end) = try Interruption.during(child) {
            try found.read(child.output, progress)
        }
        progress.end()
        switch end {
        case .killed(let number):
            throw CommandFailure(
                ExitCode.failure, "\(store): it could not be checked: ended by signal \(number)")
        case .fault(let number):
            return LogCheck(
                events: 0, position: .none, head: "",
                problem: "the check was ended by signal \(number): a page is damaged")
        case .code(let code, let message):
            guard code == 0 || code == ExitCode.corrupt, let summary = found.summary else {
                throw CommandFailure(
                    code == 0 ? ExitCode.failure : code,
                    "\(store): it could not be checked" + (message.isEmpty ? "" : ": \(message)"))
            }
            return LogCheck(
                events: summary.number("events") ?? 0,
                position: Position(summary.number("position") ?? 0),
                head: summary.text("head") ?? "",
                problem: found.problem ?? (code == 0 ? nil : "it is damaged"))
        }
    }

    /// What the child prints, line by line.
    private struct Lines {
        var problem: String?
        var summary: JSONFields?

        mutating func read(_ descriptor: Int32, _ progress: FoldProgress) throws {
            var rest: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = Glibc.read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest.append(contentsOf: chunk[..<count])
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    take(String(decoding: rest[..<end], as: UTF8.self), progress)
                    rest.removeSubrange(...end)
                }
            }
        }

        private mutating func take(_ line: String, _ progress: FoldProgress) {
            guard let fields = JSONFields(line) else { return }
            switch fields.text("type") {
            case "progress":
                guard let position = fields.number("position"), let end = fields.number("end")
                else { return }
                progress.tell(Position(position), Position(end))
            case "problem":
                guard problem == nil else { return }
                let place = fields.number("position").map { "position \($0): " } ?? ""
                problem = place + (fields.text("message") ?? "it is damaged")
            case "summary": summary = fields
            default: break
            }
        }
    }
}
