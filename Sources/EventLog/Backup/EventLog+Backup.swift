internal import LMDB
package import SyncCore

extension EventLog {
    /// Writes the log as it is at one moment, without its free pages, to an open file or pipe,
    /// while a writer goes on.
    ///
    /// LMDB follows every page for it, and may crash on one that is damaged: do it in a process of
    /// its own.
    package func copy(to descriptor: Int32) throws(EventLogError) {
        do throws(LMDBError) {
            try environment.copy(to: descriptor)
        } catch {
            throw EventLogError(error)
        }
    }
}

extension LogSnapshot {
    /// The head of the chain (32 bytes) after the commit that ends at a position; nil where none
    /// does.
    package func head(at position: Position) throws(EventLogError) -> [UInt8]? {
        guard position != .none else { return ChainHasher.genesis }
        let link: ChainLink?
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.commits)
            guard try cursor.seek(StoreKeys.position(position)) else { return nil }
            link = cursor.read { key, value in ChainLink(key, value) }
        } catch {
            throw EventLogError(error)
        }
        return link.flatMap { $0.last == position ? $0.head : nil }
    }
}
