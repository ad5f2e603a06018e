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
        if drawProjectionFault(outOf: 20) { remove(generator.below(2) == 0 ? .folder : .current) }
        if let failure = drawDiskError() {
            try followFailing(failure)
            return true
        }
        let isAlive: Void? = try survive(.crashInProjection) { try catchUp() }
        return isAlive != nil
    }

    private func catchUp() throws {
        guard let log else { return }
        let follower = try projector ?? RecordProjector(projection, folder: projections, log: log)
        projector = follower
        // A process that another thread is starting has what this one has open, the lock too, until
        // it becomes another program.
        var tries = 0
        var isCaughtUp = try follower.catchUp()
        while !isCaughtUp, tries < 1_000 {
            tries += 1
            usleep(1_000)
            isCaughtUp = try follower.catchUp()
        }
        guard isCaughtUp else {
            throw SimulationViolation(5, "another process holds the projection, but there is none")
        }
        if isProjectionSpoiled { coverage.count(.projectionRebuilt) }
        isProjectionSpoiled = false
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

    /// Spoils the projection while no process has it open, when the plan's time for it has come.
    func spoilProjection() throws {
        guard currentFile != nil, drawProjectionFault(outOf: 4) else { return }
        let damage = Damage.allCases[generator.below(Damage.allCases.count)]
        switch damage {
        case .folder, .current, .file: remove(damage)
        case .cut, .head, .whole, .row:
            guard let file = currentFile else { return }
            if damage == .row {
                guard try turnBit(inRowOf: file) else { return }
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

    /// The folder of the newest generation.
    private var currentFile: String? {
        let prefix = "\(Self.streamName)-"
        let generations = (FileSystem.names(in: projections) ?? [])
            .compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }
        return generations.max().map { "\(projections)/\(prefix)\($0)" }
    }

    private func remove(_ damage: Damage) {
        switch damage {
        case .folder: ScratchFolder.remove(projections)
        case .current: unlink("\(projections)/\(Self.streamName).current")
        default: if let currentFile { unlink("\(currentFile)/data.mdb") }
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

    /// Turns a bit of the last row; false where there is none.
    private func turnBit(inRowOf folder: String) throws -> Bool {
        // It may have been spoiled before.
        guard
            let environment = try? Environment.open(
                folder, EnvironmentOptions(maxDatabases: 4))
        else { return false }
        let transaction = try environment.beginWrite()
        let rows = try transaction.database("rows")
        guard let (key, value) = try Self.last(rows, transaction) else { return false }
        var spoiled = value
        spoiled[generator.below(value.count)] ^= 1 << UInt8(generator.below(8))
        try transaction.put(rows, key, spoiled)
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
