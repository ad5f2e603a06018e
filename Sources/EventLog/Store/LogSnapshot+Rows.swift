internal import LMDB
package import SyncCore

/// Core rows as a snapshot sees them.
extension LogSnapshot {
    /// The row of a record; nil for one that the store doesn't know.
    ///
    /// That it doesn't is said only by an index that is whole: a page in another's place hides the
    /// records in it.
    package func row(_ stream: StreamID, _ id: RecordID) throws(EventLogError) -> RecordRow? {
        let reader = RowReader(log: log, stream: stream)
        guard let ordinal = try reader.ordinal(of: id, transaction) else {
            try checkIdentities()
            return nil
        }
        return try reader.existing(ordinal, of: id, transaction)
    }

    /// Walks over the index of identities, whose keys must rise, and be as many as LMDB counts.
    private func checkIdentities() throws(EventLogError) {
        var last: [UInt8] = []
        var count = 0
        var isRising = true
        let counted: Int
        do throws(LMDBError) {
            counted = try transaction.count(log.schema.ids)
            var cursor = try transaction.cursor(log.schema.ids)
            var isThere = try cursor.first()
            while isThere, isRising {
                cursor.read { key, _ in
                    isRising = last.lexicographicallyPrecedes(key)
                    last.removeAll(keepingCapacity: true)
                    last.append(contentsOf: key)
                }
                count += 1
                isThere = try cursor.next()
            }
        } catch {
            throw EventLogError(error)
        }
        guard isRising, count == counted else {
            throw log.corrupt(nil, "the index of identities isn't whole")
        }
    }

    package func row(
        _ stream: StreamID, _ ordinal: Ordinal
    ) throws(EventLogError) -> RecordRow? {
        try RowReader(log: log, stream: stream).row(ordinal, transaction)
    }

    /// The number that the index of identities gives for a record.
    func ordinal(_ stream: StreamID, _ id: RecordID) throws(EventLogError) -> Ordinal? {
        try RowReader(log: log, stream: stream).ordinal(of: id, transaction)
    }

    /// Whether the index of the queue has an entry under a row's key.
    func isQueued(_ stream: StreamID, _ key: [UInt8]) throws(EventLogError) -> Bool {
        do throws(LMDBError) {
            return try transaction.value(log.schema.queue, StoreKeys.queue(stream, key)) != nil
        } catch {
            throw EventLogError(error)
        }
    }

    /// How many entries the index of a stream's queue has, whatever they say.
    func queueLength(_ stream: StreamID) throws(EventLogError) -> Int {
        let prefix = StoreKeys.stream(stream)
        var count = 0
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.queue)
            var isThere = try cursor.seek(prefix)
            while isThere, cursor.read({ key, _ in key.starts(with: prefix) }) {
                count += 1
                isThere = try cursor.next()
            }
        } catch {
            throw EventLogError(error)
        }
        return count
    }

    /// Calls `body` with the pass and the bits of each piece of a stream's seen-sets, until it says
    /// no.
    func forEachSeenChunk(
        _ stream: StreamID, _ body: (_ pass: UInt32, _ bits: [UInt8]) -> Bool
    ) throws(EventLogError) {
        let prefix = StoreKeys.stream(stream)
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.seen)
            var isThere = try cursor.seek(prefix)
            while isThere {
                let found = cursor.read { key, value -> (pass: UInt32, bits: [UInt8]?)? in
                    guard key.starts(with: prefix) else { return nil }
                    return (
                        StoreKeys.pass(ofSeenKey: key) ?? 0,
                        SeenChunk.decode(value, key: [UInt8](key))
                    )
                }
                guard let found else { return }
                guard let bits = found.bits else {
                    throw LMDBError(
                        .corrupted, operation: "read what pass \(found.pass) has seen",
                        path: log.path, detail: "a checksum is wrong")
                }
                guard body(found.pass, bits) else { return }
                isThere = try cursor.next()
            }
        } catch {
            throw EventLogError(error)
        }
    }

    /// Calls `body` with the waiting entries of the queue and their keys, in the order in which
    /// they are served, until it says no; those of retried entries come by due time.
    ///
    /// - Parameters:
    ///   - order: the order of the stream's identities.
    ///   - key: of the entry to begin behind; nil for the first.
    package func forEachQueued(
        _ stream: StreamID, order: IDOrder, after key: [UInt8]? = nil,
        _ body: (RecordRow, _ key: [UInt8]) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        let reader = RowReader(log: log, stream: stream)
        let first = key?.first.flatMap { QueueClass(rawValue: $0) } ?? .new
        var goesOn = true
        for queueClass in QueueClass.allCases
        where goesOn && queueClass.rawValue >= first.rawValue {
            let key = queueClass == first ? key : nil
            try reader.forEachQueued(queueClass, order, after: key, transaction) {
                row, key throws(EventLogError) in
                goesOn = try body(row, key)
                return goesOn
            }
        }
    }

    /// Calls `body` with the rows of a stream by ordinal, from one on, until it says no.
    package func forEachRow(
        _ stream: StreamID, from ordinal: Ordinal = Ordinal(0),
        _ body: (RecordRow) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        let reader = RowReader(log: log, stream: stream)
        let prefix = StoreKeys.stream(stream)
        do {
            var cursor = try transaction.cursor(log.schema.records)
            var isThere = try cursor.seek(StoreKeys.record(stream, ordinal))
            while isThere {
                let found = cursor.read { key, _ in
                    key.starts(with: prefix) ? StoreKeys.ordinal(ofRecordKey: key) : nil
                }
                guard let found else { return }
                guard try body(try reader.existing(found, transaction)) else { return }
                isThere = try cursor.next()
            }
        } catch {
            throw log.failure(error)
        }
    }
}
