internal import LMDB
internal import Records
internal import SyncCore

/// How far a projection is, and what it has summed up: stored with its rows, in one transaction.
struct Checkpoint: Equatable {
    /// The last position that was folded.
    var position: Position = .none
    /// The schema that the rows were folded by.
    var schema: String
    var total = DecimalTotal()
    var rows: UInt64 = 0
}

/// One generation of a projection: its rows and its checkpoint, in an environment of their own.
struct ProjectionEnvironment {
    let environment: Environment
    let rows: Database
    let meta: Database
    let name: String

    private static let positionKey: [UInt8] = Array("position".utf8)
    private static let schemaKey: [UInt8] = Array("schema".utf8)
    private static let totalKey: [UInt8] = Array("total".utf8)
    private static let rowsKey: [UInt8] = Array("rows".utf8)

    static func create(
        _ path: String, _ name: String, _ checkpoint: Checkpoint
    ) throws(LMDBError) {
        try Environment.create(path, EnvironmentOptions(maxDatabases: 4)) {
            transaction throws(LMDBError) in
            _ = try transaction.createDatabase("rows")
            let meta = try transaction.createDatabase("meta")
            try put(checkpoint, meta, transaction)
        }
    }

    static func open(
        _ path: String, _ name: String, durability: EnvironmentOptions.Durability = .full
    ) throws(LMDBError) -> ProjectionEnvironment {
        let options = EnvironmentOptions(maxDatabases: 4, durability: durability)
        let environment = try Environment.open(path, options)
        let transaction = try environment.beginRead()
        let rows = try transaction.database("rows")
        let meta = try transaction.database("meta")
        try transaction.keepDatabases()
        return ProjectionEnvironment(environment: environment, rows: rows, meta: meta, name: name)
    }

    static func put(
        _ checkpoint: Checkpoint, _ meta: Database, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        try transaction.put(meta, positionKey, bytes(checkpoint.position.rawValue))
        try transaction.put(meta, schemaKey, Array(checkpoint.schema.utf8))
        try transaction.put(meta, totalKey, checkpoint.total.encoded)
        try transaction.put(meta, rowsKey, bytes(checkpoint.rows))
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    func checkpoint(
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> Checkpoint {
        let stored: [[UInt8]?]
        do throws(LMDBError) {
            stored = [
                try transaction.value(meta, Self.positionKey),
                try transaction.value(meta, Self.schemaKey),
                try transaction.value(meta, Self.totalKey),
                try transaction.value(meta, Self.rowsKey),
            ]
        } catch {
            throw .storage(error)
        }
        guard let position = stored[0], let schema = stored[1], let total = stored[2],
            let count = stored[3], let sum = try? DecimalTotal(encoded: total)
        else { throw .damaged(projection: name, reason: "no checkpoint") }
        let number = { (bytes: [UInt8]) in bytes.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        return Checkpoint(
            position: Position(number(position)), schema: String(decoding: schema, as: UTF8.self),
            total: sum, rows: number(count))
    }

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
                transaction.get(rows, key) { value in
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
}
