internal import Glibc
internal import LMDB
internal import Projections
internal import SyncCore

/// The projection that follows the log, and what happens to its files.
extension VirtualMachine {
    /// Folds what the log has and the projection hasn't, as the follower's thread does during a run
    /// and the command after it. What goes wrong with it never stops a sync.
    ///
    /// - Returns: false when the process died at it.
    func follow() throws -> Bool {
        // Whoever deletes the folder doesn't ask whether a sync is running.
        if drawProjectionFault(outOf: 20) {
            remove(generator.below(2) == 0 ? .folder : .current, Self.streamName)
        }
        if let failure = drawDiskError() {
            try followFailing(failure)
            return true
        }
        let isAlive: Void? = try survive(.crashInProjection) { try catchUp() }
        return isAlive != nil
    }

    private func catchUp() throws {
        guard let log else { return }
        let boot = clock.read().bootID
        let follower =
            try projector
            ?? RecordProjector(projection, folder: projections, log: log, boot: boot)
        projector = follower
        try patiently { try follower.catchUp() }
        let index =
            try index ?? HistoryProjector(.simulated, folder: projections, log: log, boot: boot)
        self.index = index
        try patiently { try index.catchUp() }
        if isProjectionSpoiled { coverage.count(.projectionRebuilt) }
        isProjectionSpoiled = false
    }

    private func patiently(_ catchUp: () throws -> Bool) throws {
        // A process that another thread is starting has what this one has open, the lock too, until
        // it becomes another program.
        for _ in 0..<1_000 {
            if try catchUp() { return }
            usleep(1_000)
        }
        throw SimulationViolation(5, "another process holds the projection, but there is none")
    }

    private func followFailing(_ failure: DiskFaults.Failure) throws {
        disk?.arm(failure)
        let result = Result { try catchUp() }
        let report = disk?.disarm()
        do {
            try result.get()
        } catch let error as ProjectionError {
            switch error {
            case .storage, .system: break
            case .log, .fold, .noRow, .damaged, .unfinished: throw error
            }
            guard report?.isStruck ?? false else { throw error }
            coverage.count(.projectionFailed)
        }
    }

    // MARK: Damage

    /// What is done to the files of the projection.
    private enum Damage: CaseIterable {
        case folder, current, file, cut, head, whole, row
    }

    /// Spoils a projection while no process has it open, when the plan's time for it has come.
    func spoilProjection() throws {
        guard newest(Self.streamName) != nil, drawProjectionFault(outOf: 4) else { return }
        let damage = Damage.allCases[generator.below(Damage.allCases.count)]
        let name = generator.below(2) == 0 ? Self.streamName : HistoryProjection.name
        switch damage {
        case .folder, .current, .file: remove(damage, name)
        case .cut, .head, .whole, .row:
            guard let file = newest(name) else { return }
            if damage == .row {
                let tables =
                    name == Self.streamName
                    ? ["rows"] : ["segments", "zones", "changes", "sightings", "controls", "runs"]
                let table = tables[generator.below(tables.count)]
                guard try turnBit(inLastOf: table, of: file) else { return }
            } else {
                spoil(file, damage)
                isProjectionSpoiled = true
            }
            projectionDamages += 1
            coverage.count(.projectionDamaged)
        }
    }

    private func drawProjectionFault(outOf chances: Int) -> Bool {
        guard projectionFaultsLeft > 0, generator.below(chances) == 0 else { return false }
        projectionFaultsLeft -= 1
        return true
    }

    /// The folder of the newest generation of a projection that is whole: one that is being made
    /// may have lost anything with the power.
    private func newest(_ name: String) -> String? {
        let prefix = "\(name)-"
        let names = Set(FileSystem.names(in: projections) ?? [])
        let generations = names.filter { !names.contains("\($0).work") }
            .compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }
        return generations.max().map { "\(projections)/\(prefix)\($0)" }
    }

    private func remove(_ damage: Damage, _ name: String) {
        switch damage {
        case .folder: FileSystem.remove(projections)
        case .current: unlink("\(projections)/\(name).current")
        default: if let file = newest(name) { unlink("\(file)/data.mdb") }
        }
        coverage.count(.projectionDeleted)
        isProjectionSpoiled = true
    }

    private func spoil(_ folder: String, _ damage: Damage) {
        let descriptor = open("\(folder)/data.mdb", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        switch damage {
        case .cut: ftruncate(descriptor, generator.below(size))
        default:
            let count = damage == .head ? min(size, 8_192) : size
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            pwrite(descriptor, bytes, count, 0)
        }
        fsync(descriptor)
    }

    /// Turns a bit of the last value of a table; false where there is none.
    private func turnBit(inLastOf table: String, of folder: String) throws -> Bool {
        // It may have been spoiled before.
        guard
            let environment = try? Environment.open(
                folder, EnvironmentOptions(maxDatabases: 8))
        else { return false }
        let transaction = try environment.beginWrite()
        let database = try transaction.database(table)
        guard let (key, value) = try Self.last(database, transaction) else { return false }
        var spoiled = value
        spoiled[generator.below(value.count)] ^= 1 << UInt8(generator.below(8))
        try transaction.put(database, key, spoiled)
        try transaction.commit()
        return true
    }

    private static func last(
        _ database: Database, _ transaction: borrowing WriteTransaction
    ) throws -> (key: [UInt8], value: [UInt8])? {
        var cursor = try transaction.cursor(database)
        guard try cursor.last() else { return nil }
        return cursor.read { ([UInt8]($0), [UInt8]($1)) }
    }
}
