internal import LMDB
internal import Records
internal import SyncCore

/// One generation of a projection: its rows and its checkpoint, in an environment of their own.
struct ProjectionEnvironment {
    let environment: Environment
    let rows: Database
    let meta: Database
    let name: String

    private static let checkpointKey: [UInt8] = Array("checkpoint".utf8)

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
        _ path: String, _ name: String, readOnly: Bool = false,
        durability: EnvironmentOptions.Durability = .full
    ) throws(LMDBError) -> ProjectionEnvironment {
        let options = EnvironmentOptions(
            maxDatabases: 4, readOnly: readOnly, durability: durability)
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
        try transaction.put(meta, checkpointKey, checkpoint.encoded)
    }

    func checkpoint(
        _ transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws(ProjectionError) -> Checkpoint {
        let stored: [UInt8]?
        do throws(LMDBError) {
            stored = try transaction.value(meta, Self.checkpointKey)
        } catch {
            throw .storage(error)
        }
        guard let checkpoint = stored.flatMap({ Checkpoint(encoded: $0) }) else {
            throw .damaged(projection: name, reason: "no checkpoint")
        }
        return checkpoint
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
