internal import LMDB
internal import SyncCore

/// Reads the core rows of one stream in a transaction.
struct RowReader {
    let log: EventLog
    let stream: StreamID

    func read(
        _ needs: ReadSet, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> CoreRows {
        var rows = CoreRows()
        guard needs.stream != .none else { return rows }
        var chunks: [UInt32: [UInt8]] = [:]
        for id in needs.ids {
            guard rows.byID[id] == nil, let ordinal = try ordinal(of: id, transaction) else {
                continue
            }
            rows.byID[id] = try existing(ordinal, transaction)
            let chunk = ordinal.rawValue / SeenChunk.size
            if chunks[chunk] == nil {
                chunks[chunk] = try seenChunk(needs.seenIn, chunk, transaction) ?? []
            }
            if SeenChunk.contains(ordinal.rawValue, in: chunks[chunk] ?? []) {
                rows.seen.insert(ordinal)
            }
        }
        for ordinal in needs.ordinals {
            rows.byOrdinal[ordinal] = try existing(ordinal, transaction)
        }
        if needs.waiting > 0 { try readQueue(needs, into: &rows, transaction) }
        return rows
    }

    private func readQueue(
        _ needs: ReadSet, into rows: inout CoreRows,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) {
        for queueClass in [QueueClass.new, .changed] {
            try forEachQueued(queueClass, transaction) { ordinal throws(EventLogError) in
                guard rows.waiting.count < needs.waiting else { return false }
                rows.waiting.append(try existing(ordinal, transaction))
                return true
            }
        }
        guard needs.retries > 0 else { return }
        try forEachQueued(.retried, transaction) { ordinal throws(EventLogError) in
            let row = try existing(ordinal, transaction)
            let due = row.queue?.due ?? .zero
            if due > needs.dueBy {
                rows.nextDue = due
                return false
            }
            guard rows.retries.count < needs.retries else {
                rows.retriesAreCut = true
                return false
            }
            rows.retries.append(row)
            return true
        }
    }

    /// Calls `body` with the ordinals of a class in the order of the queue, until it says no.
    func forEachQueued(
        _ queueClass: QueueClass, _ transaction: borrowing some ReadableTransaction & ~Copyable,
        _ body: (Ordinal) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        let prefix = StoreKeys.queue(stream, queueClass)
        do {
            var cursor = try transaction.cursor(log.schema.queue)
            var isThere = try cursor.seek(prefix)
            while isThere {
                let ordinal = cursor.read { key, _ in
                    key.starts(with: prefix) ? StoreKeys.ordinal(ofQueueKey: key) : nil
                }
                guard let ordinal, try body(ordinal) else { return }
                isThere = try cursor.next()
            }
        } catch {
            throw log.failure(error)
        }
    }

    func ordinal(
        of id: RecordID, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> Ordinal? {
        guard !id.text.isEmpty, id.text.utf8.count <= RecordID.maximumLength else { return nil }
        let found: UInt32?
        do throws(LMDBError) {
            found = try StoreKeys.id(stream, id).withUnsafeBytes { key in
                transaction.get(log.schema.ids, key) { value in
                    value.count == 4 ? value.loadUnaligned(as: UInt32.self).bigEndian : .max
                }
            }.get()
        } catch {
            throw .storage(error)
        }
        return found.map { Ordinal($0) }
    }

    func row(
        _ ordinal: Ordinal, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> RecordRow? {
        let found: Result<RecordRow, EventCodingError>?
        do throws(LMDBError) {
            found = try StoreKeys.record(stream, ordinal).withUnsafeBytes { key in
                transaction.get(log.schema.records, key) { value in
                    Result { () throws(EventCodingError) in
                        try RecordRowCoder.decode(ordinal, value)
                    }
                }
            }.get()
        } catch {
            throw .storage(error)
        }
        switch found {
        case nil: return nil
        case .success(let row): return row
        case .failure(let error):
            throw log.corrupt(nil, "the row of record \(ordinal.rawValue): \(error)")
        }
    }

    /// The row of a record that an index names.
    func existing(
        _ ordinal: Ordinal, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> RecordRow {
        guard let row = try row(ordinal, transaction) else {
            throw log.corrupt(nil, "an index names record \(ordinal.rawValue), which has no row")
        }
        return row
    }

    func seenChunk(
        _ pass: UInt32, _ chunk: UInt32,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> [UInt8]? {
        do throws(LMDBError) {
            return try transaction.value(
                log.schema.seen, StoreKeys.seen(stream, pass: pass, chunk: chunk))
        } catch {
            throw .storage(error)
        }
    }
}
