internal import CLMDB
internal import Glibc

/// A snapshot for reading; ended when it goes out of scope.
///
/// Keep it short: while it lives, LMDB can't reuse the pages that it sees.
package struct ReadTransaction: ~Copyable, ReadableTransaction {
    private let handle: OpaquePointer
    private let environment: Unmanaged<Environment>
    private let bounds: ValueBounds

    init(_ environment: Environment) throws(LMDBError) {
        handle = try begin(environment, UInt32(MDB_RDONLY))
        bounds = ValueBounds(environment.handle)
        self.environment = .passRetained(environment)
    }

    deinit {
        mdb_txn_abort(handle)
        environment.takeUnretainedValue().gate.leave()
        environment.release()
    }

    /// The commit that it sees the environment after.
    var number: UInt64 { UInt64(mdb_txn_id(handle)) }

    package var access: TransactionAccess {
        TransactionAccess(
            handle: handle, path: environment.takeUnretainedValue().path, bounds: bounds)
    }

    /// Ends the snapshot and keeps the databases that it opened for later transactions.
    package consuming func keepDatabases() throws(LMDBError) {
        let status = mdb_txn_commit(handle)
        let environment = environment.takeRetainedValue()
        discard self
        environment.gate.leave()
        try check(status, "open databases", environment.path)
    }

    /// Gives the snapshot up and takes the newest one: cheaper than a new transaction.
    package func renew() throws(LMDBError) {
        mdb_txn_reset(handle)
        var status = mdb_txn_renew(handle)
        if status == MDB_MAP_RESIZED {
            // A snapshot that was given up doesn't look at the map, so it may move.
            let environment = environment.takeUnretainedValue()
            environment.gate.leave()
            defer { environment.gate.enter() }
            try environment.adoptMapSize()
            status = mdb_txn_renew(handle)
        }
        try check(status, "renew", access.path)
    }
}

/// The one writer; without `commit` everything it did is undone.
///
/// It must end on the thread where it began: LMDB's lock hangs the next writer otherwise.
package struct WriteTransaction: ~Copyable, ReadableTransaction {
    private let handle: OpaquePointer
    private let environment: Unmanaged<Environment>
    private let thread: pthread_t

    init(_ environment: Environment) throws(LMDBError) {
        handle = try begin(environment, 0)
        self.environment = .passRetained(environment)
        thread = pthread_self()
    }

    deinit {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a writer changed its thread")
        mdb_txn_abort(handle)
        environment.takeUnretainedValue().gate.leave()
        environment.release()
    }

    package var access: TransactionAccess {
        TransactionAccess(
            handle: handle, path: environment.takeUnretainedValue().path, bounds: .none)
    }

    /// Makes everything durable.
    ///
    /// - Throws: `.mapFull`, with nothing written, as `put` does; any other error leaves the
    ///   outcome unknown, and the environment takes no more transactions until it is reopened.
    package consuming func commit() throws(LMDBError) {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a writer changed its thread")
        let status = mdb_txn_commit(handle)
        let environment = environment.takeRetainedValue()
        discard self
        environment.gate.leave()
        guard status == MDB_SUCCESS else {
            // LMDB looks for the last pages it needs before it writes any.
            if status != MDB_MAP_FULL { environment.poison() }
            throw LMDBError(status: status, operation: "commit", path: environment.path)
        }
    }

    /// Opens a database, and makes it where it doesn't exist.
    package func createDatabase(_ name: String) throws(LMDBError) -> Database {
        var dbi: MDB_dbi = 0
        try check(
            mdb_dbi_open(handle, name, UInt32(MDB_CREATE), &dbi), "create database \(name)",
            access.path)
        return Database(handle: dbi, name: name)
    }

    package enum PutMode: Sendable {
        case upsert
        /// The key must sort after every other one: several times faster.
        case append
        /// The key must not exist.
        case insert

        fileprivate var flags: UInt32 {
            switch self {
            case .upsert: 0
            case .append: UInt32(MDB_APPEND)
            case .insert: UInt32(MDB_NOOVERWRITE)
            }
        }
    }

    @inline(__always)
    package func put(
        _ database: Database, _ key: LentBytes, _ value: LentBytes, _ mode: PutMode = .upsert
    ) throws(LMDBError) {
        var keyValue = MDB_val(lent: key)
        var dataValue = MDB_val(lent: value)
        let status = mdb_put(handle, database.handle, &keyValue, &dataValue, mode.flags)
        if status != MDB_SUCCESS { throw failure(status, "put into", database) }
    }

    package func put(
        _ database: Database, _ key: [UInt8], _ value: [UInt8], _ mode: PutMode = .upsert
    ) throws(LMDBError) {
        let status = key.withUnsafeBytes { keyBytes in
            value.withUnsafeBytes { valueBytes in
                var keyValue = MDB_val(lent: keyBytes)
                var dataValue = MDB_val(lent: valueBytes)
                return mdb_put(handle, database.handle, &keyValue, &dataValue, mode.flags)
            }
        }
        if status != MDB_SUCCESS { throw failure(status, "put into", database) }
    }

    /// Removes a key.
    ///
    /// - Returns: whether it was there.
    @discardableResult
    package func delete(_ database: Database, _ key: [UInt8]) throws(LMDBError) -> Bool {
        let status = key.withUnsafeBytes { keyBytes in
            var keyValue = MDB_val(lent: keyBytes)
            return mdb_del(handle, database.handle, &keyValue, nil)
        }
        if status == MDB_NOTFOUND { return false }
        if status != MDB_SUCCESS { throw failure(status, "delete from", database) }
        return true
    }

    /// Removes every key of a database.
    package func clear(_ database: Database) throws(LMDBError) {
        try check(mdb_drop(handle, database.handle, 0), "clear \(database.name)", access.path)
    }

    private func failure(_ status: Int32, _ verb: String, _ database: Database) -> LMDBError {
        LMDBError(status: status, operation: "\(verb) \(database.name)", path: access.path)
    }
}

extension Environment {
    package func beginRead() throws(LMDBError) -> ReadTransaction {
        try checkUsable("read")
        return try ReadTransaction(self)
    }

    /// Begins the write transaction; waits for another process's to end.
    package func beginWrite() throws(LMDBError) -> WriteTransaction {
        try checkUsable("write")
        return try WriteTransaction(self)
    }
}

/// Begins a transaction, which is counted in the gate from here on.
private func begin(_ environment: Environment, _ flags: UInt32) throws(LMDBError) -> OpaquePointer {
    do throws(LMDBError) {
        return try attempt(environment, flags)
    } catch {
        guard error.code == .other(MDB_MAP_RESIZED) else { throw error }
    }
    // Another process grew the map: take its size over.
    try environment.adoptMapSize()
    return try attempt(environment, flags)
}

private func attempt(
    _ environment: Environment, _ flags: UInt32
) throws(LMDBError) -> OpaquePointer {
    var transaction: OpaquePointer?
    environment.gate.enter()
    let status = mdb_txn_begin(environment.handle, nil, flags, &transaction)
    if status == MDB_SUCCESS, let transaction { return transaction }
    environment.gate.leave()
    throw LMDBError(status: status, operation: "begin", path: environment.path)
}
