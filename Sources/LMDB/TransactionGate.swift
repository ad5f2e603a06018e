internal import Glibc

/// Counts the transactions of an environment that are open in this process: only when there is none
/// may the map be moved, because LMDB unmaps it under whoever reads.
final class TransactionGate: @unchecked Sendable {
    // Guarded by `mutex`, which a condition variable needs in its C form.
    private var open = 0
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isIdle: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        isIdle = .allocate(capacity: 1)
        isIdle.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(isIdle, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isIdle)
        isIdle.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// A transaction begins.
    func enter() {
        pthread_mutex_lock(mutex)
        open += 1
        pthread_mutex_unlock(mutex)
    }

    /// A transaction has ended.
    func leave() {
        pthread_mutex_lock(mutex)
        open -= 1
        if open == 0 { pthread_cond_broadcast(isIdle) }
        pthread_mutex_unlock(mutex)
    }

    /// Runs `body` while no transaction is open and none can begin.
    ///
    /// - Returns: what `body` returns; nil when others stayed open for `waitMs`.
    func whileIdle(waitMs: Int, _ body: () -> Int32) -> Int32? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let ns = until.tv_nsec + waitMs % 1_000 * 1_000_000
        until.tv_sec += waitMs / 1_000 + ns / 1_000_000_000
        until.tv_nsec = ns % 1_000_000_000
        while open > 0 {
            if pthread_cond_timedwait(isIdle, mutex, &until) != 0, open > 0 { return nil }
        }
        return body()
    }
}
