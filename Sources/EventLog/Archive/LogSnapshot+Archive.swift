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

    /// The last event of those that the newest `LogCompacted` says were moved, of those that are
    /// still in the log; `.none` where it has none.
    func lastCompacted() throws(EventLogError) -> Position {
        let archived = try archivedThrough()
        var found = Position.none
        try forEachEntryBackwards(before: Position(.max)) { entry throws(EventLogError) in
            guard entry.position > archived else { return false }
            guard entry.header.type == .logCompacted else { return true }
            if case .logCompacted(let compacted) = try entry.event(bodies: .none).event {
                found = compacted.last
            }
            return false
        }
        return found
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

    /// A segment of an archive; nil where it is of another log.
    ///
    /// - Throws: where it can't be read, which says nothing about whose it is.
    func own(
        _ name: ArchiveName, of archive: LogArchive
    ) throws(EventLogError) -> SegmentCursor? {
        // Why one can't be opened is told, even where no commit of this log ends there.
        let found = try SegmentCursor(archive.segment(name))
        guard let head = try head(at: name.last), found.head == head else { return nil }
        return found
    }

    /// Whether a segment of an archive is of this log.
    ///
    /// - Returns: why not, or why that can't be told; nil where it is.
    package func refusal(
        _ name: ArchiveName, of archive: LogArchive
    ) throws(EventLogError) -> String? {
        do throws(EventLogError) {
            return try own(name, of: archive) == nil ? "it is of another log" : nil
        } catch {
            guard case .corrupt(_, _, let reason) = error else { throw error }
            return reason
        }
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
    ///
    /// - Parameter last: one that goes beyond it is taken only if the log says that it was moved.
    package func unfinishedSegment(
        through last: Position
    ) throws(EventLogError) -> (name: ArchiveName, isSaid: Bool)? {
        let snapshot = try snapshot()
        let next = try snapshot.archivedThrough().next
        let names = try archive.names().filter { $0.holds(next) }
        guard !names.isEmpty else { return nil }
        let said = try snapshot.lastCompacted()
        for name in names.reversed() where name.last <= last || name.last == said {
            // One that can't be opened is no copy: the log has the events itself.
            if (try? snapshot.own(name, of: archive)) != nil { return (name, name.last == said) }
        }
        return nil
    }

    /// Whether all segments of an archive are of this log.
    package func owns(_ archive: LogArchive) throws(EventLogError) -> Bool {
        let snapshot = try snapshot()
        for name in try archive.names() where try snapshot.refusal(name, of: archive) != nil {
            return false
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
