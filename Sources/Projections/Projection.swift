package import EventLog
package import LMDB
package import SyncCore

/// A fold of the log into an environment of its own: what one projection has and another hasn't.
///
/// Side effects are impossible in it: what it changes is the transaction that it is given.
package protocol Projection: Sendable {
    /// The databases that hold its data.
    associatedtype Tables: Sendable

    /// Names its folders: `projections/<name>-<generation>`.
    var name: String { get }

    /// What its data depends on: another text means that it must be rebuilt.
    var schema: String { get }

    /// Whether a fold that is so many events behind goes on while a sync runs; whoever reads it has
    /// the rest folded in any case.
    func isDue(behind events: UInt64) -> Bool

    /// Folds the log into an empty generation in a quicker way than batch by batch; what it leaves
    /// is folded as ever.
    ///
    /// - Parameters:
    ///   - work: a folder to work in. What an earlier process left there is gone on with.
    ///   - progress: is told the position reached and the one to reach.
    /// - Returns: the checkpoint after it; nil when there is no such way.
    func fill(
        _ environment: ProjectionEnvironment<Tables>, from log: EventLog, work: String,
        progress: (Position, Position) -> Void
    ) throws -> Checkpoint?

    /// In what one generation differs from another; nil where they have no rows.
    func compare(
        _ old: ProjectionEnvironment<Tables>, with new: ProjectionEnvironment<Tables>
    ) throws -> RowComparison?

    static func makeTables(_ transaction: borrowing WriteTransaction) throws(LMDBError)

    static func openTables(_ transaction: borrowing ReadTransaction) throws(LMDBError) -> Tables

    /// Folds some of what the log has beyond a checkpoint: all that it changes is held in memory.
    ///
    /// - Parameter last: no later event is folded.
    /// - Returns: the checkpoint after it; the same one when there is nothing to fold yet. Its
    ///   mark is filled in by the caller.
    func foldBatch(
        after checkpoint: Checkpoint, through last: Position, of snapshot: borrowing LogSnapshot,
        into environment: ProjectionEnvironment<Tables>,
        _ transaction: borrowing WriteTransaction
    ) throws -> Checkpoint
}

extension Projection {
    package func fill(
        _ environment: ProjectionEnvironment<Tables>, from log: EventLog, work: String,
        progress: (Position, Position) -> Void
    ) throws -> Checkpoint? { nil }

    package func compare(
        _ old: ProjectionEnvironment<Tables>, with new: ProjectionEnvironment<Tables>
    ) throws -> RowComparison? { nil }
}
