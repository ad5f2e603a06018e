internal import Glibc
internal import SyncCore

/// A counting semaphore whose waits are measured by a clock that nobody sets.
package final class Semaphore: @unchecked Sendable {
    // Guarded by `mutex`, which a condition variable needs in its C form.
    private var count = 0
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isSignalled: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        isSignalled = .allocate(capacity: 1)
        isSignalled.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(isSignalled, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isSignalled)
        isSignalled.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func signal() {
        pthread_mutex_lock(mutex)
        count += 1
        pthread_cond_signal(isSignalled)
        pthread_mutex_unlock(mutex)
    }

    package func wait() {
        pthread_mutex_lock(mutex)
        while count == 0 { pthread_cond_wait(isSignalled, mutex) }
        count -= 1
        pthread_mutex_unlock(mutex)
    }

    /// - Returns: whether it was signalled in time.
    package func wait(ns: Int64) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let total = Int64(until.tv_nsec) + ns
        until.tv_sec += Int(total / 1_000_000_000)
        until.tv_nsec = Int(total % 1_000_000_000)
        while count == 0 {
            if pthread_cond_timedwait(isSignalled, mutex, &until) != 0, count == 0 { return false }
        }
        count -= 1
        return true
    }
}
