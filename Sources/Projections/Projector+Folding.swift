internal import EventLog
internal import Glibc
internal import LMDB
internal import Records
internal import SyncCore

extension Projector {
    /// A transaction folds so many events, or so many bytes of records and one event more, at most:
    /// what it changes is held in memory, and LMDB keeps that memory for the next one.
    private static let batchEvents = 1_000
    private static let batchBytes = 1 << 20

    /// Folds all that the log has beyond the checkpoint, a bounded transaction at a time.
    func fold(
        into environment: ProjectionEnvironment, progress: (Position, Position) -> Void
    ) throws(ProjectionError) {
        var isDone = false
        while !isDone {
            do {
                let snapshot = try log.snapshot()
                let end = try snapshot.tail().position
                let control = try snapshot.control()
                let transaction = try environment.environment.beginWrite()
                let before = try environment.checkpoint(transaction)
                let stream = control.stream(named: projection.name)?.id ?? .none
                let after = try foldBatch(before, stream, environment, transaction, snapshot)
                isDone = after.position >= end
                guard after.position > before.position else { return }
                try ProjectionEnvironment.put(after, environment.meta, transaction)
                try transaction.commit()
                progress(after.position, end)
            } catch {
                throw Self.wrapped(error, projection.name)
            }
        }
    }

    private func foldBatch(
        _ checkpoint: Checkpoint, _ stream: StreamID, _ environment: ProjectionEnvironment,
        _ transaction: borrowing WriteTransaction, _ snapshot: borrowing LogSnapshot
    ) throws -> Checkpoint {
        var fold = ProjectionFold(
            projection: projection, stream: stream, checkpoint: checkpoint)
        let columns = projection.mapping.columns.count
        var events = 0
        var bytes = 0
        var failure: ProjectionError?
        try snapshot.forEachEvent(after: checkpoint.position) { event in
            do throws(ProjectionError) {
                try fold.take(event) { ordinal throws(ProjectionError) in
                    try environment.row(ordinal, columns: columns, transaction)
                } store: { view throws(ProjectionError) in
                    try environment.put(view, transaction)
                }
            } catch {
                failure = error
                return false
            }
            events += 1
            bytes += event.event.bodyBytes
            return events < Self.batchEvents && bytes < Self.batchBytes
        }
        if let failure { throw failure }
        var checkpoint = fold.checkpoint
        checkpoint.identity = try snapshot.identity(at: checkpoint.position)
        return checkpoint
    }

    static func wrapped(_ error: any Error, _ name: String) -> ProjectionError {
        switch error {
        case let error as ProjectionError: error
        case let error as LMDBError: .storage(error)
        case let error as EventLogError: .log(error)
        default: .damaged(projection: name, reason: "\(error)")
        }
    }

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
        let environment = try caughtUp(looks: isPatient ? Self.looks : 1)
        return try body(ProjectionReader.open(projection, environment, log))
    }
}

extension Projector {
    /// How often, and how long apart, a reader looks again for a projection that another process is
    /// making for the first time.
    private static let looks = 200
    private static let lookIntervalUs: UInt32 = 50_000

    /// The environment to read, with all that the log has if that can be written now.
    private func caughtUp(looks: Int) throws(ProjectionError) -> ProjectionEnvironment {
        for look in 0..<looks {
            if look > 0 { usleep(Self.lookIntervalUs) }
            do throws(ProjectionError) {
                try catchUp()
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

extension ProjectionEnvironment {
    func put(
        _ view: RecordView, _ transaction: borrowing WriteTransaction
    ) throws(ProjectionError) {
        do throws(LMDBError) {
            try transaction.put(rows, Self.key(view.core.ordinal), RecordViewCoder.encode(view))
        } catch {
            throw .storage(error)
        }
    }
}

extension Event {
    /// The size of the records in it.
    fileprivate var bodyBytes: Int {
        switch self {
        case .pageFetched(let page): page.entries.reduce(0) { $0 + $1.body.count }
        case .detailsFetched(let details):
            details.results.reduce(0) { sum, result in
                if case .changed(_, let body) = result.outcome { sum + body.count } else { sum }
            }
        default: 0
        }
    }
}
