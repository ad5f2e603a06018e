internal import Glibc

/// A value that one thread at a time may use.
///
/// It stands on a POSIX mutex. The thread sanitizer knows nothing of the standard library's mutex,
/// and takes whatever goes from one thread to another through it for a race.
package final class Mutex<Value: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        // A thread that asks for what it has would wait for ever.
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Lends the value to `body`, which must not ask for it again: that ends the program.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        let status = pthread_mutex_lock(mutex)
        precondition(status == 0, "a mutex is asked for by the thread that has it")
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
