package import EventLog
internal import LMDB
package import SyncCore

/// The projection of a stream's records.
package typealias RecordProjector = Projector<RecordProjection>

/// The index over the log.
package typealias HistoryProjector = Projector<HistoryProjection>

/// Keeps one projection of a store current.
///
/// Used on one thread. Of all processes, the one that has `projections/lock` writes; the others
/// fold what is missing in memory over what they find.
package final class Projector<Folded: Projection>: FollowingProjection, MaintainedProjection {
    package let projection: Folded
    let log: EventLog
    let folder: ProjectionFolder
    /// Tells one boot of the machine from another; empty where that isn't known.
    let boot: String
    private var open: (generation: Int, environment: ProjectionEnvironment<Folded.Tables>)?

    /// - Parameters:
    ///   - folder: `STORE/projections`; made where it doesn't exist.
    ///   - boot: tells one boot of the machine from another; by default the kernel's own name for
    ///     it.
    package init(
        _ projection: Folded, folder: String, log: EventLog, boot: String? = nil
    ) throws(ProjectionError) {
        self.projection = projection
        self.log = log
        self.boot = boot ?? WorkFolder.bootID
        self.folder = ProjectionFolder(path: folder)
        try self.folder.make()
    }

    package var name: String { projection.name }

    /// How the projection on the disk stands; nil when there is none.
    package func standing() throws(ProjectionError) -> ProjectionStanding? {
        guard let (generation, environment) = try openCurrent() else { return nil }
        let checkpoint = try self.checkpoint(environment)
        return ProjectionStanding(
            generation: generation, position: checkpoint.position, rows: checkpoint.rows,
            isStale: try isStale(checkpoint))
    }

    /// Folds what the log has and the projection hasn't; rebuilds one that is stale or damaged.
    ///
    /// - Parameter progress: is told the position reached and the log's end.
    /// - Returns: false when another process writes the projection.
    @discardableResult
    package func catchUp(
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) -> Bool {
        try folder.make()
        guard let lock = try ProjectionLock.take(folder) else { return false }
        defer { withExtendedLifetime(lock) {} }
        guard let (_, environment) = try usable() else { return try replace(progress) }
        do throws(ProjectionError) {
            try fold(into: environment, progress: progress)
        } catch {
            // A row or a total that can't be read says nothing about the log, which has it all.
            guard error.isDamage else {
                // After a failed commit an environment can't be read before it is opened again.
                open = nil
                throw error
            }
            return try replace(progress)
        }
        return true
    }

    /// Folds what the log has and the projection hasn't, if that is worth it while a sync runs.
    package func follow() throws(ProjectionError) {
        let end: Position
        do throws(EventLogError) {
            end = try log.snapshot().tail().position
        } catch {
            throw .log(error)
        }
        let position = try usable().map { (_, environment) throws(ProjectionError) in
            try checkpoint(environment).position
        }
        let behind = end.rawValue - min(position?.rawValue ?? 0, end.rawValue)
        if projection.isDue(behind: behind) { try catchUp() }
    }

    /// The environment in use, if it can be folded on.
    func usable() throws(ProjectionError) -> (Int, ProjectionEnvironment<Folded.Tables>)? {
        do throws(ProjectionError) {
            guard let current = try openCurrent(),
                try !isStale(try checkpoint(current.environment))
            else { return nil }
            return (current.generation, current.environment)
        } catch {
            // What can't be read now for want of something else, of descriptors or of reader slots,
            // is not at fault.
            guard error.isDamage else { throw error }
            return nil
        }
    }

    /// Forgets the environment that is open: another one may be in its place.
    func closeCurrent() { open = nil }

    func openCurrent() throws(ProjectionError) -> (
        generation: Int, environment: ProjectionEnvironment<Folded.Tables>
    )? {
        guard let generation = folder.current(projection.name) else {
            open = nil
            return nil
        }
        // A folder that was deleted and made anew has a generation of the same number.
        if let open, open.generation == generation, open.environment.environment.isInPlace {
            return open
        }
        open = nil
        do throws(LMDBError) {
            let path = folder.environment(projection.name, generation)
            open = (generation, try openAsAllowed(path))
        } catch {
            if error.code == .notFound { return nil }
            throw .storage(error)
        }
        return open
    }

    /// Opens an environment; what lies where nothing can be written can still be read.
    func openAsAllowed(
        _ path: String
    ) throws(LMDBError) -> ProjectionEnvironment<Folded.Tables> {
        do throws(LMDBError) {
            return try ProjectionEnvironment.open(path, projection)
        } catch {
            guard error.code == .permission else { throw error }
            return try ProjectionEnvironment.open(path, projection, readOnly: true)
        }
    }

    func checkpoint(
        _ environment: ProjectionEnvironment<Folded.Tables>
    ) throws(ProjectionError) -> Checkpoint {
        let transaction: ReadTransaction
        do throws(LMDBError) {
            transaction = try environment.environment.beginRead()
        } catch {
            throw .storage(error)
        }
        return try environment.checkpoint(transaction)
    }

    func isStale(_ checkpoint: Checkpoint) throws(ProjectionError) -> Bool {
        if checkpoint.schema != projection.schema { return true }
        return try !isOfThisLog(checkpoint)
    }

    func isOfThisLog(_ checkpoint: Checkpoint) throws(ProjectionError) -> Bool {
        do throws(EventLogError) {
            // Another head there, or none, and it is a fold of another log.
            return try log.snapshot().bears(checkpoint.mark, at: checkpoint.position)
        } catch {
            throw .log(error)
        }
    }
}

/// A projection as people look after it, of whatever kind.
package protocol MaintainedProjection: AnyObject {
    var name: String { get }
    func standing() throws(ProjectionError) -> ProjectionStanding?
    func generations() throws(ProjectionError) -> [ProjectionGeneration]
    func catchUpPatiently(
        progress: (Position, Position) -> Void
    ) throws(ProjectionError)
    func rebuild(
        swaps: Bool, progress: (Position, Position) -> Void
    ) throws(ProjectionError) -> ProjectionRebuild?
    func drop() throws(ProjectionError) -> [Int]?
    func rollBack() throws(ProjectionError) -> ProjectionRollback
}

/// A projection that keeps up with a sync.
package protocol FollowingProjection: AnyObject {
    func follow() throws(ProjectionError)
}

/// How a projection stands to the log.
package struct ProjectionStanding: Sendable, Equatable {
    package let generation: Int
    package let position: Position
    package let rows: UInt64
    /// It was folded by another mapping, or from another log: it must be rebuilt.
    package let isStale: Bool
}
