internal import CLMDB

/// A named tree of keys in an environment; valid as long as the environment is open.
package struct Database: Sendable {
    let handle: MDB_dbi
    package let name: String
}

/// Bytes lent by the map: valid only within the closure that gets them.
package typealias LentBytes = UnsafeRawBufferPointer

/// The longest key that LMDB takes.
package let maximumKeyLength = 511

/// A transaction that can be read from.
package protocol ReadableTransaction: ~Copyable {
    /// For this module only.
    var access: TransactionAccess { get }
}

/// What this module needs of a transaction.
package struct TransactionAccess {
    let handle: OpaquePointer
    let path: String
    let bounds: ValueBounds
}

extension ReadableTransaction where Self: ~Copyable {
    /// Opens a database that exists.
    ///
    /// - Throws: `.notFound` where it doesn't.
    package func database(_ name: String) throws(LMDBError) -> Database {
        var handle: MDB_dbi = 0
        try check(
            mdb_dbi_open(access.handle, name, 0, &handle), "open database \(name)", access.path)
        return Database(handle: handle, name: name)
    }

    /// How many keys a database holds.
    package func count(_ database: Database) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try check(mdb_stat(access.handle, database.handle, &stat), "stat", access.path)
        return stat.ms_entries
    }

    /// Lends the value of `key` to `body`.
    ///
    /// - Returns: nil when there is no such key.
    @inline(__always)
    package func get<Result, Failure: Error>(
        _ database: Database, _ key: LentBytes,
        _ body: (LentBytes) throws(Failure) -> Result
    ) throws(Failure) -> Lookup<Result> {
        var keyValue = MDB_val(lent: key)
        var value = MDB_val()
        let status = mdb_get(access.handle, database.handle, &keyValue, &value)
        if status == MDB_NOTFOUND { return .absent }
        if status != MDB_SUCCESS {
            return .failed(
                LMDBError(status: status, operation: "get from \(database.name)", path: access.path)
            )
        }
        guard access.bounds.admit(value) else {
            return .failed(ValueBounds.error("get from \(database.name)", access.path))
        }
        return .found(try body(value.lent))
    }

    /// A copy of the value of `key`; nil when there is none.
    package func value(_ database: Database, _ key: [UInt8]) throws(LMDBError) -> [UInt8]? {
        let found = key.withUnsafeBytes { get(database, $0) { [UInt8]($0) } }
        return try found.get()
    }

    /// Opens a cursor that stands nowhere yet.
    package func cursor(_ database: Database) throws(LMDBError) -> Cursor {
        var handle: OpaquePointer?
        try check(
            mdb_cursor_open(access.handle, database.handle, &handle), "open cursor", access.path)
        guard let handle else {
            throw LMDBError(.other(0), operation: "open cursor", path: access.path)
        }
        return Cursor(handle: handle, path: access.path, bounds: access.bounds)
    }
}

/// What came of looking a key up, when the caller's closure throws errors of its own.
package enum Lookup<Result> {
    case found(Result)
    case absent
    case failed(LMDBError)

    package func get() throws(LMDBError) -> Result? {
        switch self {
        case .found(let result): return result
        case .absent: return nil
        case .failed(let error): throw error
        }
    }
}

extension MDB_val {
    @inline(__always)
    init(lent: UnsafeRawBufferPointer) {
        self.init(
            mv_size: lent.count, mv_data: UnsafeMutableRawPointer(mutating: lent.baseAddress))
    }

    @inline(__always)
    var lent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
}
