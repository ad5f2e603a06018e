internal import EventLog
internal import Glibc
internal import LMDB
package import SyncCore

extension Projector {
    /// Folds what the log has beyond the checkpoint, a bounded transaction at a time.
    ///
    /// - Parameter last: the last event to fold; nil for all of them.
    func fold(
        into environment: ProjectionEnvironment<Folded.Tables>, through last: Position? = nil,
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) {
        var isDone = false
        while !isDone {
            do {
                let snapshot = try log.snapshot()
                let end = try last ?? snapshot.tail().position
                let transaction = try environment.environment.beginWrite()
                let before = try environment.checkpoint(transaction)
                var after = try projection.foldBatch(
                    after: before, through: end, of: snapshot, into: environment, transaction)
                isDone = after.position >= end
                guard after.position > before.position else { return }
                after.mark = try snapshot.mark(at: after.position)
                try environment.put(after, transaction)
                try transaction.commit()
                progress(after.position, end)
            } catch {
                throw ProjectionError(error, projection.name)
            }
        }
    }

    /// How often, and how long apart, a reader looks again for a projection that another process is
    /// making for the first time.
    private var looks: Int { 200 }
    private var lookIntervalUs: UInt32 { 50_000 }

    /// Folds what the log has, once no other process does.
    ///
    /// - Throws: `.unfinished` when another one goes on for some seconds.
    package func catchUpPatiently(
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) {
        for look in 0..<looks {
            if look > 0 { usleep(lookIntervalUs) }
            if try catchUp(progress: progress) { return }
        }
        throw .unfinished(projection: projection.name)
    }

    /// The environment to read, with all that the log has if that can be written now.
    ///
    /// - Parameter isPatient: waits for another process that is making the projection for the first
    ///   time, for some seconds.
    /// - Throws: `.unfinished` when there is none after that.
    func caughtUp(
        isPatient: Bool, progress: (Position, Position) -> Void = { _, _ in }
    ) throws(ProjectionError) -> ProjectionEnvironment<Folded.Tables> {
        for look in 0..<(isPatient ? looks : 1) {
            if look > 0 { usleep(lookIntervalUs) }
            do throws(ProjectionError) {
                try catchUp(progress: progress)
            } catch {
                // A full disk, or a medium that can't be written: what is there can be read.
                switch error {
                case .storage, .system:
                    guard let (_, old) = try usable() else { throw error }
                    return old
                case .log, .fold, .noRow, .damaged, .unfinished: throw error
                }
            }
            if let (_, environment) = try usable() { return environment }
        }
        throw .unfinished(projection: projection.name)
    }
}

extension Projector<RecordProjection> {
    /// Reads the projection as the log stands now.
    ///
    /// What the projection on the disk lacks, because another process is writing it or the disk is
    /// full, is folded in memory.
    ///
    /// - Parameter isPatient: waits for another process that is making the projection for the first
    ///   time, for some seconds.
    /// - Throws: `.unfinished` when there is none after that.
    package func read<Result>(
        isPatient: Bool = true, _ body: (borrowing ProjectionReader) throws -> Result
    ) throws -> Result {
        let environment = try caughtUp(isPatient: isPatient)
        return try body(ProjectionReader.open(projection, environment, log))
    }
}

extension Projector<HistoryProjection> {
    /// Reads the history as the log stands now; what it lacks on the disk is indexed in memory.
    ///
    /// - Throws: `.unfinished` while another process is making it for the first time.
    package func read<Result>(
        progress: (Position, Position) -> Void = { _, _ in },
        _ body: (borrowing HistoryReader) throws -> Result
    ) throws -> Result {
        let environment = try caughtUp(isPatient: true, progress: progress)
        return try body(HistoryReader.open(projection, environment, log))
    }
}
