internal import LMDB
internal import Records
internal import SyncCore

/// The tables of a record projection.
package struct RecordTables: Sendable {
    /// Ordinal (4 bytes, big-endian) -> row (`RecordViewCoder`).
    let rows: Database
    /// Position (8) of each event that changed the total of the summed column -> the total after
    /// it (`SealedValue` of `DecimalTotal.encoded`).
    let totals: Database
}

extension ProjectionEnvironment<RecordTables> {
    static func key(_ ordinal: Ordinal) -> [UInt8] {
        withUnsafeBytes(of: ordinal.rawValue.bigEndian) { Array($0) }
    }

    static func ordinal(_ key: UnsafeRawBufferPointer) -> Ordinal? {
        guard key.count == 4 else { return nil }
        return Ordinal(key.loadUnaligned(as: UInt32.self).bigEndian)
    }

    func row(
        _ ordinal: Ordinal, columns: Int,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> RecordView? {
        let found: RecordView??
        do throws(LMDBError) {
            found = try Self.key(ordinal).withUnsafeBytes { key in
                transaction.get(tables.rows, key) { value in
                    RecordViewCoder.decode(ordinal, value, columns: columns)
                }
            }.get()
        } catch {
            throw .storage(error)
        }
        guard let found else { return nil }
        guard let row = found else {
            throw .damaged(projection: name, reason: "row \(ordinal.rawValue)")
        }
        return row
    }

    /// The number after that of the last row.
    func rowsEnd() throws -> UInt64 {
        let transaction = try environment.beginRead()
        var cursor = try transaction.cursor(tables.rows)
        guard try cursor.last() else { return 0 }
        return cursor.read { key, _ in Self.ordinal(key).map { UInt64($0.rawValue) + 1 } } ?? 0
    }

    func put(
        _ view: RecordView, _ transaction: borrowing WriteTransaction
    ) throws(ProjectionError) {
        do throws(LMDBError) {
            try transaction.put(
                tables.rows, Self.key(view.core.ordinal), RecordViewCoder.encode(view))
        } catch {
            throw .storage(error)
        }
    }

    func put(
        _ total: DecimalTotal, after position: Position,
        _ transaction: borrowing WriteTransaction
    ) throws(ProjectionError) {
        let key = PositionKey.bytes(position)
        do throws(LMDBError) {
            try transaction.put(
                tables.totals, key, SealedValue.seal(total.encoded, for: key), .append)
        } catch {
            throw .storage(error)
        }
    }

    /// The total after the event at a position, or the last one before it that changed it.
    func total(
        at position: Position, _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> DecimalTotal {
        do throws(LMDBError) {
            var cursor = try transaction.cursor(tables.totals)
            var isThere = try cursor.seek(PositionKey.bytes(position.next))
            isThere = try isThere ? cursor.previous() : cursor.last()
            guard isThere else { return DecimalTotal() }
            let total = cursor.read { key, value in
                SealedValue.open(value, for: key).flatMap { try? DecimalTotal(encoded: $0) }
            }
            if let total { return total }
        } catch {
            throw .storage(error)
        }
        throw damaged("a total before \(position.rawValue)")
    }

    /// The totals that events after a position led to, in their order.
    func totals(
        after position: Position, atMost most: Int,
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> [(position: Position, total: DecimalTotal)] {
        var found: [(position: Position, total: DecimalTotal)] = []
        do throws(LMDBError) {
            var cursor = try transaction.cursor(tables.totals)
            var isThere = try cursor.seek(PositionKey.bytes(position.next))
            while isThere, found.count < most {
                let entry = cursor.read { key, value in
                    SealedValue.open(value, for: key).flatMap { try? DecimalTotal(encoded: $0) }
                        .flatMap { total in PositionKey.position(key).map { ($0, total) } }
                }
                guard let entry else { break }
                found.append(entry)
                isThere = try cursor.next()
            }
            if !isThere || found.count == most { return found }
        } catch {
            throw .storage(error)
        }
        throw damaged("a total after \(found.last?.position.rawValue ?? position.rawValue)")
    }
}
