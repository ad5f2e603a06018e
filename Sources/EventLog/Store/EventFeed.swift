internal import LMDB
internal import SyncCore

/// An event as it was found, and what came of checking it by itself.
struct CheckedEvent {
    /// The position that it is stored under; nil for a key that is none.
    let key: Position?
    /// As it is stored; valid until the feed is asked for the next one.
    let value: UnsafeRawBufferPointer
    let result: Result<LoggedEvent, EventCodingError>
}

/// Some events in the log's order, to be checked together; `checker` says on which thread.
///
/// Its content belongs to one thread at a time: to that of the feed before it is handed over and
/// after it is finished, else to the one that checks it.
final class EventBatch: @unchecked Sendable {
    struct Found {
        let key: Position?
        let value: UnsafeRawBufferPointer
    }

    fileprivate(set) var found: [Found] = []
    private var results: [Result<LoggedEvent, EventCodingError>] = []
    fileprivate var bytes = 0
    /// The segment of the archive that all of them are in, which must stay open.
    fileprivate var holder: SegmentCursor?
    /// Guarded by the checker.
    var stage = Stage.waiting

    enum Stage {
        case waiting, running, finished
    }

    func check(by coder: EventCoder) {
        results.reserveCapacity(found.count)
        for event in found {
            let position = event.key ?? .none
            results.append(
                Result { () throws(EventCodingError) in
                    try coder.verify(position, event.value)
                })
        }
    }

    fileprivate subscript(index: Int) -> CheckedEvent {
        CheckedEvent(
            key: found[index].key, value: found[index].value, result: results[index])
    }
}

/// The events of a snapshot in their order, each checked by itself: ahead of whoever asks, where
/// there are threads to do it.
struct EventFeed: ~Copyable {
    private static let mostEvents = 128
    private static let mostBytes = 1 << 16
    /// So many segments of the archive are kept open for what is read ahead.
    private static let mostHolders = 2

    private let checker: EventChecker
    private var cursor: EventCursor
    private var isThere: Bool
    private var failure: EventLogError?
    private let end: Position
    /// The last one that was read.
    private var position = Position.none
    private var ahead: [EventBatch] = []
    private var current = EventBatch()
    private var index = 0

    /// - Parameters:
    ///   - start: the first one.
    ///   - end: it doesn't read ahead beyond it.
    init(
        _ cursor: consuming EventCursor, from start: Position, upTo end: Position,
        _ checker: EventChecker
    ) throws(EventLogError) {
        self.cursor = cursor
        self.end = end
        self.checker = checker
        isThere = try self.cursor.seek(start)
    }

    deinit { checker.forget() }

    /// The next one; nil after the last.
    ///
    /// - Throws: why the place after those that were handed out can't be read.
    mutating func next() throws(EventLogError) -> CheckedEvent? {
        if index == current.found.count {
            readAhead()
            guard !ahead.isEmpty else {
                if let failure { throw failure }
                return nil
            }
            current = ahead.removeFirst()
            index = 0
            checker.finish(current)
        }
        defer { index += 1 }
        return current[index]
    }

    private var mayReadAhead: Bool {
        guard ahead.count < checker.batchesAhead, position < end else { return false }
        let held = zip(ahead, ahead.dropFirst()).count(where: { $0.holder !== $1.holder })
        return held < Self.mostHolders
    }

    private mutating func readAhead() {
        while isThere, ahead.isEmpty || mayReadAhead {
            let batch = EventBatch()
            batch.holder = cursor.holder
            while isThere, cursor.holder === batch.holder, batch.found.count < Self.mostEvents,
                batch.bytes < Self.mostBytes
            {
                cursor.read { key, value in
                    let key = StoreKeys.position(of: key)
                    batch.found.append(EventBatch.Found(key: key, value: value))
                    batch.bytes += value.count
                    position = key ?? position
                }
                do throws(EventLogError) {
                    isThere = try cursor.next()
                } catch {
                    failure = error
                    isThere = false
                }
            }
            checker.begin(batch)
            ahead.append(batch)
        }
    }
}
