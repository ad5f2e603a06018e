internal import LMDB
internal import Records
internal import SyncCore

/// The tables of a record projection.
package struct RecordTables: Sendable {
    /// Ordinal (4 bytes, big-endian) -> row (`RecordViewCoder`).
    let rows: Database
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
}
