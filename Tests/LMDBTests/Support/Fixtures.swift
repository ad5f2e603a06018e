import LMDB

extension EnvironmentOptions {
    /// Small, and not durable: for tests that look at logic only.
    static func quick(mapSize: Int = 64 << 20) -> EnvironmentOptions {
        EnvironmentOptions(mapSize: mapSize, durability: .none)
    }
}

extension Environment {
    /// Makes an environment with one database, `data`.
    static func makeWithData(
        _ path: String, _ options: EnvironmentOptions = .quick(),
        _ fill: (borrowing WriteTransaction, Database) throws(LMDBError) -> Void = { _, _ in }
    ) throws {
        try Environment.create(path, options) { transaction throws(LMDBError) in
            let data = try transaction.createDatabase("data")
            try fill(transaction, data)
        }
    }

    var data: Database {
        get throws {
            let transaction = try beginRead()
            let data = try transaction.database("data")
            try transaction.keepDatabases()
            return data
        }
    }

    func put(_ key: String, _ value: String) throws {
        let data = try data
        let transaction = try beginWrite()
        try transaction.put(data, Array(key.utf8), Array(value.utf8))
        try transaction.commit()
    }

    func text(_ key: String) throws -> String? {
        let data = try data
        return try beginRead().text(data, key)
    }
}

extension ReadableTransaction where Self: ~Copyable {
    func text(_ database: Database, _ key: String) throws -> String? {
        try value(database, Array(key.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Everything in a database, in its order.
    func all(_ database: Database) throws -> [[UInt8]: [UInt8]] {
        var found: [[UInt8]: [UInt8]] = [:]
        var cursor = try cursor(database)
        var isThere = try cursor.first()
        while isThere {
            cursor.read { key, value in found[[UInt8](key)] = [UInt8](value) }
            isThere = try cursor.next()
        }
        return found
    }
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () throws -> Void) -> LMDBError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? LMDBError)?.code
    }
}
