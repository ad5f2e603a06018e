internal import EventLog
internal import LMDB
package import SyncCore

extension Projector<RecordProjection> {
    /// Reads the records as they were after an event: they are folded anew, into files that are
    /// gone afterwards.
    ///
    /// Takes the time of a rebuild, and no memory for it; needs the disk space of the table.
    /// - Parameter control: the log's state after that event.
    package func readPast<Result>(
        at control: ControlState, progress: (Position, Position) -> Void = { _, _ in },
        _ body: (borrowing ProjectionReader) throws -> Result
    ) throws -> Result {
        let temporary = try TemporaryStorage()
        let folder = temporary.path
        let path = "\(folder)/rows"
        try ProjectionEnvironment.create(path, projection)
        let work = WorkFolder(path: folder + "/fill")
        try work.make(for: WorkFolder.Purpose(boot: boot, schema: projection.schema))
        let environment = try ProjectionEnvironment.open(path, projection, durability: .none)
        let filled = try projection.fill(
            environment, from: log, at: control, work: work.path, progress: progress)
        if let filled {
            let transaction = try environment.environment.beginWrite()
            try environment.put(filled, transaction)
            try transaction.commit()
        }
        // However this process ends now, nothing is left.
        FileSystem.remove(folder)
        return try body(ProjectionReader.open(projection, environment, at: control))
    }
}
