internal import Glibc
internal import Locks
package import Projections

/// Keeps projections close behind the log while a sync runs, on a thread of its own.
///
/// They are at most a second, or a thousand events, behind, if they are of a kind that follows so
/// closely. What goes wrong with one is told and never stops the sync: it is caught up, or rebuilt,
/// when someone asks for it.
package final class ProjectionFollower: @unchecked Sendable {
    private struct State {
        var pending = 0
        var isStopping = false
    }

    // Touched by the follower's own thread only.
    private var projections: [any FollowingProjection]
    private var isFailing: [Bool]
    /// How often each is passed over still.
    private var pauses: [Int]
    private let failed: @Sendable (ProjectionError) -> Void
    private let state = Mutex(State())
    private let isBehind = Semaphore()
    private let isDone = Semaphore()

    private static let events = 1_000
    private static let pause = 60
    private static let intervalNs: Int64 = 1_000_000_000

    /// Starts to follow.
    ///
    /// - Parameters:
    ///   - projections: given up to the follower's thread.
    ///   - failed: told on that thread what went wrong, once until it goes well again.
    package init(
        _ projections: sending [any FollowingProjection],
        failed: @escaping @Sendable (ProjectionError) -> Void = { _ in }
    ) {
        isFailing = projections.map { _ in false }
        pauses = projections.map { _ in 0 }
        self.projections = projections
        self.failed = failed
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

    private func catchUp() {
        for index in projections.indices {
            if pauses[index] > 0 {
                pauses[index] -= 1
                continue
            }
            do throws(ProjectionError) {
                try projections[index].follow()
                isFailing[index] = false
            } catch {
                if !isFailing[index] { failed(error) }
                isFailing[index] = true
                // What failed may have cost much, a rebuild for want of space for example.
                pauses[index] = Self.pause
            }
        }
    }

    private func follow() {
        while true {
            _ = isBehind.wait(ns: Self.intervalNs)
            let (isStopping, pending) = state.withLock { state in
                defer { state.pending = 0 }
                return (state.isStopping, state.pending)
            }
            if isStopping { break }
            if pending > 0 { catchUp() }
        }
        // The log must not outlive `stop` by the time that this thread takes to end: whoever opens
        // it next in this process may want it opened in another way.
        projections = []
        isDone.signal()
    }
}
