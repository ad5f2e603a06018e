internal import LMDB
internal import SyncCore

/// One generation of a projection: its tables and its checkpoint, in an environment of their own.
package struct ProjectionEnvironment<Tables: Sendable>: Sendable {
    let environment: Environment
    package let tables: Tables
    let meta: Database
    package let name: String

    private static var checkpointKey: [UInt8] { Array("checkpoint".utf8) }

    static func create<Folded: Projection>(
        _ path: String, _ projection: Folded
    ) throws(LMDBError) where Folded.Tables == Tables {
        try Environment.create(path, options()) { transaction throws(LMDBError) in
            try Folded.makeTables(transaction)
            let meta = try transaction.createDatabase("meta")
            try put(Checkpoint(schema: projection.schema), meta, transaction)
        }
    }

    static func open<Folded: Projection>(
        _ path: String, _ projection: Folded, readOnly: Bool = false,
        durability: EnvironmentOptions.Durability = .full
    ) throws(LMDBError) -> ProjectionEnvironment where Folded.Tables == Tables {
        let environment = try Environment.open(
            path, options(readOnly: readOnly, durability: durability))
        let transaction = try environment.beginRead()
        let tables = try Folded.openTables(transaction)
        let meta = try transaction.database("meta")
        try transaction.keepDatabases()
        return ProjectionEnvironment(
            environment: environment, tables: tables, meta: meta, name: projection.name)
    }

    private static func options(
        readOnly: Bool = false, durability: EnvironmentOptions.Durability = .full
    ) -> EnvironmentOptions {
        EnvironmentOptions(maxDatabases: 8, readOnly: readOnly, durability: durability)
    }

    func put(
        _ checkpoint: Checkpoint, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        try Self.put(checkpoint, meta, transaction)
    }

    private static func put(
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
}
