import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Texts are found in all events, taken out with the event that says so, and nothing else is.
@Suite struct LogRedactionTests {
    private let driver: StoreDriver

    init() throws {
        driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...40))
        var api = FakeAPI(1...40)
        api.headers[7] = 2
        api.details[7] = 2
        try driver.request(.full)
        try driver.finish(with: api)
    }

    private func texts(of id: String) throws -> TextPlaces {
        let snapshot = try driver.snapshot()
        let row = try #require(try snapshot.row(StoreDriver.stream, RecordID(id)))
        return try snapshot.texts(
            of: RequestIntended.Asked(ordinal: row.ordinal, id: row.id), in: StoreDriver.stream
        ) { _ in }
    }

    private func redact(_ texts: TextPlaces) throws -> Redacted {
        let redacted = Redacted(
            records: texts.records, positions: texts.positions, reason: "asked for",
            requester: Requester(pid: 1, host: "host", user: "user"))
        try driver.feed(.redacted(redacted), stream: texts.stream)
        return redacted
    }

    /// The positions of events that hold a text of a record, by the events as they were made.
    private func positions(of id: String) -> [Position] {
        driver.events.filter { event in
            event.event.textOwners.contains { $0.id == RecordID(id) }
        }.map(\.position)
    }

    @Test func everyVersionOfARecordIsFoundAndTakenOut() throws {
        let found = try texts(of: "7")
        #expect(found.positions == positions(of: "7"))
        #expect(found.positions.count == 4)
        #expect(found.first == found.positions.first)
        #expect(found.redactedAt == nil)
        _ = try redact(found)
        let left = try texts(of: "7")
        #expect(left.positions.isEmpty)
        #expect(left.bytes == 0)
        #expect(left.first == found.first)
        #expect(left.redactedAt == driver.control.position)
        // Free pages of its file have them still.
        #expect(try LogVerifier(driver.log).run().problems.map(\.part) == [.redaction])
    }

    @Test func othersKeepTheirTexts() throws {
        _ = try redact(try texts(of: "7"))
        try driver.snapshot().forEachEvent(after: .none) { event in
            let before = driver.events[Int(event.position.rawValue) - 1].event
            for (index, owner) in before.textOwners.enumerated() {
                let isOwn = owner.id == RecordID("7")
                #expect(event.event.bodies[index].isEmpty == isOwn)
                if !isOwn { #expect(event.event.bodies[index] == before.bodies[index]) }
            }
            return true
        }
    }

    @Test func allRecordsOfAnEvent() throws {
        let position = try #require(
            driver.events.first { $0.event.type == .detailsFetched }?.position)
        let found = try #require(try driver.snapshot().texts(at: position))
        #expect(found.records.count > 1)
        #expect(found.positions == [position])
        _ = try redact(found)
        let event = try #require(try driver.snapshot().event(at: position))
        #expect(event.event.bodies.allSatisfy { $0.isEmpty })
        #expect(try driver.snapshot().texts(at: position)?.positions == [])
        // Free pages of its file have them still.
        #expect(try LogVerifier(driver.log).run().problems.map(\.part) == [.redaction])
    }

    @Test func whoAsksForAnEventAgainIsToldThatItWasRedacted() throws {
        let position = try #require(positions(of: "9").last)
        let found = try #require(try driver.snapshot().texts(at: position))
        #expect(found.redactedAt == nil)
        _ = try redact(try texts(of: "8"))
        _ = try redact(found)
        let end = driver.control.position
        _ = try redact(try texts(of: "20"))
        let left = try #require(try driver.snapshot().texts(at: position))
        #expect(left.positions.isEmpty)
        #expect(left.redactedAt == end)
        #expect(left.first == position)
    }

    @Test func anEventWithoutTextsHasNone() throws {
        let found = try #require(try driver.snapshot().texts(at: Position(1)))
        #expect(found.records.isEmpty)
        #expect(try driver.snapshot().texts(at: driver.control.position.next) == nil)
        #expect(try driver.snapshot().texts(at: .none) == nil)
    }

    @Test func aRedactionOfWhatIsToComeIsDamage() {
        let event = LoggedEvent(
            position: driver.control.position.next, time: driver.now,
            stream: StoreDriver.stream, run: .none, cause: .none, startsStep: true,
            event: .redacted(
                Redacted(
                    records: [], positions: [driver.control.position.next], reason: "",
                    requester: Requester(pid: 1, host: "host", user: "user"))))
        #expect(!driver.control.canFold(event))
    }
}
