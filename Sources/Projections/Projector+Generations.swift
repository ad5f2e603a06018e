internal import LMDB
package import SyncCore

/// One generation of a projection that is on the disk.
package struct ProjectionGeneration: Sendable, Equatable {
    package let number: Int
    package let isInUse: Bool
    package let position: Position
    package let rows: UInt64
    /// It was folded by another mapping, or from another log.
    package let isStale: Bool
}

/// What came of going back to a generation that is kept.
package enum ProjectionRollback: Sendable, Equatable {
    case done(ProjectionGeneration)
    case nothingKept
    /// It was folded by other columns than those that are configured: the next use would rebuild.
    case stale(ProjectionGeneration)
    /// Another process writes the projections.
    case busy
}

extension Projector {
    /// The generations that are whole, ascending.
    package func generations() throws(ProjectionError) -> [ProjectionGeneration] {
        var found: [ProjectionGeneration] = []
        let current = folder.current(projection.name)
        for number in folder.generations(projection.name)
        where number == current || !work(number).exists {
            let checkpoint: Checkpoint
            do throws(ProjectionError) {
                checkpoint = try self.checkpoint(try open(number))
            } catch {
                guard error.isDamage else { throw error }
                continue
            }
            found.append(
                ProjectionGeneration(
                    number: number, isInUse: number == current, position: checkpoint.position,
                    rows: checkpoint.rows, isStale: try isStale(checkpoint)))
        }
        return found
    }

    private func open(
        _ generation: Int
    ) throws(ProjectionError) -> ProjectionEnvironment<Folded.Tables> {
        // An environment is opened once in a process.
        if folder.current(projection.name) == generation, let current = try openCurrent() {
            return current.environment
        }
        do throws(LMDBError) {
            return try openAsAllowed(folder.environment(projection.name, generation))
        } catch {
            throw .storage(error)
        }
    }

    /// Removes the generations that are kept beside the one in use.
    ///
    /// - Returns: their numbers; nil when another process writes the projections.
    package func drop() throws(ProjectionError) -> [Int]? {
        try folder.make()
        guard let building = try ProjectionLock.takeBuilding(projection.name, folder),
            let lock = try ProjectionLock.take(folder)
        else { return nil }
        defer { withExtendedLifetime((building, lock)) {} }
        let current = folder.current(projection.name)
        let others = folder.generations(projection.name).filter { $0 != current }
        remove(others)
        return others
    }

    /// Puts the generation that is kept in the place of the one in use, which is kept in its turn.
    package func rollBack() throws(ProjectionError) -> ProjectionRollback {
        try folder.make()
        guard let building = try ProjectionLock.takeBuilding(projection.name, folder),
            let lock = try ProjectionLock.take(folder)
        else { return .busy }
        defer { withExtendedLifetime((building, lock)) {} }
        guard let kept = try generations().last(where: { !$0.isInUse }) else { return .nothingKept }
        guard !kept.isStale else { return .stale(kept) }
        closeCurrent()
        try folder.setCurrent(projection.name, kept.number)
        return .done(kept)
    }
}
