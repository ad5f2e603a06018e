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
package final class Projector<Folded: Projection>: FollowingProjection {
    package let projection: Folded
    let log: EventLog
    private let folder: ProjectionFolder
    private var open: (generation: Int, environment: ProjectionEnvironment<Folded.Tables>)?

    /// - Parameter folder: `STORE/projections`; made where it doesn't exist.
    package init(
        _ projection: Folded, folder: String, log: EventLog
    ) throws(ProjectionError) {
        self.projection = projection
        self.log = log
        self.folder = ProjectionFolder(path: folder)
        try self.folder.make()
    }

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
        guard let (_, environment) = try usable() else {
            try rebuildLocked(progress: progress)
            return true
        }
        do throws(ProjectionError) {
            try fold(into: environment, progress: progress)
        } catch {
            // A row or a total that can't be read says nothing about the log, which has it all.
            guard error.isDamage else {
                // After a failed commit an environment can't be read before it is opened again.
                open = nil
                throw error
            }
            try rebuildLocked(progress: progress)
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

    /// Folds the whole log into a new generation and puts it in the place of the old one.
    ///
    /// - Returns: false when another process writes the projection.
    @discardableResult
    package func rebuild(
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) -> Bool {
        try folder.make()
        guard let lock = try ProjectionLock.take(folder) else { return false }
        defer { withExtendedLifetime(lock) {} }
        try rebuildLocked(progress: progress)
        return true
    }

    private func rebuildLocked(progress: (Position, Position) -> Void) throws(ProjectionError) {
        let others = folder.generations(projection.name)
        let current = folder.current(projection.name)
        let unfinished = others.last { $0 != current && work($0).progress() != nil }
        // Not the one that is said to be in use either, though it may be gone: until the end this
        // one is not to be relied on.
        let generation = unfinished ?? max(others.last ?? 0, current ?? 0) + 1
        // What processes left that were killed over it would pile up.
        remove(others.filter { $0 != current && $0 != generation })
        do throws(ProjectionError) {
            try makeGeneration(generation, isNew: unfinished == nil, progress)
        } catch {
            // It would fail in the same way again.
            remove([generation])
            // What another process left may be at fault.
            guard unfinished != nil else { throw error }
            return try rebuildLocked(progress: progress)
        }
        open = nil
        try folder.setCurrent(projection.name, generation)
        remove(others.filter { $0 != generation })
    }

    private func work(_ generation: Int) -> WorkFolder {
        WorkFolder(path: folder.environment(projection.name, generation) + ".work")
    }

    private func remove(_ generations: [Int]) {
        for generation in generations {
            Environment.removeEnvironment(folder.environment(projection.name, generation))
            work(generation).remove()
        }
    }

    private func makeGeneration(
        _ generation: Int, isNew: Bool, _ progress: (Position, Position) -> Void
    ) throws(ProjectionError) {
        let path = folder.environment(projection.name, generation)
        let work = work(generation)
        do {
            if isNew {
                work.remove()
                try ProjectionEnvironment.create(path, projection)
            }
            try work.make()
            // Worth nothing before its end, but to a process that goes on with it in this boot of
            // the machine, so it need not be durable on the way.
            let environment = try ProjectionEnvironment.open(path, projection, durability: .none)
            let filled = try projection.fill(
                environment, from: log, work: work.path, progress: progress)
            if let filled {
                let transaction = try environment.environment.beginWrite()
                try environment.put(filled, transaction)
                try transaction.commit()
            }
            try fold(into: environment, progress: progress)
            try environment.environment.sync()
        } catch {
            throw ProjectionError(error, projection.name)
        }
        work.remove()
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

    private func openCurrent() throws(ProjectionError) -> (
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
    private func openAsAllowed(
        _ path: String
    ) throws(LMDBError) -> ProjectionEnvironment<Folded.Tables> {
        do throws(LMDBError) {
            return try ProjectionEnvironment.open(path, projection)
        } catch {
            guard error.code == .permission else { throw error }
            return try ProjectionEnvironment.open(path, projection, readOnly: true)
        }
    }

    private func checkpoint(
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

    private func isStale(_ checkpoint: Checkpoint) throws(ProjectionError) -> Bool {
        if checkpoint.schema != projection.schema { return true }
        do throws(EventLogError) {
            // Another event there, or none, and it is a fold of another log.
            return try log.snapshot().identity(at: checkpoint.position) != checkpoint.identity
        } catch {
            throw .log(error)
        }
    }
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
