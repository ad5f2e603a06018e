internal import LMDB
package import SyncCore

/// The core rows within a write: read as it sees them, and folded with each event.
extension LogWriter {
    /// The rows that a decision needs.
    package func rows(_ needs: ReadSet) throws(EventLogError) -> CoreRows {
        try RowReader(log: log, stream: needs.stream).read(needs, transaction)
    }

    /// One row; nil where there is none.
    package func row(
        _ ordinal: Ordinal, of stream: StreamID
    ) throws(EventLogError) -> RecordRow? {
        try RowReader(log: log, stream: stream).row(ordinal, transaction)
    }

    /// Stores a row that no event is folded for, with its places in the indexes: a fold may begin
    /// in the middle of a log.
    ///
    /// - Parameter idOrder: the order of the stream's identities.
    package func store(
        _ row: RecordRow, of stream: StreamID, idOrder: IDOrder
    ) throws(EventLogError) {
        try replace(nil, with: row, stream, idOrder)
    }

    /// Folds events into the core rows and their indexes.
    ///
    /// - Parameter idOrder: the order of the stream's identities once the events are folded.
    package func fold(_ events: [LoggedEvent], idOrder: IDOrder) throws(EventLogError) {
        for event in events {
            try event.event.forEachTouchedRow { ordinal, touch throws(EventLogError) in
                try fold(event, ordinal, touch, idOrder)
            }
            switch event.event {
            case .pageFetched(let page): try markSeen(page, event.stream)
            case .passCompleted(let pass): try forgetSeen(event.stream, pass: pass.number)
            case .passAbandoned(let pass): try forgetSeen(event.stream, pass: pass.number)
            case .redacted(let redacted): try redact(redacted, at: event.position)
            case .dictionaryTrained(let trained): try store(trained)
            default: break
            }
        }
    }

    private func fold(
        _ event: LoggedEvent, _ ordinal: Ordinal, _ touch: RowTouch, _ order: IDOrder
    ) throws(EventLogError) {
        let reader = RowReader(log: log, stream: event.stream)
        let old = try reader.row(ordinal, transaction)
        guard let new = applyRow(old, touch, position: event.position, time: event.time) else {
            throw log.corrupt(
                event.position, "it names record \(ordinal.rawValue), which has no row")
        }
        try replace(old, with: new, event.stream, order)
    }

    /// Stores a row, and moves it to its places in the indexes.
    private func replace(
        _ old: RecordRow?, with new: RecordRow, _ stream: StreamID, _ order: IDOrder
    ) throws(EventLogError) {
        let schema = log.schema
        var isInPlace = true
        do throws(LMDBError) {
            try transaction.put(
                schema.records, StoreKeys.record(stream, new.ordinal),
                RecordRowCoder.encode(new, of: stream))
            if old == nil {
                var value: [UInt8] = []
                value.append(bigEndian: new.ordinal.rawValue)
                try transaction.put(
                    schema.ids, StoreKeys.id(stream, new.id), value, .insert)
            }
            let oldKey = old?.queueKey(order: order)
            let newKey = new.queueKey(order: order)
            guard oldKey != newKey else { return }
            if let oldKey {
                isInPlace = try transaction.delete(
                    schema.queue, StoreKeys.queue(stream, oldKey))
            }
            if let newKey {
                try transaction.put(
                    schema.queue, StoreKeys.queue(stream, newKey), [], .insert)
            }
        } catch {
            throw EventLogError(error)
        }
        guard isInPlace else {
            throw log.corrupt(nil, "record \(new.id) is not in its place in the queue")
        }
    }

    private func markSeen(_ page: PageFetched, _ stream: StreamID) throws(EventLogError) {
        var chunks: [UInt32: [UInt8]] = [:]
        for entry in page.entries {
            try mark(entry.ordinal.rawValue, page.pass, stream, &chunks)
        }
        for run in page.unchanged {
            for ordinal in run.range { try mark(ordinal, page.pass, stream, &chunks) }
        }
        do throws(LMDBError) {
            for (chunk, bits) in chunks.sorted(by: { $0.key < $1.key }) {
                let key = StoreKeys.seen(stream, pass: page.pass, chunk: chunk)
                try transaction.put(log.schema.seen, key, SeenChunk.encode(bits, key: key))
            }
        } catch {
            throw EventLogError(error)
        }
    }

    private func mark(
        _ ordinal: UInt32, _ pass: UInt32, _ stream: StreamID, _ chunks: inout [UInt32: [UInt8]]
    ) throws(EventLogError) {
        let chunk = ordinal / SeenChunk.size
        if chunks[chunk] == nil { chunks[chunk] = try seenChunk(stream, pass, chunk) }
        SeenChunk.set(ordinal, in: &chunks[chunk, default: SeenChunk.empty])
    }

    private func seenChunk(
        _ stream: StreamID, _ pass: UInt32, _ chunk: UInt32
    ) throws(EventLogError) -> [UInt8] {
        try RowReader(log: log, stream: stream).seenChunk(pass, chunk, transaction)
            ?? SeenChunk.empty
    }

    /// Removes the seen-set of a pass; one over a filtered list need not begin at chunk 0.
    private func forgetSeen(_ stream: StreamID, pass: UInt32) throws(EventLogError) {
        let prefix = StoreKeys.seen(stream, pass: pass)
        do throws(LMDBError) {
            while let key = try firstSeen(prefix) {
                try transaction.delete(log.schema.seen, key)
            }
        } catch {
            throw EventLogError(error)
        }
    }

    private func firstSeen(_ prefix: [UInt8]) throws(LMDBError) -> [UInt8]? {
        var cursor = try transaction.cursor(log.schema.seen)
        guard try cursor.seek(prefix) else { return nil }
        return cursor.read { key, _ in key.starts(with: prefix) ? [UInt8](key) : nil }
    }
}
