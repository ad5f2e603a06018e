internal import LMDB
package import SyncCore

extension LogSnapshot {
    /// The last event that was moved to the archive; `.none` in a log that has all of its own.
    package func archivedThrough() throws(EventLogError) -> Position {
        try log.schema.archivedThrough(transaction, path: log.path)
    }

    /// The end of the last commit that lies wholly before a position; `.none` before the first.
    package func endOfCommit(before position: Position) throws(EventLogError) -> Position {
        guard position > Position(1) else { return .none }
        let last = Position(position.rawValue - 1)
        guard let commit = try commit(at: last) else { return try tail().position }
        return commit.last == last ? last : Position(commit.first.rawValue - 1)
    }

    /// The segment that the log's events before a position can become; nil where there are none.
    package func movable(before first: Position) throws(EventLogError) -> ArchiveName? {
        let archived = try archivedThrough()
        let last = try endOfCommit(before: first)
        return last > archived ? ArchiveName(first: archived.next, last: last) : nil
    }

    /// What events take in the log.
    package func storedBytes(
        _ positions: ClosedRange<Position>
    ) throws(EventLogError) -> UInt64 {
        var bytes: UInt64 = 0
        try scan(from: positions.lowerBound) { at, value throws(EventLogError) in
            guard at <= positions.upperBound else { return false }
            bytes += UInt64(value.count)
            return true
        }
        return bytes
    }

    /// How many records have texts in events up to a position.
    package func recordsWithTexts(through last: Position) throws(EventLogError) -> Int {
        var records = 0
        for stream in try control().streams {
            try forEachRow(stream.id) { row throws(EventLogError) in
                let isHeader = row.headerPosition <= last
                let isDetail = row.detailPosition != .none && row.detailPosition <= last
                if isHeader || isDetail { records += 1 }
                return true
            }
        }
        return records
    }

    /// A cursor over all events, wherever they are.
    func events() throws(EventLogError) -> EventCursor {
        let archived = try archivedThrough()
        // In the log itself a text goes with the event that says so.
        let mask = archived == .none ? nil : try redactionMask()
        do throws(LMDBError) {
            return try EventCursor(
                transaction, events: log.schema.events, commits: log.schema.commits, log.archive,
                through: archived, without: mask)
        } catch {
            throw EventLogError(error)
        }
    }
}

extension EventLog {
    /// The segment that a killed compaction has copied, whose events the log still has, or the last
    /// of them; nil where there is none of this log.
    package func unfinishedSegment() throws(EventLogError) -> ArchiveName? {
        let next = try snapshot().archivedThrough().next
        for name in archive.names().reversed() where name.holds(next) {
            // One that can't be opened is no copy: the log has the events itself.
            guard let head = try snapshot().head(at: name.last),
                let found = try? SegmentCursor(archive.segment(name))
            else { continue }
            if found.head == head { return name }
        }
        return nil
    }

    /// Whether all segments of an archive are of this log.
    package func owns(_ archive: LogArchive) throws(EventLogError) -> Bool {
        let snapshot = try snapshot()
        for name in archive.names() {
            guard let head = try snapshot.head(at: name.last),
                try SegmentCursor(archive.segment(name)).head == head
            else { return false }
        }
        return true
    }
}

extension LogSchema {
    /// The last event that was moved to the archive.
    ///
    /// - Throws: `.corrupt` where that is not as it was written.
    func archivedThrough(
        _ transaction: borrowing some ReadableTransaction & ~Copyable, path: String
    ) throws(EventLogError) -> Position {
        do throws(LMDBError) {
            let found = try Self.archivedKey.withUnsafeBytes { key in
                transaction.get(meta, key) { value in Self.archivedThrough(value) }
            }.get()
            guard let found else { return .none }
            guard let position = found else {
                throw LMDBError(
                    .notFound, operation: "read what is archived", path: path, detail: "damaged")
            }
            return position
        } catch {
            throw error.operation == "read what is archived"
                ? .corrupt(
                    path: path, position: nil,
                    reason: "which events are in the archive is not as it was written")
                : EventLogError(error)
        }
    }

    private static func archivedThrough(_ value: LentBytes) -> Position? {
        guard value.count == 16 else { return nil }
        let check = value.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian
        guard Checksum.of([UInt8](value.prefix(8))) == check else { return nil }
        return Position(value.loadUnaligned(as: UInt64.self).bigEndian)
    }

    /// Says that the events up to a position are in the archive.
    func putArchived(
        _ transaction: borrowing WriteTransaction, through last: Position
    ) throws(LMDBError) {
        var value: [UInt8] = []
        value.append(bigEndian: last.rawValue)
        value.append(bigEndian: Checksum.of(value))
        try transaction.put(meta, Self.archivedKey, value)
    }
}
