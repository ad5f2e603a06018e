import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Texts that are compressed with a dictionary of the log's own take less, and are read by whoever
/// has the log.
@Suite struct DictionaryTests {
    private let driver: StoreDriver

    init() throws {
        driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: Self.api(1...60))
    }

    /// Details that have much in common, and something of their own.
    private static func api(_ ids: ClosedRange<Int>) -> FakeAPI {
        var api = FakeAPI(ids)
        api.detailText = { id in
            "{\"id\":\(id),\"customer\":{\"name\":\"Customer number \(id * 7_919)\"},"
                + "\"status\":\"waiting for spare parts\",\"technician\":\"somebody else\","
                + "\"expenses\":[{\"kind\":\"travel\",\"amount\":\(id).50}]}"
        }
        return api
    }

    private func train(_ type: EventType = .detailsFetched) throws -> DictionaryTrained? {
        try DictionaryTrainer.train(
            type, try driver.log.snapshot(), number: driver.control.dictionaries + 1,
            sampleBytes: 9_000)
    }

    private func bytes(of events: ArraySlice<LoggedEvent>) throws -> Int {
        let wanted = Set(events.filter { $0.event.type == .detailsFetched }.map(\.position))
        var bytes = 0
        try driver.log.snapshot().forEachEntry(after: .none) { entry in
            if wanted.contains(entry.position) { bytes += entry.storedBytes }
            return true
        }
        return bytes
    }

    /// What another process finds.
    private func shelf() -> DictionaryShelf {
        let (log, schema) = (driver.log, driver.log.schema)
        return DictionaryShelf(
            log.environment, schema.dictionaries,
            DictionaryEvents(
                path: log.path, events: schema.events, commits: schema.commits,
                archive: log.archive, schema: schema))
    }

    private func syncAgain() throws {
        try driver.request(.incremental)
        try driver.finish(with: Self.api(1...120))
    }

    @Test func eventsAfterItTakeLessAndReadAsTheyWere() throws {
        let trained = try #require(try train())
        try driver.feed(.dictionaryTrained(trained))
        let before = driver.events.count
        try syncAgain()
        let (old, new) = (driver.events[..<before], driver.events[before...])
        #expect(try bytes(of: new) * 10 < bytes(of: old) * 9)
        var read: [LoggedEvent] = []
        try driver.log.snapshot().forEachEvent(after: .none) { event in
            read.append(event)
            return true
        }
        #expect(read == driver.events)
        #expect(try LogVerifier(driver.log, workers: 2).run().isClean)
        let details = try #require(new.last { $0.event.type == .detailsFetched })
        let ordinal = try #require(details.event.textOwners.first?.ordinal)
        #expect(
            try driver.log.snapshot().body(of: ordinal, at: details.position)
                == [UInt8](details.event.bodies[0]))
    }

    @Test func anotherProcessFindsItInTheLog() throws {
        try driver.feed(.dictionaryTrained(try #require(try train())))
        try syncAgain()
        let copy = shelf()
        #expect(copy.has(.detailsFetched))
        #expect(!copy.has(.pageFetched))
        let checker = EventChecker(workers: 0, copy)
        let snapshot = try driver.log.snapshot()
        var feed = try EventFeed(
            snapshot.events(), from: Position(1), upTo: Position(.max), checker)
        var count = 0
        while let event = try feed.next() {
            _ = try event.result.get()
            count += 1
        }
        #expect(count == driver.events.count)
    }

    @Test func withoutItTheTextsAreDamagedAndNothingElseIs() throws {
        try driver.feed(.dictionaryTrained(try #require(try train())))
        try syncAgain()
        let other = EventCoder()
        let position = try #require(
            driver.events.last { $0.event.type == .detailsFetched }?.position)
        try driver.log.snapshot().forEachEntry(after: Position(position.rawValue - 1)) { entry in
            #expect(throws: EventCodingError.self) {
                try other.decode(entry.position, entry.value, bodies: .all)
            }
            #expect(throws: Never.self) {
                try other.decode(entry.position, entry.value, bodies: .none)
            }
            return false
        }
    }

    @Test(arguments: ["changed", "removed"])
    func oneThatTheTableHasNotIsFoundAmongTheEvents(_ how: String) throws {
        try driver.feed(.dictionaryTrained(try #require(try train())))
        try syncAgain()
        try driver.tamper("dictionaries") { transaction, table throws(LMDBError) in
            let key = StoreKeys.dictionary(1)
            var value = try transaction.value(table, key) ?? []
            value[value.count - 1] ^= 1
            try transaction.delete(table, key)
            if how == "changed" { try transaction.put(table, key, value) }
        }
        let other = EventCoder(shelf())
        var count = 0
        try driver.log.snapshot().forEachEntry(after: .none) { entry in
            let event = try? other.decode(entry.position, entry.value, bodies: .all)
            #expect(event == driver.events[count])
            count += 1
            return true
        }
        #expect(count == driver.events.count)
        #expect(shelf().has(.detailsFetched) == (how == "changed"))
    }

    @Test func noNumberIsGivenTwice() throws {
        let trained = try #require(try train())
        try driver.feed(.dictionaryTrained(trained))
        #expect(driver.control.dictionaries == 1)
        let again = LoggedEvent(
            position: driver.control.position.next, time: driver.control.time, stream: .none,
            run: .none, cause: .none, startsStep: true, event: .dictionaryTrained(trained))
        #expect(!driver.control.canFold(again))
        let second = DictionaryTrained(number: 2, type: trained.type, bytes: trained.bytes)
        #expect(
            driver.control.canFold(
                LoggedEvent(
                    position: again.position, time: again.time, stream: .none, run: .none,
                    cause: .none, startsStep: true, event: .dictionaryTrained(second))))
    }

    @Test(arguments: ["changed", "replaced", "removed", "added"])
    func aTableThatIsNotTheOneOfTheEventsIsFound(_ how: String) throws {
        let trained = try #require(try train())
        try driver.feed(.dictionaryTrained(trained))
        try driver.tamper("dictionaries") { transaction, table throws(LMDBError) in
            let key = StoreKeys.dictionary(1)
            var value = try transaction.value(table, key) ?? []
            switch how {
            case "changed":
                value[value.count - 1] ^= 1
                try transaction.put(table, key, value)
            case "replaced":
                // As whole as the one that the event brought.
                let other = DictionaryTrained(
                    number: 1, type: trained.type, bytes: trained.bytes.reversed())
                try transaction.put(table, key, DictionaryRow(other).stored)
            case "removed": try transaction.delete(table, key)
            default: try transaction.put(table, StoreKeys.dictionary(2), value)
            }
        }
        let report = try LogVerifier(driver.log).run()
        #expect(report.problems.contains { $0.part == .rows && $0.text.contains("dictionar") })
    }

    @Test func whatFewRecordsHaveIsNotInIt() throws {
        let trained = try #require(try train())
        let text = String(decoding: trained.bytes, as: UTF8.self)
        #expect(text.contains("spare parts"))
        for id in 1...60 { #expect(!text.contains("\(id * 7_919)")) }
    }

    @Test func aRecordIsLearnedFromOnceHoweverOftenItChanges() throws {
        for version in 1...70 {
            var api = Self.api(1...60)
            api.headers[7] = version + 1
            api.details[7] = version + 1
            api.detailText = { _ in
                "{\"id\":7,\"version\":\(version),\"status\":\"waiting for the seventh alone\"}"
            }
            try driver.request(.full)
            try driver.finish(with: api)
        }
        #expect(driver.events.count { $0.event.type == .detailsFetched } >= 60 / 5 + 70)
        let trained = try #require(try train())
        let text = String(decoding: trained.bytes, as: UTF8.self)
        #expect(text.contains("spare parts"))
        #expect(!text.contains("seventh"))
    }

    @Test func tooFewTextsMakeNone() throws {
        let snapshot = try driver.log.snapshot()
        #expect(
            try DictionaryTrainer.train(.detailsFetched, snapshot, number: 1) == nil)
        #expect(try train(.pageFetched) == nil)
    }

    @Test func onlyTheLogItselfIsLearnedFrom() throws {
        let store = try ArchivedLog()
        try store.move(2, 5)
        try FileSystem.move(store.archive.path, to: "\(store.archive.path)-away")
        let snapshot = try store.driver.snapshot()
        _ = try DictionaryTrainer.train(
            .detailsFetched, snapshot, number: 1, sampleBytes: .max)
    }

    @Test func aRedactedEventStaysReadable() throws {
        try driver.feed(.dictionaryTrained(try #require(try train())))
        try syncAgain()
        let details = try #require(driver.events.last { $0.event.type == .detailsFetched })
        let owner = try #require(details.event.textOwners.first)
        try driver.feed(
            .redacted(
                Redacted(
                    records: [owner], positions: [details.position], reason: "asked for",
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: StoreDriver.stream)
        let event = try #require(try driver.log.snapshot().event(at: details.position))
        #expect(event.event.bodies[0].isEmpty)
        #expect(event.event.bodies.dropFirst() == details.event.bodies.dropFirst())
        #expect(try LogVerifier(driver.log).run().problems.map(\.part) == [.redaction])
    }
}

/// A text keeps what a twentieth of all have, and fifty.
@Suite struct CommonTokenTests {
    private func common(_ texts: [String], _ index: Int) -> String {
        let bytes = texts.map { ArraySlice(Array($0.utf8)) }
        let tokens = CommonTokens(of: bytes)
        return String(decoding: tokens.common(bytes[index]), as: UTF8.self)
    }

    @Test func ownValuesGo() {
        let texts = (1...60).map { "{\"id\": \($0), \"name\": \"n \\\" \($0)\", \"open\": true}" }
        #expect(common(texts, 4) == "{\"id\": , \"name\": \"\", \"open\": true}")
    }

    @Test(arguments: [(100, 50), (1_000, 50), (2_000, 100), (4_000, 200)])
    func aValueOfFewRecordsIsTheirOwn(_ records: Int, _ fewest: Int) {
        let texts = (1...records).map { index in
            "[\"\(index < fewest ? "rare" : index < 2 * fewest ? "common" : "\(index)")\"]"
        }
        #expect(common(texts, 0) == "[\"\"]")
        #expect(common(texts, fewest) == "[\"common\"]")
    }

    @Test func aValueThatOneRecordHasOftenIsItsOwn() {
        let texts =
            ["[" + Array(repeating: "7", count: 60).joined(separator: ",") + "]"]
            + (1...60).map { _ in "[8,9]" }
        #expect(common(texts, 0) == "[" + String(repeating: ",", count: 59) + "]")
    }

    @Test(arguments: ["\"", "\"\\", "\"a\\\"", "", "tru", "{", "\u{7f}"])
    func textsThatEndTooEarlyAreTaken(_ text: String) {
        _ = common(Array(repeating: text, count: 60), 3)
    }
}
