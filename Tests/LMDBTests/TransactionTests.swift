import Glibc
import SyncCore
import TestSupport
import Testing

@testable import LMDB

@Suite struct TransactionTests {
    private let folder = TemporaryFolder()
    private let environment: Environment
    private let data: Database

    init() throws {
        try Environment.makeWithData(folder.at("env"))
        environment = try Environment.open(folder.at("env"), .quick())
        data = try environment.data
    }

    @Test func aWriterThatIsDroppedLeavesNothing() throws {
        try environment.put("key", "old")
        do {
            let transaction = try environment.beginWrite()
            try transaction.put(data, Array("key".utf8), [1])
            try transaction.put(data, Array("other".utf8), [1])
        }
        #expect(try environment.text("key") == "old")
        #expect(try environment.text("other") == nil)
        // The writer's lock is free again.
        try environment.put("key", "new")
        #expect(try environment.text("key") == "new")
    }

    @Test func aReaderKeepsItsSnapshotUntilItIsRenewed() throws {
        try environment.put("key", "1")
        let reader = try environment.beginRead()
        try environment.put("key", "2")
        #expect(try reader.text(data, "key") == "1")
        // A second reader on the same thread, which MDB_NOTLS allows.
        #expect(try environment.beginRead().text(data, "key") == "2")
        #expect(try reader.text(data, "key") == "1")
        try reader.renew()
        #expect(try reader.text(data, "key") == "2")
    }

    @Test func keysHaveFrom1To511Bytes() throws {
        let transaction = try environment.beginWrite()
        let longest = [UInt8](repeating: 7, count: maximumKeyLength)
        try transaction.put(data, longest, [1])
        #expect(try transaction.value(data, longest) == [1])
        for key in [[], longest + [7]] as [[UInt8]] {
            #expect(code { try transaction.put(data, key, [1]) } == .badKey)
        }
        #expect(try transaction.count(data) == 1)
    }

    @Test func appendsMustSortAfterEverythingElse() throws {
        let transaction = try environment.beginWrite()
        try transaction.put(data, [2], [1], .append)
        try transaction.put(data, [3], [1], .append)
        #expect(code { try transaction.put(data, [1], [1], .append) } == .keyExists)
        #expect(code { try transaction.put(data, [3], [2], .append) } == .keyExists)
        #expect(try transaction.all(data) == [[2]: [1], [3]: [1]])
    }

    @Test func insertsNeverReplace() throws {
        let transaction = try environment.beginWrite()
        try transaction.put(data, [1], [1], .insert)
        #expect(code { try transaction.put(data, [1], [2], .insert) } == .keyExists)
        #expect(try transaction.value(data, [1]) == [1])
    }

    @Test func deletingTellsWhetherThereWasSomething() throws {
        let transaction = try environment.beginWrite()
        try transaction.put(data, [1], [1])
        try transaction.put(data, [2], [])
        #expect(try transaction.delete(data, [1]))
        #expect(try !transaction.delete(data, [1]))
        #expect(try transaction.value(data, [2]) == [])
        try transaction.clear(data)
        #expect(try transaction.count(data) == 0)
    }

    @Test func aDatabaseMustExistToBeRead() throws {
        let reader = try environment.beginRead()
        #expect(code { _ = try reader.database("absent") } == .notFound)
    }

    @Test func aCursorGoesBothWaysAndSeeks() throws {
        let transaction = try environment.beginWrite()
        for key in [10, 20, 30] as [UInt8] { try transaction.put(data, [key], [key]) }
        var cursor = try transaction.cursor(data)
        #expect(try cursor.seek([11]))
        #expect(cursor.key == [20])
        #expect(try cursor.previous())
        #expect(cursor.key == [10])
        #expect(try !cursor.previous())
        #expect(try cursor.last())
        #expect(cursor.key == [30])
        #expect(try !cursor.next())
        #expect(try !cursor.seek([31]))
        #expect(try cursor.seek([]))
        #expect(cursor.key == [10])
        #expect(try cursor.find([30]))
        #expect(try !cursor.find([29]))
        #expect(code { _ = try cursor.find([]) } == .badKey)
    }

    @Test func anEmptyDatabaseHasNoFirstAndNoLastKey() throws {
        let reader = try environment.beginRead()
        var cursor = try reader.cursor(data)
        #expect(try !cursor.first())
        #expect(try !cursor.last())
        #expect(try !cursor.seek([1]))
    }

    @Test func readingWhereACursorStandsNowhereTraps() async {
        await #expect(processExitsWith: .failure) { [path = folder.path as String] in
            do {
                try Environment.makeWithData("\(path)/other")
                let environment = try Environment.open("\(path)/other", .quick())
                let data = try environment.data
                let reader = try environment.beginRead()
                let cursor = try reader.cursor(data)
                _ = cursor.key
            } catch {
                // Not a trap: seen as the success that it must not be.
                exit(0)
            }
            exit(0)
        }
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func itHoldsWhatASortedDictionaryHolds(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<40 {
            let before = model
            let transaction = try environment.beginWrite()
            for _ in 0..<Int.random(in: 1...60, using: &generator) {
                let length = Int.random(in: 1...3, using: &generator)
                let key = (0..<length).map { _ in UInt8.random(in: 0...5, using: &generator) }
                if Int.random(in: 0..<3, using: &generator) == 0 {
                    #expect(try transaction.delete(data, key) == (model[key] != nil))
                    model[key] = nil
                } else {
                    let size = Int.random(in: 0...6_000, using: &generator)
                    let value = [UInt8](repeating: key[0], count: size)
                    try transaction.put(data, key, value)
                    model[key] = value
                }
            }
            #expect(try transaction.all(data) == model)
            if Bool.random(using: &generator) {
                try transaction.commit()
            } else {
                model = before
            }
        }
        let reader = try environment.beginRead()
        #expect(try reader.all(data) == model)
        #expect(try reader.count(data) == model.count)
        var cursor = try reader.cursor(data)
        var keys: [[UInt8]] = []
        var isThere = try cursor.last()
        while isThere {
            keys.append(cursor.key)
            isThere = try cursor.previous()
        }
        #expect(keys.reversed() == model.keys.sorted { $0.lexicographicallyPrecedes($1) })
    }

    /// LMDB believes the length that a page gives: reading so far would end the process.
    @Test func aValueThatClaimsToBeLongerThanItsPageIsDamage() throws {
        let path = folder.at("damaged")
        try Environment.makeWithData(path) { transaction, data throws(LMDBError) in
            try transaction.put(data, Array("the key".utf8), Array("the value".utf8))
        }
        var file = Bytes.read("\(path)/data.mdb")
        let key = Array("the key".utf8)
        var isFound = false
        for offset in 8..<(file.count - key.count)
        where file[offset] == key[0] && Array(file[offset..<(offset + key.count)]) == key {
            // A node is its length (4 bytes), flags (2), the key's length (2), key and value.
            file.replaceSubrange((offset - 8)..<(offset - 4), with: [0xF0, 0xFF, 0xFF, 0x7F])
            isFound = true
        }
        #expect(isFound)
        Bytes.write(file, "\(path)/data.mdb")
        try expectDamage(in: path)
    }

    @Test func aLongValueIsReadAndOneThatClaimsMorePagesIsDamage() throws {
        let path = folder.at("long")
        let long = [UInt8](repeating: 0x61, count: 30_000)
        try Environment.makeWithData(path) { transaction, data throws(LMDBError) in
            for length in [2_000, 4_080, 4_096, 9_999, 30_000] {
                try transaction.put(data, Array("k\(length)".utf8), Array(long[..<length]))
            }
        }
        do {
            let environment = try Environment.open(path, .quick())
            let data = try environment.data
            let all = try environment.beginRead().all(data)
            #expect(all.values.map(\.count).sorted() == [2_000, 4_080, 4_096, 9_999, 30_000])
        }
        var file = Bytes.read("\(path)/data.mdb")
        let key = Array("k9999".utf8)
        for offset in 8..<(file.count - key.count)
        where file[offset] == key[0] && Array(file[offset..<(offset + key.count)]) == key {
            // One bit: from 9,999 to 2^22 bytes more.
            file[offset - 6] ^= 0x40
        }
        Bytes.write(file, "\(path)/data.mdb")
        let environment = try Environment.open(path, .quick())
        #expect(code { _ = try environment.text("k9999") } == .corrupted)
        #expect(try environment.text("k30000")?.utf8.count == 30_000)
    }

    /// LMDB looks for the root of a database when a cursor is made, and passes over a failure: only
    /// what comes next is refused, as if the transaction were at fault.
    @Test func aDatabaseWhoseRootIsNoPageIsDamage() throws {
        let path = folder.at("rootless")
        try Environment.makeWithData(path) { transaction, data throws(LMDBError) in
            try transaction.put(data, Array("the key".utf8), Array("the value".utf8))
        }
        var file = Bytes.read("\(path)/data.mdb")
        // The node of a database: 48 bytes, the flag of a database, a name of 4 bytes.
        let node: [UInt8] = [48, 0, 0, 0, 2, 0, 4, 0] + Array("data".utf8)
        var count = 0
        for offset in 0..<(file.count - 60)
        where file[offset] == 48 && Array(file[offset..<(offset + 12)]) == node {
            file.replaceSubrange((offset + 52)..<(offset + 55), with: [0xFF, 0xFF, 0xFF])
            count += 1
        }
        #expect(count > 0)
        Bytes.write(file, "\(path)/data.mdb")
        try expectDamage(in: path)
    }

    /// A look at "the key", a cursor's first step and its search all find the damage.
    private func expectDamage(in path: String) throws {
        let environment = try Environment.open(path, .quick())
        let data = try environment.data
        let key = Array("the key".utf8)
        #expect(code { _ = try environment.text("the key") } == .corrupted)
        #expect(
            code {
                let reader = try environment.beginRead()
                var cursor = try reader.cursor(data)
                _ = try cursor.first()
            } == .corrupted)
        #expect(
            code {
                let reader = try environment.beginRead()
                var cursor = try reader.cursor(data)
                _ = try cursor.seek(key)
            } == .corrupted)
    }
}
