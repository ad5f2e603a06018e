import Glibc
import Logging
import Synchronization

/// Standard output and standard error of a command: stdout is data, stderr is everything else.
struct Output: Sendable {
    enum Color: String, Sendable, CaseIterable {
        case auto, always, never
    }

    let isJSON: Bool
    let isQuiet: Bool
    let isVerbose: Bool
    private let color: Color

    init(isJSON: Bool, isQuiet: Bool, isVerbose: Bool, color: Color) {
        self.isJSON = isJSON
        self.isQuiet = isQuiet
        self.isVerbose = isVerbose
        self.color = color
    }

    /// Whether stderr is a terminal that a progress line can live on.
    var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && !isQuiet && !Self.logsJSON.load(ordering: .relaxed)
    }

    /// Whether text on stdout may be coloured, by flag, then `NO_COLOR`, `CLICOLOR_FORCE`,
    /// `CLICOLOR`.
    var usesColor: Bool {
        switch color {
        case .always: return true
        case .never: return false
        case .auto: break
        }
        if let none = Environment["NO_COLOR"], !none.isEmpty { return false }
        if let force = Environment["CLICOLOR_FORCE"], force != "0" { return true }
        if Environment["CLICOLOR"] == "0" || Environment["TERM"] == "dumb" { return false }
        return isatty(STDOUT_FILENO) == 1
    }

    /// The colours that say how something went, by their SGR number (ECMA-48).
    enum Ink: Int {
        case red = 31
        case green = 32
        case yellow = 33
    }

    /// The text in a colour, where stdout takes one.
    func paint(_ text: String, _ ink: Ink) -> String {
        usesColor && !isJSON ? "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// A line of data.
    func line(_ text: String) { Self.write(Array((text + "\n").utf8), to: STDOUT_FILENO) }

    /// Bytes of data, as they are.
    func bytes(_ bytes: [UInt8]) { Self.write(bytes, to: STDOUT_FILENO) }

    /// A line for people, unless they asked for quiet.
    ///
    /// - Parameters:
    ///   - level: of a line of a log, as which it may be wanted.
    ///   - metadata: what that says beside its text.
    func note(
        _ text: String, _ level: Logger.Level = .info, _ metadata: Logger.Metadata = [:]
    ) {
        if !isQuiet { Self.say(text, level, metadata) }
    }

    /// The same where somebody takes it in at once: for a thread that nothing may hold up.
    func noteAtOnce(_ text: String) {
        var stderr = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        // A pipe that can be written to has room for a page.
        if poll(&stderr, 1, 0) == 1 { note(text) }
    }

    /// A line for people who asked for more.
    func detail(_ text: String, _ metadata: Logger.Metadata = [:]) {
        if isVerbose { note(text, .info, metadata) }
    }

    /// A line about what went wrong beside the command's own work: always shown.
    func warn(_ text: String) { Self.say(text, .warning) }

    /// A line about an error: always shown.
    func error(_ text: String) { Self.say(text, .error) }

    /// Text on stderr without a line end, for a progress line.
    func raw(_ text: String) { Self.write(Array(text.utf8), to: STDERR_FILENO) }

    /// A question to whoever sits at the terminal.
    static func prompt(_ text: String) { write(Array(text.utf8), to: STDERR_FILENO) }

    /// The columns of the terminal that stderr is; nil where it is none.
    var columns: Int? { Self.columns(of: STDERR_FILENO) }

    private static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    /// How wide a plot on stdout may be: `COLUMNS`, else the terminal's columns, else 80.
    static var plotColumns: Int {
        let given = Environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        return min(max(given ?? columns(of: STDOUT_FILENO) ?? 80, 20), 1_000)
    }

    /// Whether the locale's characters are UTF-8, by the first of its variables that is set.
    static var isUnicode: Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { Environment[$0] }
            .first { !$0.isEmpty }
        let codeset = locale?.uppercased() ?? ""
        return codeset.contains("UTF-8") || codeset.contains("UTF8")
    }

    /// Why a line of data didn't get out, as an `errno`; 0 while all of them did.
    private static let failed = Atomic<Int32>(0)
    /// Whether the command has more to do than to be read, so that it goes on without a reader.
    private static let outlivesReader = Atomic<Bool>(false)

    /// For commands that do more than to print: they end by what they did, whoever reads it.
    static func outliveReader() {
        signal(SIGPIPE, SIG_IGN)
        outlivesReader.store(true, ordering: .relaxed)
    }

    /// - Throws: when data was lost on the way to standard output.
    static func checkWritten() throws {
        let number = failed.load(ordering: .relaxed)
        guard number != 0 else { return }
        throw CommandFailure(
            ExitCode.failure,
            "standard output: write failed: \(String(cString: strerror(number)))")
    }

    /// Whether lines on stderr are lines of a log, a JSON object each.
    private static let logsJSON = Atomic<Bool>(false)

    /// For commands that run unattended: in which form they say what they say on stderr.
    static func log(as format: LogLine.Format) {
        logsJSON.store(format == .json, ordering: .relaxed)
    }

    private static func say(
        _ text: String, _ level: Logger.Level, _ metadata: Logger.Metadata = [:]
    ) {
        let isJSON = logsJSON.load(ordering: .relaxed)
        let words = metadata[LogLine.event].map { "\($0): \(text)" } ?? text
        let line = isJSON ? LogLine(level, text, metadata).text(.json) : words
        write(Array((line + "\n").utf8), to: STDERR_FILENO)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                guard descriptor == STDOUT_FILENO else { return }
                if errno != EPIPE {
                    failed.store(errno, ordering: .relaxed)
                } else if !outlivesReader.load(ordering: .relaxed) {
                    // Nobody reads any more: as `head` does, so that a pipe ends quietly.
                    exit(0)
                }
                return
            }
            rest = rest.dropFirst(count)
        }
    }
}

/// The process's environment variables.
enum Environment {
    static subscript(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
