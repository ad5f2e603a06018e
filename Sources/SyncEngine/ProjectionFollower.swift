internal import Glibc
package import Projections
internal import Synchronization

/// Keeps a projection close behind the log while a sync runs, on a thread of its own.
///
/// It is at most a second, or a thousand events, behind. What goes wrong with it never stops the
/// sync: the projection is caught up, or rebuilt, when someone asks for it.
package final class ProjectionFollower: @unchecked Sendable {
    private struct State {
        var pending = 0
        var isStopping = false
    }

    // Touched by the follower's own thread only.
    private var projector: Projector?
    private let state = Mutex(State())
    private let isBehind = Semaphore()
    private let isDone = Semaphore()

    private static let events = 1_000
    private static let intervalNs: Int64 = 1_000_000_000

    /// Starts to follow.
    ///
    /// - Parameter projector: given up to the follower's thread.
    package init(_ projector: sending Projector) {
        self.projector = projector
        BackgroundThread.run { [self] in follow() }
    }

    /// Tells that the log has grown by so many events.
    package func logGrew(by events: Int) {
        let isFull = state.withLock { state in
            state.pending += events
            return state.pending >= Self.events
        }
        if isFull { isBehind.signal() }
    }

    /// Ends the following; returns when the thread has let the projection go.
    package func stop() {
        state.withLock { $0.isStopping = true }
        isBehind.signal()
        isDone.wait()
        // For whoever else stops it.
        isDone.signal()
    }

    private func follow() {
        while true {
            _ = isBehind.wait(ns: Self.intervalNs)
            let (isStopping, pending) = state.withLock { state in
                defer { state.pending = 0 }
                return (state.isStopping, state.pending)
            }
            if isStopping { break }
            if pending > 0 { _ = try? projector?.catchUp() }
        }
        // The log must not outlive `stop` by the time that this thread takes to end: whoever opens
        // it next in this process may want it opened in another way.
        projector = nil
        isDone.signal()
    }
}

/// A counting semaphore of the system, in memory that doesn't move.
final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    init() {
        handle = .allocate(capacity: 1)
        handle.initialize(to: sem_t())
        sem_init(handle, 0, 0)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    func signal() { sem_post(handle) }

    func wait() { while sem_wait(handle) != 0, errno == EINTR {} }

    /// - Returns: whether it was signalled in time.
    func wait(ns: Int64) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        let total = Int64(until.tv_nsec) + ns
        until.tv_sec += Int(total / 1_000_000_000)
        until.tv_nsec = Int(total % 1_000_000_000)
        while sem_timedwait(handle, &until) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
