internal import LMDB
internal import SyncCore

/// A place among the events of a log, be they in it or in its archive.
///
/// What it lends stays valid as long as the transaction that it was made in; of a segment of the
/// archive as long as `holder`.
struct EventCursor: ~Copyable {
    private var live: Cursor
    private var links: Cursor
    private let archive: LogArchive
    /// Up to here events are in the archive.
    private let archived: Position
    /// What of the archive it doesn't show.
    private let mask: RedactionMask?
    /// Where it stands in the archive; nil where it stands in the log itself.
    private var segment: SegmentCursor?

    /// What keeps that which is lent where it stands, once it has moved on; nil in the log itself.
    var holder: SegmentCursor? { segment }

    /// - Parameters:
    ///   - archived: up to here events are in the archive.
    ///   - mask: what of the archive is not shown.
    init(
        _ transaction: borrowing some ReadableTransaction & ~Copyable, events: Database,
        commits: Database, _ archive: LogArchive, through archived: Position,
        without mask: RedactionMask? = nil
    ) throws(LMDBError) {
        let live = try transaction.cursor(events)
        let links = try transaction.cursor(commits)
        self.live = live
        self.links = links
        self.archive = archive
        self.archived = archived
        self.mask = mask
    }

    /// Moves to the first event that is not before a position.
    mutating func seek(_ position: Position) throws(EventLogError) -> Bool {
        let position = max(position, Position(1))
        guard position > archived else { return try enter(position) }
        segment = nil
        return try inLog { live throws(LMDBError) in
            try live.seek(StoreKeys.position(position))
        }
    }

    mutating func last() throws(EventLogError) -> Bool {
        segment = nil
        if try inLog({ live throws(LMDBError) in try live.last() }), isBehindArchive { return true }
        return archived == .none ? false : try enter(archived)
    }

    /// Whether it stands on an event of those that the log itself is asked for.
    private var isBehindArchive: Bool {
        live.read { key, _ in StoreKeys.position(of: key) }.map { $0 > archived } ?? true
    }

    mutating func next() throws(EventLogError) -> Bool {
        guard let segment else { return try inLog { live throws(LMDBError) in try live.next() } }
        // What a segment holds beyond it is the log's own yet, and may be another's.
        let end = min(segment.name.last, archived)
        if try segment.next(), segment.position.map({ $0 <= end }) ?? true { return true }
        return try seek(end.next)
    }

    mutating func previous() throws(EventLogError) -> Bool {
        let before: Position
        if let segment {
            let first = segment.name.first
            if try segment.previous(), segment.position.map({ $0 >= first }) ?? true {
                return true
            }
            before = Position(segment.name.first.rawValue - 1)
        } else {
            if try inLog({ live throws(LMDBError) in try live.previous() }), isBehindArchive {
                return true
            }
            before = archived
        }
        return before == .none ? false : try enter(before)
    }

    /// Lends the key and the value where it stands.
    @inline(__always)
    func read<Result, Failure: Error>(
        _ body: (_ key: LentBytes, _ value: LentBytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let segment else { return try live.read(body) }
        guard let mask else { return try segment.read(body) }
        return try segment.read { key, value throws(Failure) in
            try body(key, mask.masked(key, value))
        }
    }

    @inline(__always)
    private mutating func inLog(
        _ move: (inout Cursor) throws(LMDBError) -> Bool
    ) throws(EventLogError) -> Bool {
        do throws(LMDBError) {
            return try move(&live)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Goes to an event in the archive.
    private mutating func enter(_ position: Position) throws(EventLogError) -> Bool {
        let found: SegmentCursor
        if let segment, segment.name.holds(position) {
            found = segment
        } else {
            // Those that nobody holds can be closed.
            segment = nil
            found = try cursor(holding: position)
            segment = found
        }
        guard try found.seek(position), found.position == position else {
            throw .corrupt(
                path: archive.folder(found.name), position: position,
                reason: "the event is missing in its segment of the archive")
        }
        return true
    }

    /// Opens a segment that holds an event, and is of this log.
    private mutating func cursor(
        holding position: Position
    ) throws(EventLogError) -> SegmentCursor {
        var failure: EventLogError?
        for name in try archive.names(holding: position, of: archived) {
            do throws(EventLogError) {
                let found = try SegmentCursor(archive.segment(name))
                // One of another log has other heads.
                if let head = try head(at: name.last), head == found.head { return found }
                throw .corrupt(
                    path: archive.folder(name), position: name.first,
                    reason: "this segment of the archive is of another log")
            } catch {
                // One that could not be looked at may be the right one.
                if failure.map(\.isDamage) ?? true { failure = error }
            }
        }
        throw failure ?? .archiveMissing(path: archive.path, first: position, last: archived)
    }

    private mutating func head(at position: Position) throws(EventLogError) -> [UInt8]? {
        do throws(LMDBError) {
            guard try links.find(StoreKeys.position(position)) else { return nil }
            return links.read { key, value in ChainLink(key, value)?.head }
        } catch {
            throw EventLogError(error)
        }
    }
}

/// A place in a segment, with the snapshot that it is in.
final class SegmentCursor {
    let segment: ArchiveSegment
    private let transaction: ReadTransaction
    private var cursor: Cursor
    /// The head of the chain after its last event.
    let head: [UInt8]?

    var name: ArchiveName { segment.name }

    init(_ segment: ArchiveSegment) throws(EventLogError) {
        do throws(LMDBError) {
            self.segment = segment
            transaction = try segment.environment.beginRead()
            cursor = try transaction.cursor(segment.events)
            var links = try transaction.cursor(segment.commits)
            let isThere = try links.find(StoreKeys.position(segment.name.last))
            head = isThere ? links.read { key, value in ChainLink(key, value)?.head } : nil
        } catch {
            throw EventLogError(error)
        }
    }

    func seek(_ position: Position) throws(EventLogError) -> Bool {
        try move { cursor throws(LMDBError) in try cursor.seek(StoreKeys.position(position)) }
    }

    /// That of the event where it stands; nil for a key that is none.
    var position: Position? { cursor.read { key, _ in StoreKeys.position(of: key) } }

    func next() throws(EventLogError) -> Bool {
        try move { cursor throws(LMDBError) in try cursor.next() }
    }

    func previous() throws(EventLogError) -> Bool {
        try move { cursor throws(LMDBError) in try cursor.previous() }
    }

    private func move(
        _ body: (inout Cursor) throws(LMDBError) -> Bool
    ) throws(EventLogError) -> Bool {
        do throws(LMDBError) {
            return try body(&cursor)
        } catch {
            throw EventLogError(error)
        }
    }

    func read<Result, Failure: Error>(
        _ body: (LentBytes, LentBytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try cursor.read(body)
    }
}
