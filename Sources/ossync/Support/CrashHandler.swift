import Glibc

/// What the process says when it is ended by a fault: one line and the code for a damaged store.
///
/// LMDB checks no page: a damaged one may lead it, or whoever reads what it found, anywhere. Left
/// to itself, the runtime would print a trace with pieces of memory in it.
enum CrashHandler {
    private static let faults = [SIGBUS, SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP]

    /// What else ends a process that does nothing about it, but for what `Signals` takes.
    private static var endings: [Int32] {
        [
            SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSYS,
            SIGSTKFLT,
        ] + (__libc_current_sigrtmin()...__libc_current_sigrtmax())
    }

    /// Whether a signal is one that a fault of the process itself brings.
    static func isFault(_ number: Int32) -> Bool { faults.contains(number) }

    /// Says it in this process.
    ///
    /// - Parameter isJSON: whether the last line of standard output is an error as JSON.
    static func install(isJSON: Bool) {
        for number in faults {
            crashLines[Int(number)] = lines(number, isJSON: isJSON)
        }
        useStackOfItsOwn()
        set { number in
            // Nothing but what a handler of a signal may do: everything was made before.
            CrashHandler.beforeEnd()
            let lines = crashLines[Int(number)]
            _ = write(STDERR_FILENO, lines.forPeople.baseAddress, lines.forPeople.count)
            if lines.json.count > 0 {
                _ = write(STDOUT_FILENO, lines.json.baseAddress, lines.json.count)
            }
            _exit(CrashHandler.exitCode(number))
        }
    }

    /// Has something done before a signal ends the process, such as to give the terminal back.
    ///
    /// - Parameter last: it calls nothing but what a handler of a signal may call.
    static func beforeEnd(do last: @escaping @convention(c) () -> Void) {
        doLast = last
        for number in endings where !Signals.isIgnored(number) {
            set(number) { number in
                CrashHandler.beforeEnd()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        // A write that finds no reader fails, and that is told. Whom this process starts doesn't
        // inherit a handler, as it would that the signal is ignored.
        if !Signals.isIgnored(SIGPIPE) { set(SIGPIPE) { _ in } }
    }

    static func beforeEnd() { doLast?() }

    /// Lets a fault end this process by its signal, at once: for a child whose parent tells.
    static func leaveToParent() { set(SIG_DFL) }

    private static func set(_ handler: __sighandler_t?) {
        for number in faults { set(number, handler) }
        // Somebody's wish and no fault, but the runtime would print its trace, and go on.
        if !Signals.isIgnored(SIGQUIT) { signal(SIGQUIT, SIG_DFL) }
    }

    private static func set(_ number: Int32, _ handler: __sighandler_t?) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(SA_ONSTACK)
        sigemptyset(&action.sa_mask)
        sigaction(number, &action, nil)
    }

    /// A stack that overflowed has no room for the handler.
    private static func useStackOfItsOwn() {
        let size = 64 << 10
        var stack = stack_t()
        stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        stack.ss_size = size
        sigaltstack(&stack, nil)
    }

    /// A fault of memory, or LMDB's own assertion, means a damaged store; a trap means a defect.
    private static func exitCode(_ number: Int32) -> Int32 {
        switch number {
        case SIGILL, SIGTRAP, SIGFPE: ExitCode.failure
        default: ExitCode.corrupt
        }
    }

    private static func lines(_ number: Int32, isJSON: Bool) -> CrashLines {
        let message = "ended by signal \(number): the store may be damaged, or ossync has a defect"
        let hint =
            "run `ossync log verify`; if it finds nothing, delete the folder projections/ of the "
            + "store, which is always safe; if that doesn't help, report this"
        let json = JSONText.object([
            ("v", .number(1)), ("type", "error"), ("exitCode", .number(exitCode(number))),
            ("message", .string(message)), ("hint", .string(hint)),
        ])
        return CrashLines(
            forPeople: kept("ossync: \(message); \(hint)\n"),
            json: kept(isJSON ? json.line + "\n" : ""))
    }

    /// Bytes that stay where they are.
    private static func kept(_ text: String) -> UnsafeBufferPointer<UInt8> {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = bytes.initialize(fromContentsOf: Array(text.utf8))
        return UnsafeBufferPointer(bytes)
    }
}

/// Set once, before anything that it is for can happen.
nonisolated(unsafe) private var doLast: (@convention(c) () -> Void)?

private struct CrashLines {
    let forPeople: UnsafeBufferPointer<UInt8>
    let json: UnsafeBufferPointer<UInt8>
}

/// By the number of the signal; written once, before a handler can run.
nonisolated(unsafe) private let crashLines: UnsafeMutablePointer<CrashLines> = {
    let lines = UnsafeMutablePointer<CrashLines>.allocate(capacity: 65)
    let none = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    lines.initialize(repeating: CrashLines(forPeople: none, json: none), count: 65)
    return lines
}()
