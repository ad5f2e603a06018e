import Glibc
import SyncCore
import SyncEngine

/// SIGINT and SIGTERM: the first asks the run to stop in an orderly way, the second ends the process
/// at once, which loses nothing either.
enum Signals {
    /// Blocks the signals in every thread that is started from now on, and hands them to a thread of
    /// their own. Call it before any other thread exists.
    static func watch(_ onFirst: @escaping @Sendable (StopReason) -> Void) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        Background.run {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGINT)
            sigaddset(&set, SIGTERM)
            var isFirst = true
            while true {
                var received: Int32 = 0
                guard sigwait(&set, &received) == 0 else { continue }
                if !isFirst { _exit(128 + received) }
                isFirst = false
                onFirst(received == SIGINT ? .sigint : .sigterm)
            }
        }
    }
}
