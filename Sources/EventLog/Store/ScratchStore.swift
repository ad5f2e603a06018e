internal import LMDB

/// A store for what is folded once and thrown away.
///
/// Its files have no names from the beginning: however the process ends, nothing is left of it.
package struct ScratchStore: Sendable {
    /// Open for writing; nothing in it is durable.
    package let log: EventLog

    /// A store in the folder for temporary files.
    ///
    /// - Throws: when nothing can be written there.
    package init() throws(EventLogError) {
        let temporary: TemporaryStorage
        do throws(LMDBError) {
            temporary = try TemporaryStorage()
        } catch {
            throw .storage(error)
        }
        defer { withExtendedLifetime(temporary) {} }
        try self.init(in: temporary.path)
    }

    /// - Parameter folder: an empty one, which is gone afterwards.
    package init(in folder: String) throws(EventLogError) {
        defer { FileSystem.remove(folder) }
        try EventLog.create(store: folder, durability: .none)
        log = try EventLog.open(store: folder, .write, durability: .none, isKept: false)
    }
}
