internal import LMDB
internal import Locks
package import SyncCore

/// The dictionaries of a log, each read when it is first needed.
///
/// The table is where they are found at once. One that it doesn't have as it was stored is looked
/// for among the events: what was compressed with it would be lost otherwise.
package final class DictionaryShelf: Sendable {
    private let environment: Environment
    /// Nil in a store that can have none.
    private let table: Database?
    private let events: DictionaryEvents
    private let state = Mutex(State())

    private struct State {
        var known: [UInt16: CompressionDictionary] = [:]
        /// Those that were looked for among the events, which takes long, and are not there.
        var missed: Set<UInt16> = []
        /// For each type the one with the highest number; nil until they were looked for.
        var newest: [EventType: CompressionDictionary]?
    }

    init(_ environment: Environment, _ table: Database?, _ events: DictionaryEvents) {
        self.environment = environment
        self.table = table
        self.events = events
    }

    /// The one that a stored event names.
    func dictionary(_ number: UInt16) throws(FieldError) -> CompressionDictionary {
        try state.withLock { state throws(FieldError) in
            if let known = state.known[number] { return known }
            let found = try read(number, &state.missed)
            state.known[number] = found
            return found
        }
    }

    private func read(
        _ number: UInt16, _ missed: inout Set<UInt16>
    ) throws(FieldError) -> CompressionDictionary {
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            let row = try table.flatMap { table throws(LMDBError) in
                try transaction.value(table, StoreKeys.dictionary(number))
            }.flatMap { DictionaryRow(number, $0) }
            if let dictionary = row?.dictionary { return dictionary }
            // Each event that needs it asks.
            if missed.insert(number).inserted,
                let dictionary = events.row(number, transaction)?.dictionary
            {
                return dictionary
            }
        } catch {
            throw .damaged("dictionary \(number), which it needs, can't be read: \(error.detail)")
        }
        throw .damaged("dictionary \(number), which it needs, is not in the log")
    }

    /// The one that events of a type are compressed with; nil before there is one.
    func newest(for type: EventType) -> CompressionDictionary? {
        state.withLock { state in
            if let newest = state.newest { return newest[type] }
            // Where they can't be read now, texts are stored without: that costs space, no more.
            guard let all = try? rows() else { return nil }
            var newest: [EventType: CompressionDictionary] = [:]
            for row in all {
                guard let dictionary = state.known[row.number] ?? row.dictionary else { continue }
                state.known[row.number] = dictionary
                newest[row.type] = dictionary
            }
            state.newest = newest
            return newest[type]
        }
    }

    /// Whether events of a type have one.
    package func has(_ type: EventType) -> Bool { newest(for: type) != nil }

    /// Takes one that is about to be stored, for the events after it in the same transaction.
    func add(_ row: DictionaryRow) {
        guard let dictionary = row.dictionary else { return }
        _ = newest(for: row.type)
        state.withLock { state in
            state.known[row.number] = dictionary
            state.newest?[row.type] = dictionary
        }
    }

    private func rows() throws(LMDBError) -> [DictionaryRow] {
        guard let table else { return [] }
        let transaction = try environment.beginRead()
        return try transaction.dictionaries(table).compactMap { key, row in
            if let row { return row }
            let number = key.withUnsafeBytes { StoreKeys.dictionary(of: $0) }
            return number.flatMap { events.row($0, transaction) }
        }
    }
}

extension ReadTransaction {
    /// All rows of the table of dictionaries, by their numbers; no row for what is none.
    func dictionaries(
        _ table: Database
    ) throws(LMDBError) -> [(key: [UInt8], row: DictionaryRow?)] {
        var found: [(key: [UInt8], row: DictionaryRow?)] = []
        var cursor = try cursor(table)
        var isThere = try cursor.seek([])
        while isThere {
            cursor.read { key, value in
                let number = StoreKeys.dictionary(of: key)
                found.append(
                    ([UInt8](key), number.flatMap { DictionaryRow($0, [UInt8](value)) }))
            }
            isThere = try cursor.next()
        }
        return found
    }
}

/// A dictionary as the table has it: `type u16 | checksum u64 | bytes`, numbers big-endian. The
/// checksum is XXH3-64 over type and bytes, with the number as seed.
struct DictionaryRow: Equatable {
    let number: UInt16
    let type: EventType
    let bytes: [UInt8]

    init(_ trained: DictionaryTrained) {
        number = trained.number
        type = trained.type
        bytes = trained.bytes
    }

    /// - Returns: nil for anything but what `stored` makes.
    init?(_ number: UInt16, _ value: [UInt8]) {
        guard value.count >= 10,
            let type = EventType(rawValue: UInt16(value[0]) << 8 | UInt16(value[1]))
        else { return nil }
        self.number = number
        self.type = type
        bytes = [UInt8](value[10...])
        guard stored == value else { return nil }
    }

    var checksum: UInt64 {
        var covered: [UInt8] = []
        covered.append(bigEndian: type.rawValue)
        return Checksum.of(covered + bytes, seed: UInt64(number))
    }

    var stored: [UInt8] {
        var value: [UInt8] = []
        value.append(bigEndian: type.rawValue)
        value.append(bigEndian: checksum)
        return value + bytes
    }

    var dictionary: CompressionDictionary? {
        CompressionDictionary(number: number, type: type, bytes: bytes)
    }
}

extension LogWriter {
    /// Puts a dictionary where readers look for it.
    func store(_ trained: DictionaryTrained) throws(EventLogError) {
        let row = DictionaryRow(trained)
        do throws(LMDBError) {
            guard let table = log.schema.dictionaries else { return }
            try transaction.put(table, StoreKeys.dictionary(row.number), row.stored)
        } catch {
            throw EventLogError(error)
        }
        log.dictionaries.add(row)
    }
}
