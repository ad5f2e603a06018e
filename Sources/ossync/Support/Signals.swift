import Glibc
import Locks
import SyncCore
import SyncEngine

/// SIGINT, SIGTERM, and SIGHUP, which is taken for SIGTERM except by a service: the first asks the
/// run to stop in an orderly way, the second ends the process at once, which loses nothing either.
/// Without a run, the first one ends the process.
enum Signals {
    private struct State {
        var isInstalled = false
        var onFirst: (@Sendable (StopReason) -> Void)?
        var onReload: (@Sendable () -> Void)?
        var received = 0
        var firstNs: Int64 = 0
    }

    /// `timeout` and terminals may send one signal twice, to the process and to its group.
    private static let repeatNs: Int64 = 300_000_000

    private static let state = Mutex(State())

    /// Hands the signals to a thread of their own. Call it before any other thread is started: they
    /// inherit that the signals are blocked.
    static func install() {
        let isFirst = state.withLock { state in
            defer { state.isInstalled = true }
            return !state.isInstalled
        }
        guard isFirst else { return }
        var set = handled
        pthread_sigmask(SIG_BLOCK, &set, nil)
        BackgroundThread.run {
            while true {
                var set = handled
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { continue }
                if number == SIGHUP {
                    if let reload = state.withLock({ $0.onReload }) {
                        reload()
                        continue
                    }
                    number = SIGTERM
                }
                receive(number)
            }
        }
    }

    /// Sets what the first signal does, while a run is under way; nil ends the process again.
    static func during(_ onFirst: (@Sendable (StopReason) -> Void)?) {
        state.withLock { $0.onFirst = onFirst }
    }

    /// Sets what SIGHUP does from here on.
    static func onReload(_ reload: @escaping @Sendable () -> Void) {
        state.withLock { $0.onReload = reload }
    }

    private static var handled: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        // Under nohup it outlives its terminal, and in the background of a script what is typed at
        // it; a signal that is waited for comes even if ignored.
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
            sigaddset(&set, number)
        }
        return set
    }

    /// Whether a signal does nothing, as whoever started the process may want it.
    static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        return handler == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func receive(_ number: Int32) {
        let now = SystemClock().read().bootNs
        let (action, isRepeat) = state.withLock { state in
            if state.received == 1, now - state.firstNs < repeatNs {
                return (state.onFirst, true)
            }
            state.received += 1
            state.firstNs = now
            return (state.received == 1 ? state.onFirst : nil, false)
        }
        guard let action else {
            CrashHandler.beforeEnd()
            _exit(128 + number)
        }
        if isRepeat { return }
        action(number == SIGINT ? .sigint : .sigterm)
    }
}
