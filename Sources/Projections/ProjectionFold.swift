internal import Records
internal import SyncCore

/// Folds events into rows that it loads and stores through its caller: the same for a write to the
/// disk and for a tail that is folded in memory only.
struct ProjectionFold {
    let projection: RecordProjection
    let stream: StreamID
    var checkpoint: Checkpoint
    /// The total after each event that changed it.
    private(set) var totals: [(position: Position, total: DecimalTotal)] = []

    init(projection: RecordProjection, stream: StreamID, checkpoint: Checkpoint) {
        self.projection = projection
        self.stream = stream
        self.checkpoint = checkpoint
    }

    /// Folds one event and moves the checkpoint on to it.
    mutating func take(
        _ event: LoggedEvent, load: (Ordinal) throws(ProjectionError) -> RecordView?,
        store: (RecordView) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        defer { checkpoint.position = event.position }
        guard event.stream == stream else { return }
        if case .redacted(let redacted) = event.event {
            for record in redacted.records {
                guard let view = try load(record.ordinal),
                    view.hasValues(of: redacted.positions)
                else { continue }
                // What it was in is in files of the projection, and in totals of the past: it must
                // be made anew.
                throw .damaged(
                    projection: projection.name,
                    reason: "it has what was taken out of the log at @\(event.position.rawValue)")
            }
        }
        var next = checkpoint
        let projection = projection
        try event.event.forEachTouchedRow { ordinal, touch throws(ProjectionError) in
            let old = try load(ordinal)
            let new: RecordView?
            do throws(RecordsError) {
                new = try projection.fold(
                    old, touch, position: event.position, time: event.time)
            } catch {
                throw .fold(
                    projection: projection.name, position: event.position,
                    reason: "record \(old?.core.id.text ?? "#\(ordinal.rawValue)"): \(error)")
            }
            guard let new else {
                throw .noRow(
                    projection: projection.name, position: event.position, ordinal: ordinal)
            }
            if old == nil { next.rows += 1 }
            try next.replace(projection.addend(old), by: projection.addend(new), projection.name)
            try store(new)
        }
        if next.total != checkpoint.total { totals.append((event.position, next.total)) }
        checkpoint = next
    }
}

extension Checkpoint {
    fileprivate mutating func replace(
        _ old: ExactDecimal?, by new: ExactDecimal?, _ name: String
    ) throws(ProjectionError) {
        guard old != new || old?.scale != new?.scale else { return }
        do throws(RecordsError) {
            if let old { try total.subtract(old) }
        } catch {
            throw .damaged(projection: name, reason: "\(error)")
        }
        if let new { total.add(new) }
    }
}

extension RecordView {
    /// Whether it has values of a text in one of these events.
    fileprivate func hasValues(of positions: [Position]) -> Bool {
        fromHeader != nil && positions.contains(core.headerPosition)
            || fromDetail != nil && positions.contains(core.detailPosition)
    }
}
