internal import LMDB
package import SyncCore

/// The log as it stands at one moment: events, control state and rows that belong together.
///
/// Keep it short (see `ReadTransaction`); page through long reads with `renew`.
package struct LogSnapshot: ~Copyable {
    package let log: EventLog
    let transaction: ReadTransaction
    let coder: EventCoder

    init(log: EventLog, transaction: consuming ReadTransaction) {
        self.log = log
        self.transaction = transaction
        coder = EventCoder(log.dictionaries)
    }

    /// Moves on to the newest state.
    package func renew() throws(EventLogError) {
        do throws(LMDBError) {
            try transaction.renew()
        } catch {
            throw EventLogError(error)
        }
    }

    /// Where the log ends, and the head of its chain (32 bytes).
    package func tail() throws(EventLogError) -> (position: Position, head: [UInt8]) {
        try LogWriter.tail(transaction, log)
    }

    /// The head of the chain after the commit that ends at a position; nil where none does.
    package func head(at position: Position) throws(EventLogError) -> [UInt8]? {
        guard position != .none else { return ChainHasher.genesis }
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.commits)
            guard try cursor.find(StoreKeys.position(position)) else { return nil }
            return cursor.read { key, value in ChainLink(key, value)?.head }
        } catch {
            throw EventLogError(error)
        }
    }

    /// The control state at the log's end: the stored one, and what came after it folded on.
    ///
    /// - Throws: `.corrupt` when the events don't lead from the one to the other.
    package func control() throws(EventLogError) -> ControlState {
        var control = try storedControl() ?? ControlState()
        try forEachEvent(after: control.position, bodies: .none) { event throws(EventLogError) in
            guard control.canFold(event) else {
                throw log.corrupt(event.position, "it contradicts the events before it")
            }
            apply(event, to: &control)
            return true
        }
        let end = try tail().position
        guard control.position == end else {
            throw log.corrupt(
                min(control.position, end).next,
                "the log ends at \(end.rawValue), its state at \(control.position.rawValue)")
        }
        return control
    }

    /// The control state as it was last stored; nil in a log that is empty.
    package func storedControl() throws(EventLogError) -> ControlState? {
        let found: Result<ControlState, EventCodingError>?
        do throws(LMDBError) {
            found = try LogSchema.stateKey.withUnsafeBytes { key in
                transaction.get(log.schema.control, key) { value in
                    Result { () throws(EventCodingError) in try ControlStateCoder.decode(value) }
                }
            }.get()
        } catch {
            throw EventLogError(error)
        }
        switch found {
        case nil: return nil
        case .success(let control): return control
        case .failure(let error):
            throw error.isNewer
                ? .newer(path: log.path, found: "\(error)")
                : log.corrupt(nil, "the control state: \(error)")
        }
    }

    /// One event; nil beyond the log's end.
    package func event(
        at position: Position, bodies: EventCoder.Bodies = .all
    ) throws(EventLogError) -> LoggedEvent? {
        var found: LoggedEvent?
        try scan(from: position) { at, value throws(EventLogError) in
            if at == position { found = try decode(at, value, bodies) }
            return false
        }
        return found
    }

    /// The identity header of an event: with its position, it says which log this is. Empty where
    /// there is no such event.
    package func identity(at position: Position) throws(EventLogError) -> [UInt8] {
        guard position != .none else { return [] }
        var identity: [UInt8] = []
        try forEachEntry(after: Position(position.rawValue - 1)) { entry in
            if entry.position == position { identity = entry.identity }
            return false
        }
        return identity
    }

    /// Calls `body` for each event after a position, until it says no.
    package func forEachEvent(
        after position: Position, bodies: EventCoder.Bodies = .all,
        _ body: (LoggedEvent) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        try scan(from: position.next) { at, value throws(EventLogError) in
            try body(try decode(at, value, bodies))
        }
    }

    /// Calls `body` for each event before a position, from the newest on, until it says no.
    package func forEachEventBackwards(
        before position: Position, bodies: EventCoder.Bodies = .all,
        _ body: (LoggedEvent) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        try scan(from: position, backwards: true) { at, value throws(EventLogError) in
            guard at < position else { return true }
            return try body(try decode(at, value, bodies))
        }
    }

    /// The verbatim text of one record in an event, without decoding the others.
    ///
    /// - Parameter ordinal: whose text it is.
    package func body(
        of ordinal: Ordinal, at position: Position
    ) throws(EventLogError) -> [UInt8]? {
        guard position != .none, let event = try event(at: position, bodies: .none) else {
            return nil
        }
        guard let index = event.event.bodyIndex(of: ordinal) else { return nil }
        var text: [UInt8]?
        try scan(from: position) { at, value throws(EventLogError) in
            guard at == position else { return false }
            do throws(EventCodingError) {
                text = try coder.body(at: index, position: at, value: value)
            } catch {
                throw log.corrupt(at, "\(error)")
            }
            return false
        }
        return text
    }

    func decode(
        _ position: Position, _ value: UnsafeRawBufferPointer, _ bodies: EventCoder.Bodies
    ) throws(EventLogError) -> LoggedEvent {
        do throws(EventCodingError) {
            return try coder.decode(position, value, bodies: bodies)
        } catch {
            throw damaged(position, error)
        }
    }

    /// Calls `body` with the raw values from a position on, in either direction; a position that is
    /// missing in between is damage.
    func scan(
        from position: Position, backwards: Bool = false,
        _ body: (Position, UnsafeRawBufferPointer) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        do {
            var cursor = try events()
            var isThere = try cursor.seek(position)
            if !isThere, backwards { isThere = try cursor.last() }
            // Backwards, a log's end may lie before the place to begin at; forwards, what begins
            // after it misses events.
            var expected = backwards || position == .none ? nil : position
            while isThere {
                let goesOn = try cursor.read { key, value throws(EventLogError) -> Bool in
                    guard let at = StoreKeys.position(of: key) else {
                        throw log.corrupt(expected, "a key that is not a position")
                    }
                    if let expected, at != expected {
                        throw log.corrupt(expected, "the event is missing")
                    }
                    expected = backwards ? Position(at.rawValue &- 1) : at.next
                    return try body(at, value)
                }
                guard goesOn else { return }
                isThere = try backwards ? cursor.previous() : cursor.next()
            }
        } catch {
            throw log.failure(error)
        }
    }
}

extension EventLog {
    /// What went wrong under a cursor, in the store or in the caller's part of the walk.
    func failure(_ error: any Error) -> EventLogError {
        switch error {
        case let error as LMDBError: EventLogError(error)
        case let error as EventLogError: error
        default: corrupt(nil, "\(error)")
        }
    }

    func damaged(_ position: Position, _ error: EventCodingError) -> EventLogError {
        .damaged(path, position, error)
    }
}

extension EventLogError {
    /// What an event that can't be read is to whoever needs it.
    static func damaged(
        _ path: String, _ position: Position, _ error: EventCodingError
    ) -> EventLogError {
        error.isNewer
            ? .newer(path: path, found: "event \(position.rawValue) \(error.detail)")
            : .corrupt(path: path, position: position, reason: error.detail)
    }
}

extension Event {
    /// The place of a record's text among the bodies of this event.
    package func bodyIndex(of ordinal: Ordinal) -> Int? {
        switch self {
        case .pageFetched(let page): return page.entries.lastIndex { $0.ordinal == ordinal }
        case .detailsFetched(let details):
            var index = 0
            for result in details.results {
                guard case .changed = result.outcome else { continue }
                if result.ordinal == ordinal { return index }
                index += 1
            }
            return nil
        default: return nil
        }
    }
}
