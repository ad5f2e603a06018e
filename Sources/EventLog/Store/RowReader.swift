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
            rows.byID[id] = try existing(ordinal, of: id, transaction)
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
        let order = needs.idOrder
        for queueClass in [QueueClass.new, .changed] {
            try forEachQueued(queueClass, order, transaction) { row, _ throws(EventLogError) in
                guard rows.waiting.count < needs.waiting else { return false }
                rows.waiting.append(row)
                return true
            }
        }
        guard needs.retries > 0 else { return }
        try forEachQueued(.retried, order, transaction) { row, _ throws(EventLogError) in
            let due = row.queue?.due ?? .zero
            if due > needs.dueBy {
                if due <= needs.dueBeyond { rows.nextDue = due }
                return false
            }
            return rows.takeRetry(row, needs)
        }
        let beyond = RecordRow.retriedKey(dueAfter: needs.dueBeyond)
        try forEachQueued(.retried, order, after: beyond, transaction) {
            row, _ throws(EventLogError) in rows.takeRetry(row, needs)
        }
    }

    /// Calls `body` with the rows of a class in the order of the queue, and with their keys in it,
    /// until it says no.
    ///
    /// A key that isn't its row's own is damage: who served it would ask for another record, and
    /// find the key there again after every answer.
    ///
    /// - Parameters:
    ///   - order: the order of the stream's identities, which the keys were made by.
    ///   - key: of the entry to begin behind; nil for the first.
    func forEachQueued(
        _ queueClass: QueueClass, _ order: IDOrder,
        after key: [UInt8]? = nil,
        _ transaction: borrowing some ReadableTransaction & ~Copyable,
        _ body: (RecordRow, _ key: [UInt8]) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        let prefix = StoreKeys.queue(stream, queueClass)
        do {
            var cursor = try transaction.cursor(log.schema.queue)
            var isThere = try cursor.seek(key.map { StoreKeys.queue(stream, $0) } ?? prefix)
            while isThere {
                let found = cursor.read { found, _ in
                    found.starts(with: prefix)
                        ? [UInt8](found[StoreKeys.streamBytes...]) : nil
                }
                guard let found else { return }
                if found != key {
                    guard try body(try row(ofQueueKey: found, order, transaction), found) else {
                        return
                    }
                }
                isThere = try cursor.next()
            }
        } catch {
            throw log.failure(error)
        }
    }

    private func row(
        ofQueueKey key: [UInt8], _ order: IDOrder,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> RecordRow {
        guard let ordinal = StoreKeys.ordinal(ofQueueKey: key) else {
            throw log.corrupt(nil, "the queue has a key that is too short")
        }
        let row = try existing(ordinal, transaction)
        guard row.queueKey(order: order) == key else {
            throw log.corrupt(
                nil,
                "the queue has record \(row.id), number \(ordinal.rawValue), in a place "
                    + "that isn't its own")
        }
        return row
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
            throw EventLogError(error)
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
                        try RecordRowCoder.decode(stream, ordinal, value)
                    }
                }
            }.get()
        } catch {
            throw EventLogError(error)
        }
        switch found {
        case nil: return nil
        case .success(let row): return row
        case .failure(let error):
            throw log.corrupt(nil, "the row of record \(ordinal.rawValue): \(error)")
        }
    }

    /// The row that the index of identities gives for a record.
    func existing(
        _ ordinal: Ordinal, of id: RecordID,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> RecordRow {
        let row = try existing(ordinal, transaction)
        guard row.id == id else {
            throw log.corrupt(
                nil, "the index of identities leads from record \(id) to record \(row.id)")
        }
        return row
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

    /// The bits of one piece of a pass's seen-set; nil when there is none yet.
    func seenChunk(
        _ pass: UInt32, _ chunk: UInt32,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(EventLogError) -> [UInt8]? {
        let key = StoreKeys.seen(stream, pass: pass, chunk: chunk)
        let found: [UInt8]??
        do throws(LMDBError) {
            found = try key.withUnsafeBytes { bytes in
                transaction.get(log.schema.seen, bytes) { SeenChunk.decode($0, key: key) }
            }.get()
        } catch {
            throw EventLogError(error)
        }
        guard let found else { return nil }
        guard let bits = found else {
            throw log.corrupt(nil, "what pass \(pass) has seen: a checksum is wrong")
        }
        return bits
    }
}

extension CoreRows {
    /// Takes one more entry to retry; false when there is no room for it.
    fileprivate mutating func takeRetry(_ row: RecordRow, _ needs: ReadSet) -> Bool {
        guard retries.count < needs.retries else {
            retriesAreCut = true
            return false
        }
        retries.append(row)
        return true
    }
}
