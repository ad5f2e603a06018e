internal import LMDB
package import SyncCore

/// Makes a log of today's format of one of an older layout, and puts it in its place.
///
/// The events are copied byte by byte, each checked, and folded into rows and state anew: those of
/// the older layout are not even read. The new log is made in a folder beside the old one, which
/// stays as it is until both change places in one step. A kill leaves one of them in its place, and
/// perhaps the other beside it, where `removeUnfinished` finds it.
///
/// The holder of the engine's lock alone may do so.
package struct LogUpgrade: ~Copyable {
    private var salvage: LogSalvage
    private let target: EventLog
    private let store: String
    private let path: String

    /// What stands behind the log's name until the new one is in its place; `EventLog.isUnfinished`
    /// knows it.
    private static let mark = ".new-format"

    /// Where the log itself is, be its folder in the store a link: both must be beside each other.
    private static func log(of store: String) -> String {
        let folder = EventLog.folder(of: store)
        return (try? FileSystem.resolved(folder)) ?? folder
    }

    /// The last position that was folded.
    package var position: Position { salvage.position }
    /// The last position of the log.
    package var end: Position { salvage.end }

    /// Begins a new log beside that of a store.
    ///
    /// - Parameter workers: threads that check.
    package init(store: String, workers: Int) throws(EventLogError) {
        Self.removeUnfinished(store)
        let path = Self.log(of: store) + Self.mark
        let target = try Self.make(path, of: store)
        let salvage = try LogSalvage(from: store, into: target, workers: workers)
        self.salvage = salvage
        self.target = target
        self.store = store
        self.path = path
    }

    private static func make(_ path: String, of store: String) throws(EventLogError) -> EventLog {
        do throws(EventLogError) {
            try EventLog.create(at: path, .none)
            // What is derived may take more room than it did.
            let size = FileSystem.size("\(EventLog.folder(of: store))/data.mdb") ?? 0
            let mapSize = max(EnvironmentOptions().mapSize, 4 * Int(clamping: size))
            return try EventLog.open(at: path, of: store, .write, .none, mapSize, isKept: true)
        } catch {
            removeUnfinished(store)
            throw error
        }
    }

    /// Folds the next events.
    ///
    /// - Returns: whether there may be more.
    /// - Throws: `.corrupt` where the old log is damaged; that is as it was.
    package mutating func advance() throws(EventLogError) -> Bool {
        do throws(EventLogError) {
            if try salvage.advance() { return true }
            if let damage = salvage.damage {
                throw .corrupt(path: store, position: damage.position, reason: damage.reason)
            }
            return false
        } catch {
            Self.removeUnfinished(store)
            throw error
        }
    }

    /// Puts the new log on the disk, then in the place of the old one, which is removed.
    ///
    /// - Returns: the head of the chain, which is that of the old log.
    package consuming func finish() throws(EventLogError) -> [UInt8] {
        let (store, path) = (store, path)
        do throws(EventLogError) {
            let log = try LogSalvage.complete(target)
            try Self.keepOwner(path, of: store)
            let head = try log.snapshot().tail().head
            try Self.exchange(path, with: EventLog.folder(of: store))
            Self.removeUnfinished(store)
            return head
        } catch {
            Self.removeUnfinished(store)
            throw error
        }
    }

    private static func keepOwner(_ path: String, of store: String) throws(EventLogError) {
        do throws(LMDBError) {
            try Environment.keepOwner(of: EventLog.folder(of: store), for: path)
        } catch {
            throw EventLogError(error)
        }
    }

    private static func exchange(_ new: String, with old: String) throws(EventLogError) {
        do throws(LMDBError) {
            try Environment.exchange(new, with: old)
        } catch {
            throw .storage(
                LMDBError(
                    error.code, operation: "exchange with \(new)", path: old,
                    detail: "\(error.detail); where two folders can't change places, "
                        + "`ossync log salvage NEW` makes a copy of today's format"))
        }
    }

    /// Removes what was left of a log by an upgrade that was killed: the new one half made, or the
    /// old one, once the new one was in its place.
    package static func removeUnfinished(_ store: String) {
        for path in Set([EventLog.folder(of: store), log(of: store)]) {
            let folder = FileSystem.parent(of: path)
            for file in FileSystem.names(in: folder) ?? []
            where "\(folder)/\(file)".hasPrefix(path + mark) {
                Environment.removeEnvironment("\(folder)/\(file)")
            }
        }
    }
}
