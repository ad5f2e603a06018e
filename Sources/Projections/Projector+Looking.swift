internal import EventLog
internal import Records
package import SyncCore

/// For whoever looks again and again while others write: nothing is folded to the disk, no lock is
/// taken, and what has to be done for a look is bounded.
extension Projector<RecordProjection> {
    /// The sum of the summed column as the projection on the disk has it, and the position that it
    /// stands at; nil without a projection that can be read, or without such a column.
    package func storedTotal() throws(ProjectionError) -> (
        position: Position, sum: String, records: UInt64
    )? {
        guard projection.totalIndex != nil, let (_, environment) = try usable() else { return nil }
        let checkpoint = try checkpoint(environment)
        return (checkpoint.position, checkpoint.total.description, checkpoint.total.count)
    }
}

extension Projector<HistoryProjection> {
    /// The newest runs, the newest first, and the control state that they go with.
    ///
    /// - Parameter most: events that the index on the disk may lack: they are folded in memory.
    /// - Returns: nil where it lacks more.
    package func newestRuns(
        _ count: Int, foldingAtMost most: UInt64
    ) throws -> (control: ControlState, runs: [RunSummary])? {
        let end = try log.snapshot().tail().position
        guard let (_, environment) = try usable() else {
            return end.rawValue <= most ? try runsWithoutIndex(count) : nil
        }
        guard end.rawValue - min(try checkpoint(environment).position, end).rawValue <= most else {
            return nil
        }
        let reader = try HistoryReader.open(projection, environment, log)
        var runs: [RunSummary] = []
        try reader.forEachRun(backwards: true) { run in
            runs.append(run)
            return runs.count < count
        }
        return (reader.control, runs)
    }

    private func runsWithoutIndex(
        _ count: Int
    ) throws -> (control: ControlState, runs: [RunSummary]) {
        let segments = try projection.segments(
            of: log.snapshot(), after: ControlState(), LogTotals()
        ) { _ throws(ProjectionError) in nil }.map(\.segment)
        let runs = Dictionary(segments.flatMap(\.runs)) { $1 }
        let newest = runs.keys.sorted(by: >).prefix(count).compactMap { runs[$0] }
        return (segments.last?.control ?? ControlState(), newest)
    }
}
