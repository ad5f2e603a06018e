internal import Glibc
package import SyncCore

/// Where the engine's thread waits: answers and requests to stop, left there by other threads.
package final class Mailbox: @unchecked Sendable {
    package enum Message: Sendable {
        case answered(intent: Position, SourceAnswer)
        case cancel(StopReason)
    }

    // Guarded by `mutex`, which a condition variable needs in its C form.
    private var messages: [Message] = []
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func put(_ message: Message) {
        pthread_mutex_lock(mutex)
        messages.append(message)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Takes everything that is there; waits at most `nanoseconds` for something to come.
    package func take(waitingNs nanoseconds: Int64) -> [Message] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if messages.isEmpty, nanoseconds > 0 {
            var until = timespec()
            clock_gettime(CLOCK_MONOTONIC, &until)
            let total = Int64(until.tv_nsec).saturatingAdd(nanoseconds)
            until.tv_sec += Int(total / .nsPerSecond)
            until.tv_nsec = Int(total % .nsPerSecond)
            while messages.isEmpty {
                if pthread_cond_timedwait(condition, mutex, &until) != 0 { break }
            }
        }
        defer { messages.removeAll(keepingCapacity: true) }
        return messages
    }
}
