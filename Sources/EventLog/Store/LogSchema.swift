package import LMDB

/// The databases of the log's environment, and the version of its layout.
package struct LogSchema: Sendable {
    /// The version of the layout that this program writes; it refuses later ones.
    ///
    /// It rises with any new type of event, schema version or value of an enumeration: a start
    /// reads only what came after the stored state, so an older program would append before it met
    /// one.
    ///
    /// - 2: the first release.
    /// - 3: `ClockAnchored` may say that the log was restored. A program that passed over it would
    ///   send what was sent already. New are `Redacted`, `LogCompacted`, `DictionaryTrained`,
    ///   values that need a dictionary, and the four events of alerts.
    package static let format: UInt32 = 3
    /// The oldest one that this program reads: as it is, until something is written to it. Format 1
    /// is that of builds before the first release: their control state and queue have another
    /// layout.
    static let oldestFormat: UInt32 = 2

    /// Position (8 bytes, big-endian) -> event value.
    package let events: Database
    /// Last position of a commit -> head of the chain (32) and first position of it (8).
    package let commits: Database
    /// `state` -> control state.
    package let control: Database
    /// Stream (2), ordinal (4) -> record row.
    package let records: Database
    /// Stream (2), identity -> ordinal (4).
    package let ids: Database
    /// Stream (2), queue key -> nothing.
    package let queue: Database
    /// Stream (2), pass (4), chunk (4) -> bits of 8,192 ordinals.
    package let seen: Database
    /// `format` -> version (4).
    package let meta: Database
    /// Number (2) -> type (2), checksum (8), the dictionary; nil in a store of format 2.
    package let dictionaries: Database?

    static let formatKey: [UInt8] = Array("format".utf8)
    /// `check` -> checksum (8) of the format's bytes, from format 3 on.
    static let checkKey: [UInt8] = Array("check".utf8)
    static let stateKey: [UInt8] = Array("state".utf8)
    /// `archived` -> last position that is in the archive (8), checksum of these bytes (8).
    static let archivedKey: [UInt8] = Array("archived".utf8)
    /// `cleaning` -> the first and the newest redaction whose files aren't clean yet (8 each),
    /// checksum of these bytes (8); absent where all are.
    static let cleaningKey: [UInt8] = Array("cleaning".utf8)

    /// The version of the layout of the store that a transaction reads.
    static func format(_ transaction: borrowing ReadTransaction) throws(LMDBError) -> UInt32 {
        let bytes = try transaction.value(try transaction.database("meta"), formatKey) ?? []
        guard bytes.count == 4 else {
            throw LMDBError(
                .notFound, operation: "read format", path: "meta", detail: "it has none")
        }
        return bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Says that the store is of the format that this program writes.
    func putFormat(_ transaction: borrowing WriteTransaction) throws(LMDBError) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Self.format)
        try transaction.put(meta, Self.formatKey, bytes)
        var check: [UInt8] = []
        check.append(bigEndian: Checksum.of(bytes))
        try transaction.put(meta, Self.checkKey, check)
    }

    /// Whether the format is the one that was written.
    func isFormatSound(_ transaction: borrowing ReadTransaction) throws(LMDBError) -> Bool {
        let bytes = try transaction.value(meta, Self.formatKey) ?? []
        guard let check = try transaction.value(meta, Self.checkKey) else {
            // Those before had none.
            return bytes.reduce(0) { $0 << 8 | UInt32($1) } < 3
        }
        var expected: [UInt8] = []
        expected.append(bigEndian: Checksum.of(bytes))
        return check == expected
    }

    private static let dictionariesName = "dictionaries"

    private static func optional(
        _ name: String, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> Database? {
        do throws(LMDBError) {
            return try transaction.database(name)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    init(creating transaction: borrowing WriteTransaction) throws(LMDBError) {
        events = try transaction.createDatabase("events")
        commits = try transaction.createDatabase("commits")
        control = try transaction.createDatabase("control")
        records = try transaction.createDatabase("records")
        ids = try transaction.createDatabase("ids")
        queue = try transaction.createDatabase("queue")
        seen = try transaction.createDatabase("seen")
        meta = try transaction.createDatabase("meta")
        dictionaries = try transaction.createDatabase(Self.dictionariesName)
    }

    init(opening transaction: borrowing ReadTransaction) throws(LMDBError) {
        events = try transaction.database("events")
        commits = try transaction.database("commits")
        control = try transaction.database("control")
        records = try transaction.database("records")
        ids = try transaction.database("ids")
        queue = try transaction.database("queue")
        seen = try transaction.database("seen")
        meta = try transaction.database("meta")
        dictionaries = try Self.optional(Self.dictionariesName, transaction)
    }
}
