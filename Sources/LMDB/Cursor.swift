internal import CLMDB

/// A place in a database, that moves over its keys in order.
///
/// Each move tells whether there is a key where it went; what is there is lent to a closure.
package struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private let path: String
    private let bounds: ValueBounds
    private var keyValue = MDB_val()
    private var dataValue = MDB_val()
    private var isPlaced = false

    init(handle: OpaquePointer, path: String, bounds: ValueBounds) {
        self.handle = handle
        self.path = path
        self.bounds = bounds
    }

    deinit { mdb_cursor_close(handle) }

    @inline(__always)
    private mutating func move(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        let status = mdb_cursor_get(handle, &keyValue, &dataValue, operation)
        if status == MDB_SUCCESS {
            isPlaced = bounds.admit(dataValue)
            if isPlaced { return true }
            throw ValueBounds.error("move cursor", path)
        }
        isPlaced = false
        if status == MDB_NOTFOUND { return false }
        throw LMDBError(status: status, operation: "move cursor", path: path)
    }

    package mutating func first() throws(LMDBError) -> Bool { try move(MDB_FIRST) }
    package mutating func last() throws(LMDBError) -> Bool { try move(MDB_LAST) }
    package mutating func next() throws(LMDBError) -> Bool { try move(MDB_NEXT) }
    package mutating func previous() throws(LMDBError) -> Bool { try move(MDB_PREV) }

    /// Moves to the first key that is not below `key`.
    package mutating func seek(_ key: [UInt8]) throws(LMDBError) -> Bool {
        // An empty key is one that LMDB refuses, but it has a meaning here: the beginning.
        if key.isEmpty { return try first() }
        return try withKey(key, MDB_SET_RANGE)
    }

    /// Moves to `key`, if it is there.
    package mutating func find(_ key: [UInt8]) throws(LMDBError) -> Bool {
        try withKey(key, MDB_SET_KEY)
    }

    private mutating func withKey(
        _ key: [UInt8], _ operation: MDB_cursor_op
    ) throws(LMDBError) -> Bool {
        // LMDB replaces the key by its own copy in the map, so nothing of `key` outlives the call.
        let (handle, path) = (handle, path)
        var found = MDB_val()
        var data = MDB_val()
        let status = key.withUnsafeBytes { bytes in
            found = MDB_val(lent: bytes)
            return mdb_cursor_get(handle, &found, &data, operation)
        }
        (keyValue, dataValue) = (found, data)
        isPlaced = status == MDB_SUCCESS && bounds.admit(data)
        if isPlaced { return true }
        if status == MDB_SUCCESS { throw ValueBounds.error("move cursor", path) }
        if status == MDB_NOTFOUND { return false }
        throw LMDBError(status: status, operation: "move cursor", path: path)
    }

    /// Lends the key and the value where the cursor stands.
    @inline(__always)
    package func read<Result, Failure: Error>(
        _ body: (_ key: LentBytes, _ value: LentBytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(isPlaced, "the cursor stands nowhere")
        return try body(keyValue.lent, dataValue.lent)
    }

    /// A copy of the key where the cursor stands.
    package var key: [UInt8] { read { key, _ in [UInt8](key) } }
}
