internal import LMDB

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
