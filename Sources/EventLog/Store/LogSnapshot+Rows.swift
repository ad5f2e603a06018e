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

    /// Whether the index of the queue has an entry under a row's key, which has no value.
    func isQueued(_ stream: StreamID, _ key: [UInt8]) throws(EventLogError) -> Bool {
        do throws(LMDBError) {
            return try transaction.value(log.schema.queue, StoreKeys.queue(stream, key)) == []
        } catch {
            throw EventLogError(error)
        }
    }

    /// How many entries a database has, each looked at.
    func entries(of database: Database) throws(EventLogError) -> Int {
        var count = 0
        do throws(LMDBError) {
            var cursor = try transaction.cursor(database)
            var isThere = try cursor.first()
            while isThere {
                count += 1
                isThere = try cursor.next()
            }
        } catch {
            throw EventLogError(error)
        }
        return count
    }

    /// How many entries LMDB says that a database has.
    func counted(_ database: Database) throws(EventLogError) -> Int {
        do throws(LMDBError) {
            return try transaction.count(database)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Calls `body` with the key and the bits of each piece of a seen-set, until it says no.
    func forEachSeenChunk(
        _ body: (_ key: [UInt8], _ bits: [UInt8]) -> Bool
    ) throws(EventLogError) {
        do throws(LMDBError) {
            var cursor = try transaction.cursor(log.schema.seen)
            var isThere = try cursor.first()
            while isThere {
                let (key, bits) = cursor.read { key, value in
                    let key = [UInt8](key)
                    return (key, SeenChunk.decode(value, key: key))
                }
                guard let bits else {
                    let pass = key.withUnsafeBytes { StoreKeys.pass(ofSeenKey: $0) } ?? 0
                    throw LMDBError(
                        .corrupted, operation: "read what pass \(pass) has seen",
                        path: log.path, detail: "a checksum is wrong")
                }
                guard body(key, bits) else { return }
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
        let prefix = StoreKeys.stream(stream)
        do {
            var cursor = try transaction.cursor(log.schema.records)
            var isThere = try cursor.seek(StoreKeys.record(stream, ordinal))
            while isThere {
                let row = try cursor.read { key, value throws(EventLogError) -> RecordRow? in
                    guard key.starts(with: prefix),
                        let ordinal = StoreKeys.ordinal(ofRecordKey: key)
                    else { return nil }
                    do throws(EventCodingError) {
                        return try RecordRowCoder.decode(stream, ordinal, value)
                    } catch {
                        throw log.corrupt(nil, "the row of record \(ordinal.rawValue): \(error)")
                    }
                }
                guard let row, try body(row) else { return }
                isThere = try cursor.next()
            }
        } catch {
            throw log.failure(error)
        }
    }
}
