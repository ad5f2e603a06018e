internal import LMDB
package import SyncCore

/// Moves the oldest events of a log into a segment of its archive.
///
/// In this order, so that a kill at any moment loses nothing: `copy` until it says no, `check`,
/// `publish`; then whoever calls it appends `LogCompacted`, and `EventLog.removeArchived` takes the
/// events out of the log. The holder of the engine's lock alone may do so.
package struct LogCompaction: ~Copyable {
    /// The segment that is made.
    package let name: ArchiveName
    /// The head of the chain after its last event.
    package let head: [UInt8]
    /// The last position that was copied.
    package private(set) var position: Position
    private let log: EventLog
    private let source: LogSnapshot
    private let folder: String
    private let segment: EventLog.SegmentFile

    /// So much is copied in one transaction.
    private static let batchEvents = 16_384
    private static let batchBytes = 32 << 20

    /// Begins with the first event that isn't in the archive yet.
    ///
    /// - Parameter last: the end of a commit.
    package init(_ log: EventLog, through last: Position) throws(EventLogError) {
        let source = try log.snapshot()
        let archived = try source.archivedThrough()
        precondition(archived < last, "nothing to move")
        guard let head = try source.head(at: last) else {
            throw log.corrupt(last, "no commit ends here")
        }
        let name = ArchiveName(first: archived.next, last: last)
        let folder = log.archive.folder(name)
        guard FileSystem.size(folder) == nil else {
            throw .storage(
                LMDBError(
                    .other(0), operation: "create segment", path: folder,
                    detail: "what is here is no copy of this log's events: move it away"))
        }
        log.archive.removeUnfinished()
        segment = try EventLog.SegmentFile(making: folder, of: log)
        self.name = name
        self.folder = folder
        self.head = head
        self.log = log
        self.source = source
        position = archived
    }

    /// Copies the next events.
    ///
    /// - Returns: whether there may be more.
    package mutating func copy() throws(EventLogError) -> Bool {
        guard position < name.last else { return false }
        var next = position
        do {
            let transaction = try segment.environment.beginWrite()
            var (events, bytes) = (0, 0)
            try source.scan(from: position.next) { at, value throws(EventLogError) in
                guard at <= name.last else { return false }
                do throws(LMDBError) {
                    try transaction.put(
                        segment.schema.events, StoreKeys.position(at), [UInt8](value), .append)
                } catch {
                    throw EventLogError(error)
                }
                next = at
                events += 1
                bytes += value.count
                return events < Self.batchEvents && bytes < Self.batchBytes
            }
            try copyLinks(through: next, transaction)
            try transaction.commit()
        } catch {
            throw log.failure(error)
        }
        guard next > position else { throw log.corrupt(position.next, "the event is missing") }
        position = next
        return position < name.last
    }

    /// Copies the links of the commits that end after `position`, up to `last`.
    private func copyLinks(
        through last: Position, _ transaction: borrowing WriteTransaction
    ) throws {
        var links = try source.transaction.cursor(log.schema.commits)
        var isThere = try links.seek(StoreKeys.position(position.next))
        while isThere {
            let (key, value) = links.read { ([UInt8]($0), [UInt8]($1)) }
            guard let end = key.withUnsafeBytes({ StoreKeys.position(of: $0) }), end <= last else {
                return
            }
            try transaction.put(segment.schema.commits, key, value, .append)
            isThere = try links.next()
        }
    }

    /// Puts what was copied on the disk, and reads it back: every event by its checksum, its hash
    /// and the chain, from the head before it to that of the log.
    ///
    /// - Parameters:
    ///   - workers: threads that check.
    ///   - progress: is told the last position that was checked; what it throws ends it.
    package func check(workers: Int, _ progress: (Position) throws -> Void) throws {
        try segment.environment.sync()
        try source.check(
            name, log.path, in: segment.environment.beginRead(), segment.schema.events,
            segment.schema.commits, workers, progress)
    }

    /// Gives the segment its name: from here on it is found.
    package consuming func publish() throws(EventLogError) {
        let folder = folder
        try segment.publish(as: folder)
    }

    /// Removes what was copied.
    package consuming func discard() { segment.discard() }
}

extension LogSnapshot {
    /// Checks a segment of the archive by itself, whatever others hold.
    func check(_ name: ArchiveName, workers: Int, _ progress: (Position) throws -> Void) throws {
        let segment = try log.archive.segment(name)
        try check(
            name, log.archive.folder(name), in: segment.environment.beginRead(), segment.events,
            segment.commits, workers, progress)
    }

    /// Checks a copy of events: every one by its checksum, its hash and the chain, from the head
    /// before them to the head after them.
    ///
    /// - Parameter path: what is named as damaged.
    fileprivate func check(
        _ name: ArchiveName, _ path: String, in transaction: borrowing ReadTransaction,
        _ events: Database, _ commits: Database, _ workers: Int,
        _ progress: (Position) throws -> Void
    ) throws {
        let damage = { (position: Position, reason: String) in
            EventLogError.corrupt(path: path, position: position, reason: reason)
        }
        let checker = EventChecker(workers: workers, log.dictionaries)
        var events = try EventFeed(
            EventCursor(transaction, events: events, commits: commits, log.archive, through: .none),
            from: name.first, upTo: name.last, checker)
        var links = try transaction.cursor(commits)
        var hasLink = try links.seek([])
        var next = name.first
        let before = Position(name.first.rawValue - 1)
        var head = try self.head(at: before) ?? []
        let chain = ChainHasher(previousHead: head)
        while hasLink {
            let link = links.read { key, value in ChainLink(key, value) }
            guard let link, link.first == next else {
                throw damage(next, "its commit has no link of the chain")
            }
            chain.begin(previousHead: head)
            while next <= link.last {
                guard let event = try events.next(), event.key == next else {
                    throw damage(next, "the event is missing in its copy")
                }
                if case .failure(let error) = event.result {
                    throw error.isNewer ? log.damaged(next, error) : damage(next, "\(error)")
                }
                chain.add(
                    next,
                    identity: UnsafeRawBufferPointer(
                        rebasing: event.value[EventHeader.identityRange]))
                next = next.next
            }
            head = chain.finish()
            guard head == link.head else {
                throw damage(link.last, "the hash chain is broken in its commit")
            }
            try progress(link.last)
            hasLink = try links.next()
        }
        guard next == name.last.next, try head == self.head(at: name.last) else {
            throw damage(next, "its copy ends too early")
        }
    }
}

extension EventLog {
    /// Makes a segment that a killed compaction has made what the log says now: a text that was
    /// taken out of the log since must not come back with it.
    ///
    /// The holder of the engine's lock alone may do so.
    package func refresh(_ name: ArchiveName) throws(EventLogError) {
        let snapshot = try snapshot()
        let first = try snapshot.archivedThrough().next
        archive.close()
        var damaged: Position?
        do throws(LMDBError) {
            let environment = try Environment.open(archive.folder(name))
            let transaction = try environment.beginWrite()
            let events = try transaction.database("events")
            var live = try snapshot.transaction.cursor(schema.events)
            var isThere = try live.seek(StoreKeys.position(first))
            var isOther = false
            while isThere {
                let (key, value) = live.read { ([UInt8]($0), [UInt8]($1)) }
                guard let at = key.withUnsafeBytes({ StoreKeys.position(of: $0) }), at <= name.last
                else { break }
                if try transaction.value(events, key) != value {
                    // What is damaged in the log is no reason to spoil the copy, too.
                    guard value.withUnsafeBytes({ EventHeader.isSound($0, at: at) }) else {
                        damaged = at
                        break
                    }
                    try transaction.put(events, key, value)
                    isOther = true
                }
                isThere = try live.next()
            }
            if damaged == nil, isOther {
                try transaction.commit()
                try environment.replaceByCompacted()
            }
        } catch {
            throw EventLogError(error)
        }
        if let damaged { throw corrupt(damaged, "its checksum is wrong") }
    }

    /// Checks a segment that a killed compaction has made, before its events leave the log.
    package func check(
        _ name: ArchiveName, workers: Int, _ progress: (Position) throws -> Void
    ) throws {
        try snapshot().check(name, workers: workers, progress)
    }

    /// A segment in the making, in a folder beside its name.
    struct SegmentFile {
        let environment: Environment
        let schema: LogSchema
        private let path: String

        /// - Parameter log: that it is made of, and belongs to the same owner as.
        init(making folder: String, of log: EventLog) throws(EventLogError) {
            path = folder + ArchiveName.unfinishedMark
            let usedBytes = try log.usedBytes()
            do throws(LMDBError) {
                let archive = FileSystem.parent(of: folder)
                try FileSystem.makeFolder(archive, ownedAs: log.path)
                Environment.removeEnvironment(path)
                var options = EnvironmentOptions(durability: .none)
                options.mapSize = max(options.mapSize, 4 * Int(clamping: usedBytes))
                try Environment.create(path, options) { transaction throws(LMDBError) in
                    let schema = try LogSchema(creating: transaction)
                    try schema.putFormat(transaction)
                }
                try Self.keepOwner(of: log.path, for: path)
                environment = try Environment.open(path, options)
                let transaction = try environment.beginRead()
                schema = try LogSchema(opening: transaction)
                try transaction.keepDatabases()
            } catch {
                throw EventLogError(error)
            }
        }

        private static func keepOwner(
            of log: String, for path: String
        ) throws(LMDBError) {
            do throws(LMDBError) {
                try Environment.keepOwner(of: log, for: path)
            } catch {
                Environment.removeEnvironment(path)
                throw error
            }
        }

        func publish(as folder: String) throws(EventLogError) {
            do throws(LMDBError) {
                try FileSystem.move(path, to: folder)
            } catch {
                throw EventLogError(error)
            }
        }

        func discard() { Environment.removeEnvironment(path) }
    }

    /// Takes events that a segment of the archive holds out of the log.
    ///
    /// - Parameters:
    ///   - last: the last of them: the end of a commit.
    ///   - batch: so many are taken out in one transaction, or a commit more: never half of one.
    ///   - progress: is told the last position that is out; what it throws ends it for now.
    package func removeArchived(
        through last: Position, batch: UInt64 = 16_384, _ progress: (Position) throws -> Void
    ) throws {
        let control = try snapshot().control()
        var next = try snapshot().archivedThrough().next
        // A start folds on from the stored state: what comes after that must stay.
        try growing { () throws(EventLogError) in
            let writer = try beginWrite(after: control.position)
            try writer.save(control)
            try writer.commit()
        }
        while next <= last {
            let start = min(Position(next.rawValue + batch - 1), last)
            let end = try snapshot().commit(at: start)?.last ?? last
            try growing { () throws(EventLogError) in try remove(next...end) }
            next = end.next
            try progress(end)
        }
    }

    private func remove(_ positions: ClosedRange<Position>) throws(EventLogError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for position in positions.lowerBound.rawValue...positions.upperBound.rawValue {
                try transaction.delete(schema.events, StoreKeys.position(Position(position)))
            }
            try schema.putArchived(transaction, through: positions.upperBound)
            try transaction.commit()
        } catch {
            throw EventLogError(error)
        }
    }

    /// Gives back what the log's file has free, so that nothing deleted is in it any more.
    ///
    /// Open it anew: this object goes on with the old file. The holder of the engine's lock alone
    /// may do so.
    ///
    /// - Parameter isStopped: asked now and then while it copies; ends it.
    /// - Throws: `isRefusedReplacement` where the file keeps its size.
    package func replaceByCompacted(
        isStopped: () -> Bool = { false }
    ) throws(EventLogError) {
        do throws(LMDBError) {
            try environment.replaceByCompacted(isStopped: isStopped)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Removes what killed compactions were making, or had replaced: a whole log may lie there. The
    /// holder of the engine's lock alone may.
    package func removeUnfinished() {
        archive.removeUnfinished()
        Environment.removeUnfinished(path, evenOfLiving: true)
        // Where it is a link, they lie where that leads to.
        if let target = try? FileSystem.resolved(path), target != path {
            Environment.removeUnfinished(target, evenOfLiving: true)
        }
    }

    /// Whether more than half of its file is free: an archived log whose file wasn't replaced.
    package func isMostlyFree() throws(EventLogError) -> Bool {
        guard try snapshot().archivedThrough() != .none else { return false }
        do throws(LMDBError) {
            return try environment.freePages() > environment.info().lastPage / 2
        } catch {
            throw EventLogError(error)
        }
    }

    /// Whether its path still leads to the file that is open here.
    package var isInPlace: Bool { environment.isInPlace }
}
