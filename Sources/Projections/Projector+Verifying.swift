internal import EventLog
internal import LMDB
internal import Records
package import SyncCore

/// What came of folding everything anew beside what is stored.
package struct ProjectionVerification: Sendable, Equatable {
    /// A record whose stored row is another one.
    package struct Difference: Sendable, Equatable {
        package let id: RecordID?
        /// The first event that the stored row doesn't show; nil where it shows what no event made.
        package let position: Position?
    }

    package let position: Position
    package let rows: UInt64
    /// The projection's rows against those that the events make.
    package let projection: RowComparison
    package let projectionDifference: Difference?
    /// The same for the core rows, which decisions are made by.
    package let core: RowComparison
    package let coreDifference: Difference?
    /// Events after which another total of the summed column is stored than they make.
    package let totalsDiffer: UInt64
    /// That total at the end, as it is stored and as the events make it.
    package let storedTotal: String
    package let madeTotal: String

    package var isClean: Bool {
        projection.isEqual && core.isEqual && totalsDiffer == 0 && storedTotal == madeTotal
    }
}

extension Projector<RecordProjection> {
    /// Folds the whole log anew and compares what is stored with it: the projection's rows and the
    /// core rows, row by row.
    ///
    /// - Returns: nil when another process is making a generation.
    /// - Throws: `.damaged` when the projection can't be read at all.
    package func verify(
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws -> ProjectionVerification? {
        // One that can't be folded on would be made anew by whoever reads it next.
        if try usable() == nil, try !catchUp(progress: progress) { return nil }
        return try withGeneration(progress) { made in
            guard let (_, stored) = try usable() else {
                throw ProjectionError.damaged(
                    projection: projection.name, reason: "it is of another schema or log")
            }
            let snapshot = try log.snapshot()
            let end = try snapshot.tail().position
            try fold(into: made, through: end)
            try fold(into: stored, through: end)
            let rows = try RowComparison.between(stored, made)
            let core = try compareCore(snapshot, made)
            let (before, after) = (try checkpoint(stored), try checkpoint(made))
            return ProjectionVerification(
                position: end, rows: after.rows, projection: rows,
                projectionDifference: try rows.first.map { ordinal in
                    let view = try? row(ordinal, of: stored)
                    return try difference(ordinal, through: end) { $0 == view }
                },
                core: core,
                coreDifference: try core.first.map { ordinal in
                    let row = try? snapshot.row(stream(snapshot), ordinal)
                    return try difference(ordinal, through: end) { $0.core == row }
                }, totalsDiffer: try compareTotals(stored, made),
                storedTotal: before.total.description, madeTotal: after.total.description)
        }
    }

    private func compareTotals(
        _ stored: ProjectionEnvironment<RecordTables>, _ made: ProjectionEnvironment<RecordTables>
    ) throws -> UInt64 {
        var count: UInt64 = 0
        try RowComparison.forEachDifference(of: stored, made, in: \.totals) { _, _ in count += 1 }
        return count
    }

    private func stream(_ snapshot: borrowing LogSnapshot) throws -> StreamID {
        try snapshot.control().stream(named: projection.name)?.id ?? .none
    }

    private func row(
        _ ordinal: Ordinal, of environment: ProjectionEnvironment<RecordTables>
    ) throws -> RecordView? {
        try environment.row(
            ordinal, columns: projection.mapping.columns.count,
            environment.environment.beginRead())
    }

    /// The core rows of the log's own store against those that were made.
    private func compareCore(
        _ snapshot: borrowing LogSnapshot, _ made: ProjectionEnvironment<RecordTables>
    ) throws -> RowComparison {
        let transaction = try made.environment.beginRead()
        let stream = try stream(snapshot)
        var comparison = RowComparison()
        for ordinal in 0..<(try checkpoint(made).rows) {
            let ordinal = Ordinal(UInt32(truncatingIfNeeded: ordinal))
            let expected = try made.row(
                ordinal, columns: projection.mapping.columns.count, transaction)?.core
            // One that can't be read is another one.
            let stored = try? snapshot.row(stream, ordinal)
            if stored == nil {
                comparison.note(ordinal, \.added)
            } else if stored != expected {
                comparison.note(ordinal, \.changed)
            }
        }
        var rest: UInt64 = 0
        try snapshot.forEachRow(
            stream, from: Ordinal(UInt32(truncatingIfNeeded: try checkpoint(made).rows))
        ) { _ in
            rest += 1
            return true
        }
        if rest > 0 {
            comparison.note(
                Ordinal(UInt32(truncatingIfNeeded: try checkpoint(made).rows)), \.removed)
            comparison.removed = rest
        }
        return comparison
    }

    /// The first event of a record that a stored row doesn't show.
    private func difference(
        _ ordinal: Ordinal, through end: Position, isStored: (RecordView) -> Bool
    ) throws -> ProjectionVerification.Difference {
        let snapshot = try log.snapshot()
        let stream = try stream(snapshot)
        var view: RecordView?
        var position: Position?
        var failure: ProjectionError?
        try snapshot.forEachEvent(after: .none) { event in
            guard event.position <= end, failure == nil else { return false }
            guard event.stream == stream else { return true }
            event.event.forEachTouchedRow { touched, touch in
                guard touched == ordinal else { return }
                do throws(RecordsError) {
                    view = try projection.fold(
                        view, touch, position: event.position, time: event.time)
                } catch {
                    failure = .fold(
                        projection: projection.name, position: event.position, reason: "\(error)")
                }
                guard let view else { return }
                if isStored(view) {
                    position = nil
                } else if position == nil {
                    position = event.position
                }
            }
            return true
        }
        if let failure { throw failure }
        return ProjectionVerification.Difference(id: view?.core.id, position: position)
    }
}
