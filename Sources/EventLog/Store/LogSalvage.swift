internal import LMDB
package import SyncCore

/// Copies what is whole of a damaged log into a new one: commit by commit, each checked as
/// `LogVerifier` checks it, and folded into rows and state anew.
///
/// A commit that isn't whole ends it, and so may a crash of LMDB on a damaged page: what was copied
/// by then is in the new log. Run it in a process of its own.
package struct LogSalvage: ~Copyable {
    private let source: SalvageSource
    private let target: EventLog
    private let transaction: ReadTransaction
    private let checker: EventChecker
    private let coder: EventCoder
    private let chain = ChainHasher(previousHead: ChainHasher.genesis)
    private let stretch: UInt64
    private var control = ControlState()
    private var head = ChainHasher.genesis
    private var saved = Position.none

    /// Where it ended before the end of the log, and why; nil while nothing is damaged.
    private(set) var damage: (position: Position, reason: String)?

    /// Why it ended where it did; nil at the end of a log that is whole.
    package var reason: String? {
        damage.map { "position \($0.position.rawValue): \($0.reason)" }
    }

    /// The last position that was copied.
    package private(set) var position = Position.none

    /// In how many events the source still had texts that a later one says were taken out: they
    /// aren't in the new log.
    package private(set) var textsLeft = 0

    /// The last position that the source names, as far as that can be read.
    package let end: Position

    /// - Parameters:
    ///   - store: the damaged one, which is only read.
    ///   - target: a log without an event.
    ///   - stretch: so many events are read in one snapshot.
    package init(
        from store: String, into target: EventLog, stretch: UInt64 = 16_384, workers: Int = 0
    ) throws(EventLogError) {
        let source = try SalvageSource(store: store)
        let transaction = try source.beginRead()
        end = Self.lastPosition(source, transaction)
        self.source = source
        self.transaction = transaction
        self.target = target
        self.stretch = stretch
        coder = EventCoder(target.dictionaries)
        checker = EventChecker(workers: workers, source.dictionaries)
    }

    /// Where the log ends, unless what says so is damaged too.
    private static func lastPosition(
        _ source: SalvageSource, _ transaction: borrowing ReadTransaction
    ) -> Position {
        guard var cursor = try? transaction.cursor(source.commits),
            (try? cursor.last()) == true
        else { return .none }
        return cursor.read { key, _ in StoreKeys.position(of: key) ?? .none }
    }

    /// Copies the next commits.
    ///
    /// - Returns: whether there may be more.
    /// - Throws: what goes wrong in the new log.
    package mutating func advance() throws(EventLogError) -> Bool {
        do {
            guard try copyStretch() else { return false }
            try transaction.renew()
            return true
        } catch let error as EventLogError {
            throw error
        } catch {
            return stop(position.next, "\(error)")
        }
    }

    /// - Throws: an `EventLogError` of the new log, any other of the damaged one.
    private mutating func copyStretch() throws -> Bool {
        let start = position == .none ? [] : StoreKeys.position(position.next)
        let last = Position(position.rawValue + stretch)
        var events: EventFeed
        do throws(EventLogError) {
            events = try EventFeed(
                source.events(transaction), from: position.next, upTo: last, checker)
        } catch {
            return stop(position.next, Self.text(error))
        }
        var commits = try transaction.cursor(source.commits)
        var hasCommit = try commits.seek(start)
        while hasCommit, position < last {
            let link = commits.read { key, value in ChainLink(key, value) }
            guard let link, link.first == position.next, link.last >= link.first else {
                return stop(position.next, "its commit has no link of the chain")
            }
            if let problem = try copy(link, &events) { return stop(problem.0, problem.1) }
            hasCommit = try commits.next()
        }
        guard !hasCommit else { return true }
        switch Self.next(&events) {
        case .success(nil): return false
        case .success: return stop(position.next, "the event belongs to no commit")
        case .failure(let error): return stop(position.next, Self.text(error))
        }
    }

    /// What the damaged log says of itself must not be taken for an error of the new one.
    private static func next(_ events: inout EventFeed) -> Result<CheckedEvent?, EventLogError> {
        Result { () throws(EventLogError) in try events.next() }
    }

    /// Whoever tells of it names place and remedy.
    private static func text(_ error: EventLogError) -> String {
        if case .corrupt(_, _, let reason) = error { reason } else { error.description }
    }

    private mutating func stop(_ position: Position, _ text: String) -> Bool {
        damage = (position, text)
        return false
    }

    /// - Returns: what is wrong with the commit, and where; then nothing of it is in the new log.
    private mutating func copy(
        _ link: ChainLink, _ events: inout EventFeed
    ) throws -> (Position, String)? {
        var writer = try target.beginWrite(after: position, coder: coder)
        chain.begin(previousHead: head)
        var next = link.first
        while next <= link.last {
            let found: CheckedEvent?
            switch Self.next(&events) {
            case .success(let event): found = event
            case .failure(let error): return (next, Self.text(error))
            }
            guard let event = found, event.key == next else {
                return (next, "the event is missing")
            }
            switch event.result {
            case .failure(let error): return (next, error.detail)
            case .success(let logged):
                guard control.canFold(logged) else {
                    return (next, "it contradicts the events before it")
                }
                apply(logged, to: &control)
                let order = logged.stream == .none ? nil : control[logged.stream].idOrder
                try writer.append(stored: event.value, at: next)
                if case .redacted(let redacted) = logged.event {
                    textsLeft += try writer.textsLeft(of: redacted)
                }
                do throws(EventLogError) {
                    try writer.fold([logged], idOrder: order ?? .none)
                } catch {
                    // The rows are of these events, so it is they that don't fit.
                    guard case .corrupt(_, _, let reason) = error else { throw error }
                    return (next, reason)
                }
            }
            chain.add(
                next,
                identity: UnsafeRawBufferPointer(rebasing: event.value[EventHeader.identityRange]))
            next = next.next
        }
        guard chain.finish() == link.head else {
            return (link.last, "the hash chain is broken in the commit that ends here")
        }
        if link.last.rawValue - saved.rawValue >= UInt64(EventLog.saveInterval) {
            try writer.save(control)
            saved = link.last
        }
        try writer.commit()
        (position, head) = (link.last, link.head)
        return nil
    }

    /// Makes what was copied a whole log, on the disk, without a trace of what was taken out of it:
    /// texts that the source still had are in free pages by now.
    ///
    /// - Parameter target: opened by nobody else.
    /// - Returns: it, open anew if it was replaced.
    @discardableResult
    package static func complete(_ target: EventLog) throws(EventLogError) -> EventLog {
        let control = try target.snapshot().control()
        let writer = try target.beginWrite(after: control.position)
        try writer.save(control)
        try writer.commit()
        let isClean = try target.snapshot().unfinishedRedaction() == nil
        do throws(LMDBError) {
            guard !isClean else {
                try target.environment.sync()
                try FileSystem.sync(folder: target.path)
                return target
            }
            try target.environment.replaceByCompacted(isAlone: true)
        } catch {
            throw EventLogError(error)
        }
        let clean = try target.reopened()
        try clean.forgetUnfinishedRedaction()
        do throws(LMDBError) {
            try clean.environment.sync()
            try FileSystem.sync(folder: clean.path)
        } catch {
            throw EventLogError(error)
        }
        return clean
    }
}
