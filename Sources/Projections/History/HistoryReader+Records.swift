internal import EventLog
internal import LMDB
package import SyncCore

extension HistoryReader {
    /// Which of the events about a record are wanted.
    package enum Mentions: Sendable {
        /// Those that changed its row.
        case changes
        /// Pages that had it as it was known.
        case sightings
    }

    /// The events about a record, the oldest first.
    package func positions(
        of ordinal: Ordinal, in stream: StreamID, _ mentions: Mentions,
        through last: Position = Position(.max)
    ) throws -> [Position] {
        var positions: [Position] = []
        func take(_ mention: Mention) {
            if mention.position <= last, mention.isAbout(ordinal) {
                positions.append(mention.position)
            }
        }
        try forEachStoredSegment { segment in
            guard segment <= last else { return false }
            try forEachMention(segment, stream, near: ordinal, mentions) { take($0) }
            return true
        }
        for segment in tail {
            for mention in mentions == .changes ? segment.changes : segment.sightings
            where mention.stream == stream { take(mention) }
        }
        // A segment's blocks are in the order of records; a page may have one twice.
        var last = Position.none
        return positions.sorted().filter { position in
            defer { last = position }
            return position != last
        }
    }

    /// Calls `body` with the first position of each segment on the disk, until it says no.
    private func forEachStoredSegment(_ body: (Position) throws -> Bool) throws {
        var cursor = try transaction.cursor(environment.tables.segments)
        var isThere = try cursor.first()
        while isThere {
            let first = cursor.read { key, value -> Position? in
                guard let content = SealedValue.open(value, for: key) else { return nil }
                var reader = FieldReader(content)
                return (try? reader.varint()).map { Position($0) }
            }
            guard let first else { throw environment.damaged("a segment") }
            guard try body(first) else { return }
            isThere = try cursor.next()
        }
    }

    /// Calls `body` with the mentions of a segment that may be about a record, and some more.
    private func forEachMention(
        _ segment: Position, _ stream: StreamID, near ordinal: Ordinal, _ mentions: Mentions,
        _ body: (Mention) -> Void
    ) throws {
        let tables = environment.tables
        let table = mentions == .changes ? tables.changes : tables.sightings
        // A mention that begins so far before the record may still be about it.
        let reach = Mention.mostRecords - 1
        let lowest = Ordinal(ordinal.rawValue - min(ordinal.rawValue, reach))
        var cursor = try transaction.cursor(table)
        var isThere = try cursor.seek(HistoryTables.block(segment, stream, lowest))
        let isExact =
            isThere
            && cursor.read { key, _ in HistoryTables.ordinal(of: key, segment, stream) } == lowest
        if !isExact {
            // The block that the lowest one would be in begins before it.
            let hasEarlier = try isThere ? cursor.previous() : cursor.last()
            let isOwn =
                hasEarlier
                && cursor.read { key, _ in HistoryTables.ordinal(of: key, segment, stream) } != nil
            if isOwn {
                isThere = true
            } else if hasEarlier {
                isThere = try cursor.next()
            } else {
                isThere = try cursor.first()
            }
        }
        while isThere {
            var isDamaged = false
            let goesOn = cursor.read { key, value -> Bool in
                guard let first = HistoryTables.ordinal(of: key, segment, stream),
                    first <= ordinal
                else { return false }
                guard let content = SealedValue.open(value, for: key) else {
                    isDamaged = true
                    return false
                }
                var reader = FieldReader(content)
                do throws(FieldError) {
                    try MentionBlock.forEach(&reader, stream, from: first, in: segment) {
                        body($0)
                        return $0.ordinal <= ordinal
                    }
                } catch {
                    isDamaged = true
                }
                return true
            }
            if isDamaged { throw environment.damaged("a block of segment \(segment.rawValue)") }
            guard goesOn else { return }
            isThere = try cursor.next()
        }
    }

    /// The number of a record; nil when the stream has none of that name.
    package func ordinal(of id: RecordID, in stream: StreamID) throws -> Ordinal? {
        try snapshot.row(stream, id)?.ordinal
    }

    /// A record's row after the event at a position; nil when it was not known yet.
    package func row(
        of ordinal: Ordinal, in stream: StreamID, at position: Position
    ) throws -> RecordRow? {
        var row: RecordRow?
        try forEachChange(of: ordinal, in: stream, through: position) { _, next in row = next }
        return row
    }

    /// The same with the columns' values.
    package func record(
        _ ordinal: Ordinal, of projection: RecordProjection, in stream: StreamID,
        at position: Position
    ) throws -> RecordView? {
        guard let row = try row(of: ordinal, in: stream, at: position) else { return nil }
        let detail = row.detailPosition
        return try projection.view(
            of: row, header: try text(of: ordinal, at: row.headerPosition),
            detail: detail == .none ? nil : try text(of: ordinal, at: detail))
    }

    /// The records that the events after a position change, up to another one, in their order.
    ///
    /// - Returns: nil where they are more than so many.
    package func changed(
        in stream: StreamID, after first: Position, through last: Position, atMost most: Int
    ) throws -> [Ordinal]? {
        var found: Set<Ordinal> = []
        try snapshot.forEachEvent(after: first, bodies: .none) { event in
            guard event.position <= last else { return false }
            if event.stream == stream {
                event.event.forEachTouchedRow { ordinal, _ in found.insert(ordinal) }
            }
            return found.count <= most
        }
        return found.count <= most ? found.sorted() : nil
    }

    /// Calls `body` with each event that changed a record's row, the oldest first, and the row
    /// after it. The events come without texts.
    package func forEachChange(
        of ordinal: Ordinal, in stream: StreamID, through last: Position = Position(.max),
        _ body: (LoggedEvent, RecordRow) throws -> Void
    ) throws {
        var row: RecordRow?
        for position in try positions(of: ordinal, in: stream, .changes, through: last) {
            guard let event = try snapshot.event(at: position, bodies: .none) else { continue }
            event.event.forEachTouchedRow { touched, touch in
                guard touched == ordinal else { return }
                row = applyRow(row, touch, position: position, time: event.time)
            }
            guard let row else {
                throw ProjectionError.noRow(
                    projection: environment.name, position: position, ordinal: ordinal)
            }
            try body(event, row)
        }
    }
}
