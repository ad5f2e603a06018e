internal import LMDB
package import SyncCore

/// One write to the log: events, core rows and control state, durable together or not at all.
///
/// Used on one thread. Dropped without `commit`, it leaves nothing behind.
package struct LogWriter: ~Copyable {
    let log: EventLog
    let transaction: WriteTransaction
    let coder: EventCoder
    private let chain: ChainHasher
    private let firstPosition: Position
    private var tail: Position
    private var buffer: [UInt8] = []
    /// Bytes of events appended so far.
    package private(set) var appendedBytes = 0

    private init(
        _ log: EventLog, _ transaction: consuming WriteTransaction, after tail: Position,
        head: [UInt8], _ coder: EventCoder
    ) {
        self.log = log
        self.transaction = transaction
        self.tail = tail
        firstPosition = tail.next
        self.coder = coder
        chain = ChainHasher(previousHead: head)
    }

    /// Begins a write that goes on after `tail`.
    static func begin(
        _ log: EventLog, after tail: Position, _ coder: EventCoder
    ) throws(EventLogError) -> LogWriter {
        let transaction: WriteTransaction
        do throws(LMDBError) {
            transaction = try log.environment.beginWrite()
        } catch {
            throw EventLogError(error)
        }
        let found = try Self.tail(transaction, log)
        guard found.position == tail else {
            throw .foreignTail(path: log.path, expected: tail, found: found.position)
        }
        return LogWriter(log, transaction, after: tail, head: found.head, coder)
    }

    /// Where the log ends, and the head of its chain.
    static func tail(
        _ transaction: borrowing some ReadableTransaction & ~Copyable, _ log: EventLog
    ) throws(EventLogError) -> (position: Position, head: [UInt8]) {
        let link: ChainLink?
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.commits)
            guard try cursor.last() else { return (.none, ChainHasher.genesis) }
            link = cursor.read { key, value in ChainLink(key, value) }
        } catch {
            throw EventLogError(error)
        }
        guard let link else { throw log.corrupt(nil, "its last commit has no link of the chain") }
        return (link.last, link.head)
    }

    /// Appends events; their positions must follow the log's end without a gap.
    package mutating func append(_ events: [LoggedEvent]) throws(EventLogError) {
        // By their places in memory: an event that is taken out of the array is copied.
        try events.withUnsafeBufferPointer { events throws(EventLogError) in
            for index in events.indices {
                precondition(events[index].position == tail.next, "an event out of its place")
                try append(events[index])
                tail = tail.next
            }
        }
    }

    private mutating func append(_ event: borrowing LoggedEvent) throws(EventLogError) {
        do throws(EventCodingError) {
            try coder.encode(event, into: &buffer)
        } catch {
            throw .tooLarge(path: log.path, reason: error.detail)
        }
        let stored = buffer
        try stored.withUnsafeBytes { bytes in
            Result { () throws(EventLogError) in try put(bytes, at: event.position) }
        }.get()
    }

    /// Appends an event as another log has it stored, byte by byte.
    ///
    /// - Parameter value: one that was checked.
    mutating func append(
        stored value: UnsafeRawBufferPointer, at position: Position
    ) throws(EventLogError) {
        precondition(position == tail.next, "an event out of its place")
        try put(value, at: position)
        tail = position
    }

    private mutating func put(
        _ value: UnsafeRawBufferPointer, at position: Position
    ) throws(EventLogError) {
        chain.add(
            position, identity: UnsafeRawBufferPointer(rebasing: value[EventHeader.identityRange]))
        appendedBytes += value.count
        do throws(LMDBError) {
            try withUnsafeBytes(of: position.rawValue.bigEndian) { key throws(LMDBError) in
                try transaction.put(log.schema.events, key, value, .append)
            }
        } catch {
            throw EventLogError(error)
        }
    }

    /// Stores the control state, so that a start folds on from here.
    package func save(_ control: ControlState) throws(EventLogError) {
        do throws(LMDBError) {
            try transaction.put(
                log.schema.control, LogSchema.stateKey, ControlStateCoder.encode(control))
        } catch {
            throw EventLogError(error)
        }
    }

    /// Makes it all durable, under one link of the chain.
    ///
    /// - Throws: `.displaced` when it is durable in a file that nobody will find. It is looked at
    ///   after the commit, which may take long: what follows from it counts on the file.
    package consuming func commit() throws(EventLogError) {
        do throws(LMDBError) {
            if tail >= firstPosition {
                var value = chain.finish()
                value.append(bigEndian: firstPosition.rawValue)
                try transaction.put(
                    log.schema.commits, StoreKeys.position(tail), value, .append)
            }
            try transaction.commit()
        } catch {
            throw EventLogError(error)
        }
        let log = log
        guard !log.isKept || log.environment.isInPlace else { throw .displaced(path: log.path) }
    }
}

/// The row of one commit: `head (32) | first position u64`, under its last position.
struct ChainLink {
    let first: Position
    let last: Position
    let head: [UInt8]

    /// - Returns: nil for what no commit writes.
    init?(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let headBytes = SHA256Digest.byteCount
        guard let last = StoreKeys.position(of: key), value.count == headBytes + 8 else {
            return nil
        }
        self.last = last
        head = [UInt8](value.prefix(headBytes))
        first = Position(
            value.loadUnaligned(fromByteOffset: headBytes, as: UInt64.self).bigEndian)
    }
}
