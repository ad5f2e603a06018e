internal import LMDB
package import SyncCore

/// What became durable together: whole steps, decided on one after the other.
package struct LoggedCommit: Sendable, Equatable {
    package let events: [LoggedEvent]
    /// What the events take in the log.
    package let bytes: Int
    /// Whether nothing was cut off its end.
    package private(set) var isWhole = true

    package init(events: [LoggedEvent], bytes: Int) {
        self.events = events
        self.bytes = bytes
    }

    /// What of it lies up to a position.
    package func cut(after end: Position) -> LoggedCommit {
        var part = LoggedCommit(events: events.filter { $0.position <= end }, bytes: bytes)
        part.isWhole = part.events.count == events.count
        return part
    }

}

extension LogSnapshot {
    /// The first and the last position of the commit that a position lies in; nil beyond the end.
    package func commit(
        at position: Position
    ) throws(EventLogError) -> (first: Position, last: Position)? {
        let link: ChainLink?
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.commits)
            guard try cursor.seek(StoreKeys.position(position)) else { return nil }
            link = cursor.read { key, value in ChainLink(key, value) }
        } catch {
            throw EventLogError(error)
        }
        guard let link, link.first <= position, position <= link.last else {
            throw log.corrupt(position, "it belongs to no commit")
        }
        return (link.first, link.last)
    }

    /// What says, with a position, which log this is: the head of the chain after the commit that
    /// the position lies in. Empty at position 0 and beyond the end.
    ///
    /// The log keeps all its heads, wherever its events are.
    package func mark(at position: Position) throws(EventLogError) -> [UInt8] {
        guard position != .none else { return [] }
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.commits)
            guard try cursor.seek(StoreKeys.position(position)) else { return [] }
            return cursor.read { key, value in ChainLink(key, value)?.head ?? [] }
        } catch {
            throw EventLogError(error)
        }
    }

    /// Whether a mark at a position was made of this log. Older programs made them of the identity
    /// header of the event there, which must be at hand then.
    package func bears(_ mark: [UInt8], at position: Position) throws(EventLogError) -> Bool {
        mark.count == EventHeader.identityRange.count
            ? try identity(at: position) == mark : try self.mark(at: position) == mark
    }

    /// Calls `body` with each commit after a position, which is the end of one, until it says no.
    ///
    /// - Throws: `.corrupt` where an event or a link of the chain is missing or can't be read.
    package func forEachCommit(
        after position: Position, bodies: EventCoder.Bodies = .all,
        _ body: (LoggedCommit) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        var links = Links(try cursor(), after: position)
        guard var end = try links.next(self) else { return }
        var events: [LoggedEvent] = []
        var bytes = 0
        try forEachEntry(after: position) { entry throws(EventLogError) in
            events.append(try entry.event(bodies: bodies))
            bytes += entry.storedBytes
            guard entry.position == end else { return true }
            let commit = LoggedCommit(events: events, bytes: bytes)
            events.removeAll(keepingCapacity: true)
            bytes = 0
            guard try body(commit), let next = try links.next(self) else { return false }
            end = next
            return true
        }
        guard events.isEmpty else {
            throw log.corrupt(events.last?.position.next, "the event is missing")
        }
    }

    private func cursor() throws(EventLogError) -> Cursor {
        do throws(LMDBError) {
            return try transaction.cursor(log.schema.commits)
        } catch {
            throw EventLogError(error)
        }
    }

    /// The ends of the commits, one after the other.
    private struct Links: ~Copyable {
        private var cursor: Cursor
        private var last: Position

        init(_ cursor: consuming Cursor, after position: Position) {
            self.cursor = cursor
            last = position
        }

        mutating func next(_ snapshot: borrowing LogSnapshot) throws(EventLogError) -> Position? {
            let found: ChainLink?
            do throws(LMDBError) {
                guard try cursor.seek(StoreKeys.position(last.next)) else { return nil }
                found = cursor.read { key, value in ChainLink(key, value) }
            } catch {
                throw EventLogError(error)
            }
            guard let found, found.first == last.next else {
                throw snapshot.log.corrupt(last.next, "its commit begins elsewhere")
            }
            last = found.last
            return last
        }
    }
}
