/// What an event does to one record's row.
package enum RowTouch: Sendable {
    case listed(PageFetched.Entry, generation: UInt32)
    case asked(RequestIntended.Asked)
    case detail(DetailsFetched.Result)
    case requeued(QueuedRecord, DetailsRequeued, part: Int)
    case abandoned
    case parked(RecordParked)
    case retried
    case dropped
    case redacted

    /// Whether the record is out of flight after it, whatever it was before; what leaves that alone
    /// may as well come before a request as after it.
    package var endsFlight: Bool {
        switch self {
        case .listed, .requeued, .abandoned, .parked, .retried, .dropped: true
        case .detail(let result):
            switch result.outcome {
            case .changed, .same: true
            case .absent, .failed: false
            }
        case .asked, .redacted: false
        }
    }
}

extension Event {
    /// Calls `body` for each row that this event changes, in the order in which it changes them.
    package func forEachTouchedRow<Failure: Error>(
        _ body: (Ordinal, RowTouch) throws(Failure) -> Void
    ) throws(Failure) {
        switch self {
        case .pageFetched(let event):
            for entry in event.entries {
                try body(entry.ordinal, .listed(entry, generation: event.generation))
            }
        case .requestIntended(let event):
            guard case .detail(let asked) = event.target else { return }
            for record in asked { try body(record.ordinal, .asked(record)) }
        case .detailsFetched(let event):
            for result in event.results { try body(result.ordinal, .detail(result)) }
        case .detailsRequeued(let event):
            for (index, part) in event.parts.enumerated() {
                for record in part {
                    try body(record.ordinal, .requeued(record, event, part: index))
                }
            }
        case .requestAbandoned(let event):
            for ordinal in event.ordinals { try body(ordinal, .abandoned) }
        case .recordParked(let event): try body(event.record.ordinal, .parked(event))
        case .queueRetried(let event):
            for record in event.records { try body(record.ordinal, .retried) }
        case .queueDropped(let event):
            for record in event.records { try body(record.ordinal, .dropped) }
        case .redacted(let event):
            for record in event.records { try body(record.ordinal, .redacted) }
        default: return
        }
    }
}

/// Folds one event into one row: nil in for a record that is not known, nil out for none.
///
/// - Parameters:
///   - touch: what the event does to this row, by `Event.forEachTouchedRow`.
///   - position: the event's position.
///   - time: the event's time.
package func applyRow(
    _ row: RecordRow?, _ touch: RowTouch, position: Position, time: LogTime
) -> RecordRow? {
    guard var row else {
        guard case .listed(let entry, let generation) = touch else { return nil }
        return listed(nil, entry, generation: generation, position: position)
    }
    switch touch {
    case .listed(let entry, let generation):
        return listed(row, entry, generation: generation, position: position)
    case .asked: row.queue?.inFlight = true
    case .detail(let result): row.take(result, position: position, time: time)
    case .requeued(_, let event, let part): row.requeue(event, part: part, time: time)
    case .abandoned:
        row.postpone()
        row.queue?.countAbandon()
    case .parked(let event):
        let before = row.queue
        row.enqueue(.parked)
        // Once its header changes it is a suspect still.
        if event.error == .crash { row.queue?.carry(before) }
        row.attempts = event.attempts
        row.attemptedAt = time
        row.error = event.error
    case .retried:
        row.enqueue(.pending)
        row.attempts = 0
    case .dropped: row.enqueue(.dropped)
    // What it had is still what it had, by its fingerprints.
    case .redacted: break
    }
    return row
}

private func listed(
    _ row: RecordRow?, _ entry: PageFetched.Entry, generation: UInt32, position: Position
) -> RecordRow {
    var row =
        row
        ?? RecordRow(
            ordinal: entry.ordinal, id: entry.id, headerFingerprint: entry.fingerprint,
            headerPosition: position, generation: generation)
    row.headerFingerprint = entry.fingerprint
    row.headerPosition = position
    row.generation = generation
    row.attempts = 0
    row.error = nil
    // Another header says nothing about what its answer does to the program.
    let before = row.queue
    row.queue = QueueEntry(state: .pending, isChange: row.detailPosition != .none)
    row.queue?.carry(before)
    return row
}

extension RecordRow {
    fileprivate mutating func take(
        _ result: DetailsFetched.Result, position: Position, time: LogTime
    ) {
        attemptedAt = time
        switch result.outcome {
        case .changed(let fingerprint, _):
            detailFingerprint = fingerprint
            detailPosition = position
            settle()
        case .same: settle()
        case .absent: error = .absent
        case .failed(let failure): error = failure
        }
    }

    private mutating func settle() {
        queue = nil
        attempts = 0
        error = nil
    }

    /// Puts the record back at the end of its class.
    fileprivate mutating func postpone() {
        queue?.inFlight = false
        queue?.countDeferral()
    }

    fileprivate mutating func requeue(_ event: DetailsRequeued, part: Int, time: LogTime) {
        switch event.kind {
        case .returned:
            queue?.inFlight = false
            queue?.survive()
            return
        case .postponed:
            postpone()
            queue?.survive()
            return
        case .whole, .split, .alone, .attempt: break
        }
        enqueue(.retrying)
        queue?.due = event.due
        queue?.group = event.intent
        queue?.part = UInt16(truncatingIfNeeded: part)
        queue?.isSplitNext = event.kind == .whole || event.kind == .split
        attemptedAt = time
        error = event.error ?? error
        if event.kind == .attempt, attempts < .max { attempts += 1 }
    }

    /// Puts the record into another state of the queue, out of flight and out of its group.
    fileprivate mutating func enqueue(_ state: RecordState) {
        queue = QueueEntry(state: state, isChange: detailPosition != .none)
    }
}

extension QueueEntry {
    fileprivate mutating func countAbandon() { abandons = abandons.saturatingAdd(1) }
    fileprivate mutating func countDeferral() { deferrals = deferrals.saturatingAdd(1) }

    /// The program got over a request without the record's details: it stays a suspect, but what
    /// counts are crashes in a row.
    fileprivate mutating func survive() { abandons = min(abandons, Self.crashesBeforeAlone) }

    /// Takes over what an earlier entry of the same record was found to do.
    fileprivate mutating func carry(_ earlier: QueueEntry?) {
        guard let earlier else { return }
        deferrals = earlier.deferrals
        abandons = earlier.abandons
    }
}

extension RecordError {
    /// A detail answer that doesn't mention an identity that was asked for.
    package static let absent = RecordError(
        code: "absent", text: "the detail answer does not contain this id")

    /// The program ended time and again while only this record was asked for.
    package static let crash = RecordError(
        code: "crash",
        text: "the program ended \(QueueEntry.crashesBeforeAlone) times in a row while only this "
            + "record was asked for")
}
