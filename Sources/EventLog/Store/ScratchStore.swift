internal import LMDB

/// A store for what is folded once and thrown away.
///
/// Its files have no names from the beginning: however the process ends, nothing is left of it.
package struct ScratchStore: Sendable {
    /// Open for writing; nothing in it is durable.
    package let log: EventLog

    /// - Parameter folder: an empty one, where it lies otherwise than in the folder for temporary
    ///   files.
    /// - Throws: when nothing can be written there.
    package init(in folder: String? = nil) throws(EventLogError) {
        let temporary: TemporaryStorage?
        do throws(LMDBError) {
            temporary = folder == nil ? try TemporaryStorage() : nil
        } catch {
            throw .storage(error)
        }
        guard let place = folder ?? temporary?.path else { preconditionFailure("no folder") }
        defer { FileSystem.remove(place) }
        try EventLog.create(store: place, durability: .none)
        log = try EventLog.open(store: place, .write, durability: .none, isKept: false)
    }
}
