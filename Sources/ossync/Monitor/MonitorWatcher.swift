import Dashboard
import Glibc
import Locks
import SyncCore
import SyncEngine

/// Looks at the store a few times a second, on a thread of its own: what takes long holds no key
/// up.
final class MonitorWatcher: Sendable {
    struct Found: Sendable {
        var snapshot = Snapshot()
        /// The page that is shown.
        fileprivate var view = View.overview
        /// What ended the looking.
        var failure: CommandFailure?
    }

    private static let intervalUs: UInt32 = 250_000
    /// While a compaction puts another log in the place of the old one there is none.
    private static let mostFailures = 8

    private let found = Mutex(Found())

    /// What the last look found.
    ///
    /// - Parameter view: the page that is shown, for the next ones.
    func now(_ view: View) -> Found {
        found.withLock {
            $0.view = view
            return $0
        }
    }

    /// - Throws: what `status` would throw too.
    init(_ session: Session) throws {
        try Self.look(MonitorReader(session), found)
        BackgroundThread.run { [found] in Self.watch(session, found) }
    }

    private static func watch(_ session: Session, _ found: Mutex<Found>) {
        var reader: MonitorReader?
        var failures = 0
        while true {
            do {
                let current = try reader ?? MonitorReader(session)
                try look(current, found)
                (reader, failures) = (current, 0)
            } catch {
                reader = nil
                failures += 1
                guard failures < mostFailures else {
                    found.withLock { $0.failure = CommandFailure(describing: error) }
                    return
                }
            }
            usleep(intervalUs)
        }
    }

    private static func look(_ reader: MonitorReader, _ found: Mutex<Found>) throws {
        let snapshot = try reader.look(found.withLock { $0.view })
        found.withLock { $0.snapshot = snapshot }
    }
}
