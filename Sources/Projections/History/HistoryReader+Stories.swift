internal import EventLog
package import SyncCore

/// What one event did to a record.
package struct RecordStep: Sendable {
    package let event: LoggedEvent
    /// The row after it.
    package let row: RecordRow
    /// What led to it, the oldest first: what came of the request, and what else followed from it:
    /// waits, and the end of the run.
    package let causes: [LoggedEvent]
}

/// One text that the API gave of a record.
package struct RecordVersion: Sendable {
    package enum Part: Sendable, Hashable {
        case header
        case detail

        package var name: String { self == .header ? "header" : "detail" }
    }

    package let part: Part
    package let position: Position
    package let time: LogTime
    package let run: Position
    /// Nil when it was redacted.
    package let text: [UInt8]?
}

extension HistoryReader {
    /// What happened to a record up to a position, the oldest first.
    ///
    /// - Parameter isWhole: from its first sight on; else from the last change of its header.
    package func steps(
        of ordinal: Ordinal, in stream: StreamID, through last: Position, isWhole: Bool = false
    ) throws -> [RecordStep] {
        var steps: [RecordStep] = []
        try forEachChange(of: ordinal, in: stream, through: last) { event, row in
            if !isWhole, case .pageFetched = event.event { steps.removeAll() }
            steps.append(RecordStep(event: event, row: row, causes: try causes(of: event)))
        }
        return steps
    }

    /// What a decision about records follows from, and what followed from the same: the waits, and
    /// the end of the run.
    private func causes(of event: LoggedEvent) throws -> [LoggedEvent] {
        if event.event.type == .requestAbandoned {
            return try stepStart(of: event).map { [$0] } ?? []
        }
        guard !event.event.type.isFact, event.cause != .none,
            let cause = try snapshot.event(at: event.cause, bodies: .none),
            cause.event.answeredIntent != nil
        else { return [] }
        var causes = [cause]
        try snapshot.forEachEvent(after: cause.position, bodies: .none) { next in
            guard !next.startsStep else { return false }
            let type = next.event.type
            if next.cause == cause.position, type == .backoffApplied || type == .runStopping {
                causes.append(next)
            }
            return true
        }
        return causes
    }

    /// The event that a decision began with: of a request without an outcome, the engine's start
    /// that found it.
    private func stepStart(of event: LoggedEvent) throws -> LoggedEvent? {
        var first = event
        while !first.startsStep, first.position > Position(1) {
            let before = Position(first.position.rawValue - 1)
            guard let earlier = try snapshot.event(at: before, bodies: .none) else { return nil }
            first = earlier
        }
        return first
    }

    /// Calls `body` with each text that the API gave of a record up to a position, the oldest
    /// first.
    package func forEachVersion(
        of ordinal: Ordinal, in stream: StreamID, through last: Position,
        _ body: (RecordVersion) throws -> Void
    ) throws {
        for position in try positions(of: ordinal, in: stream, .changes, through: last) {
            guard let event = try snapshot.event(at: position, bodies: .none),
                let part = event.event.part,
                let text = try snapshot.body(of: ordinal, at: position)
            else { continue }
            try body(
                RecordVersion(
                    part: part, position: position, time: event.time, run: event.run,
                    text: text.isEmpty ? nil : text))
        }
    }

    /// The verbatim text of a record in an event; nil where there is none, empty when it was
    /// redacted.
    package func text(of ordinal: Ordinal, at position: Position) throws -> [UInt8]? {
        try snapshot.body(of: ordinal, at: position)
    }

    /// When the event at a position happened.
    package func time(of position: Position) throws -> LogTime? {
        try snapshot.event(at: position, bodies: .none)?.time
    }
}

extension Event {
    fileprivate var part: RecordVersion.Part? {
        switch self {
        case .pageFetched: .header
        case .detailsFetched: .detail
        default: nil
        }
    }
}
