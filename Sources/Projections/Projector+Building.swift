internal import EventLog
internal import Glibc
internal import LMDB
package import SyncCore

/// What a rebuild led to.
package struct ProjectionRebuild: Sendable, Equatable {
    package let generation: Int
    package let position: Position
    package let rows: UInt64
    /// Against the generation that was in use, at the same position; nil where there was none, or
    /// none that could be read.
    package let comparison: RowComparison?
    /// The generation that is kept, and can be gone back to.
    package let kept: Int?
}

extension Projector {
    /// Folds the whole log into a new generation beside the one in use, which others go on with,
    /// and puts it in its place.
    ///
    /// - Parameters:
    ///   - swaps: false only compares, and leaves the one in use as it is.
    ///   - progress: is told the position reached and the one to reach.
    /// - Returns: nil when another process is making one.
    @discardableResult
    package func rebuild(
        swaps: Bool = true, progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) -> ProjectionRebuild? {
        try folder.make()
        guard let building = try ProjectionLock.takeBuilding(projection.name, folder) else {
            return nil
        }
        defer { withExtendedLifetime(building) {} }
        let generation = try build(progress)
        let lock = try patientLock()
        defer { withExtendedLifetime(lock) {} }
        return try takeOver(generation, swaps: swaps, progress)
    }

    /// The same for the holder of the lock, in place of a generation that can't be used.
    ///
    /// - Returns: false when another process is making one.
    func replace(_ progress: (Position, Position) -> Void) throws(ProjectionError) -> Bool {
        guard let building = try ProjectionLock.takeBuilding(projection.name, folder) else {
            return false
        }
        defer { withExtendedLifetime(building) {} }
        _ = try takeOver(try build(progress), swaps: true, progress)
        return true
    }

    /// Makes a generation that is looked at and thrown away; nobody writes the one in use then.
    ///
    /// - Returns: nil when another process is making one.
    func withGeneration<Result>(
        _ progress: (Position, Position) -> Void,
        _ body: (ProjectionEnvironment<Folded.Tables>) throws -> Result
    ) throws -> Result? {
        try folder.make()
        guard let building = try ProjectionLock.takeBuilding(projection.name, folder) else {
            return nil
        }
        defer { withExtendedLifetime(building) {} }
        let generation = try build(progress)
        defer { remove([generation]) }
        let lock = try patientLock()
        defer { withExtendedLifetime(lock) {} }
        return try body(
            ProjectionEnvironment.open(
                folder.environment(projection.name, generation), projection))
    }

    /// Whoever writes projections does so for a batch at a time.
    private func patientLock() throws(ProjectionError) -> ProjectionLock {
        for _ in 0..<1_000 {
            if let lock = try ProjectionLock.take(folder) { return lock }
            usleep(10_000)
        }
        throw .unfinished(projection: projection.name)
    }

    // MARK: Making a generation

    /// Makes a generation that is not in use yet, or goes on with what a killed process left.
    func build(
        _ progress: (Position, Position) -> Void, resumes: Bool = true
    ) throws(ProjectionError) -> Int {
        let others = folder.generations(projection.name)
        let current = folder.current(projection.name)
        let unfinished =
            resumes ? others.last { $0 != current && work($0).isFor(purpose) } : nil
        // Not the one that is said to be in use either, though it may be gone: until the end this
        // one is not to be relied on.
        let generation = unfinished ?? max(others.last ?? 0, current ?? 0) + 1
        // What processes left that were killed over it would pile up. One that is in use is whole,
        // whatever is beside it.
        remove(others.filter { $0 != generation && $0 != current && work($0).exists })
        if let current { work(current).remove() }
        do throws(ProjectionError) {
            try makeGeneration(generation, isNew: unfinished == nil, progress)
        } catch {
            // It would fail in the same way again.
            remove([generation])
            // What another process left may be at fault.
            guard unfinished != nil else { throw error }
            return try build(progress, resumes: false)
        }
        return generation
    }

    private func makeGeneration(
        _ generation: Int, isNew: Bool, _ progress: (Position, Position) -> Void
    ) throws(ProjectionError) {
        let path = folder.environment(projection.name, generation)
        let work = work(generation)
        do {
            if isNew {
                try work.make(for: purpose)
                try ProjectionEnvironment.create(path, projection)
            }
            // Worth nothing before its end, but to a process that goes on with it in this boot of
            // the machine, so it need not be durable on the way.
            let environment = try ProjectionEnvironment.open(path, projection, durability: .none)
            let before = try checkpoint(environment)
            guard try !isStale(before) else {
                throw ProjectionError.damaged(
                    projection: projection.name, reason: "a generation of another log")
            }
            if before.position == .none { try fill(environment, work, progress) }
            try fold(into: environment, progress: progress)
            try environment.environment.sync()
        } catch {
            throw ProjectionError(error, projection.name)
        }
    }

    private var purpose: WorkFolder.Purpose {
        WorkFolder.Purpose(boot: boot, schema: projection.schema)
    }

    private func fill(
        _ environment: ProjectionEnvironment<Folded.Tables>, _ work: WorkFolder,
        _ progress: (Position, Position) -> Void
    ) throws {
        let filled = try projection.fill(
            environment, from: log, work: work.path, progress: progress)
        guard let filled else { return }
        let transaction = try environment.environment.beginWrite()
        try environment.put(filled, transaction)
        try transaction.commit()
    }

    func work(_ generation: Int) -> WorkFolder {
        WorkFolder(path: folder.environment(projection.name, generation) + ".work")
    }

    func remove(_ generations: [Int]) {
        for generation in generations {
            Environment.removeEnvironment(folder.environment(projection.name, generation))
            work(generation).remove()
        }
    }

    // MARK: Putting it in place

    /// Puts a generation in the place of the one in use, which is kept if it is sound; the holder
    /// of both locks does.
    private func takeOver(
        _ generation: Int, swaps: Bool, _ progress: (Position, Position) -> Void
    ) throws(ProjectionError) -> ProjectionRebuild {
        // Both are compared at one position.
        let end: Position
        do throws(EventLogError) {
            end = try log.snapshot().tail().position
        } catch {
            throw .log(error)
        }
        let old = try sound(through: end)
        var result: ProjectionRebuild
        do {
            let environment = try ProjectionEnvironment.open(
                folder.environment(projection.name, generation), projection)
            try fold(into: environment, through: end, progress: progress)
            let checkpoint = try self.checkpoint(environment)
            result = ProjectionRebuild(
                generation: generation, position: checkpoint.position, rows: checkpoint.rows,
                comparison: try old.flatMap {
                    try projection.compare($0.environment, with: environment)
                },
                kept: old?.generation)
        } catch {
            remove([generation])
            throw ProjectionError(error, projection.name)
        }
        closeCurrent()
        guard swaps else {
            remove([generation])
            return result
        }
        try folder.setCurrent(projection.name, generation)
        work(generation).remove()
        let kept = result.kept
        remove(folder.generations(projection.name).filter { $0 != generation && $0 != kept })
        return result
    }

    /// The generation in use, at the log's end if it can be folded on; nil when more ails it than
    /// that it was folded by another schema.
    private func sound(
        through end: Position
    ) throws(ProjectionError) -> (
        generation: Int, environment: ProjectionEnvironment<Folded.Tables>
    )? {
        do throws(ProjectionError) {
            guard let current = try openCurrent() else { return nil }
            let checkpoint = try checkpoint(current.environment)
            guard try isOfThisLog(checkpoint) else { return nil }
            if checkpoint.schema == projection.schema {
                try fold(into: current.environment, through: end)
            }
            return current
        } catch {
            guard error.isDamage else { throw error }
            return nil
        }
    }
}
