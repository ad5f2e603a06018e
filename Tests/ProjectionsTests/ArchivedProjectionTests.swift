import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// Projections are known as those of a log, and read, though what they were folded of is away.
@Suite struct ArchivedProjectionTests {
    private let driver: StoreDriver
    private let plain: PlainHistory

    init() throws {
        driver = try StoreDriver()
        try driver.makeHistory()
        plain = PlainHistory(events: driver.events)
    }

    /// Moves all events away; nothing comes after them.
    private func moveAll() throws { try move(through: driver.control.position) }

    private func move(through last: Position) throws {
        do {
            var compaction = try LogCompaction(driver.log, through: last)
            while try compaction.copy() {}
            try compaction.check(workers: 0) { _ in }
            try compaction.publish()
        }
        try driver.log.removeArchived(through: last) { _ in }
        try FileSystem.move(driver.log.archive.path, to: "\(driver.log.archive.path)-away")
        #expect(throws: EventLogError.self) { _ = try driver.snapshot().identity(at: last) }
    }

    @Test func aTableIsReadWithoutTheArchive() throws {
        let before = try Contents(try driver.projector())
        try moveAll()
        let standing = try driver.projector().standing()
        #expect(standing?.isStale == false)
        #expect(standing?.position == driver.control.position)
        let now = try Contents(try driver.projector())
        #expect(now.rows == before.rows)
        #expect(now.position == before.position)
        #expect(try driver.projector().generations().map(\.isStale) == [false])
        let audit = ProjectionAudit(folder: driver.projections, log: driver.log)
        #expect(audit.problem(of: "os") == nil)
    }

    @Test func anIndexThatWasCaughtUpIsReadWithoutTheArchive() throws {
        try driver.history(.small(border: driver.control.position)).catchUp()
        let standing = try driver.history().standing()
        #expect(standing?.position == driver.control.position)
        try moveAll()
        try driver.history().read { history in
            #expect(history.end == driver.control.position)
            let found = try history.control(at: driver.control.position)
            #expect(found == driver.control)
        }
    }

    /// What comes behind a border is not looked for before it.
    @Test func aSegmentEndsAtTheBorder() throws {
        let end = driver.control.position
        let border = Position(end.rawValue - 3)
        try driver.history().catchUp()
        let before = try #require(try driver.history().standing()?.position)
        #expect(before < border)
        try driver.history(.small(border: border)).catchUp()
        #expect(try driver.history().standing()?.position == border)
        try driver.history().read { history in
            var filter = EventFilter()
            filter.limit(to: Position(1)...end)
            let places = try history.places(filter)
            #expect(places == [Position(1)...end])
            for position in 0...end.rawValue {
                let found = try history.control(at: Position(position))
                #expect(found == plain.control(at: Position(position)))
            }
        }
        // One that lies behind is none.
        try driver.history(.small(border: before)).catchUp()
        #expect(try driver.history().standing()?.position == border)
    }

    /// What an older program stored is told from that of another log by the event itself.
    @Test func aMarkOfAnOlderProgramIsKnown() throws {
        let end = driver.control.position
        let snapshot = try driver.snapshot()
        let identity = try snapshot.identity(at: end)
        #expect(try snapshot.bears(identity, at: end))
        #expect(try !snapshot.bears(identity, at: Position(end.rawValue - 1)))
        #expect(try snapshot.bears(snapshot.mark(at: end), at: end))
        #expect(try snapshot.mark(at: .none) == [])
        #expect(try snapshot.bears([], at: .none))
        #expect(try !snapshot.bears([], at: end))
        #expect(try !snapshot.bears(snapshot.mark(at: end), at: end.next))
        for number in 1...end.rawValue {
            let position = Position(number)
            let commit = try #require(try snapshot.commit(at: position))
            #expect(try snapshot.mark(at: position) == snapshot.head(at: commit.last))
        }
    }

    /// What it answers says where it belongs, and may be away.
    @Test func anEventWhoseRequestIsAwayIsNotPassedOver() throws {
        let end = driver.control.position
        let asked = try #require(
            driver.events.last { event in
                event.event.ownEndpoint == nil && event.event.answeredIntent != nil
            })
        let intent = try #require(asked.event.answeredIntent)
        let endpoint = try #require(plain.endpoint(asked))
        let last = try #require(try driver.snapshot().commit(at: intent)?.last)
        #expect(last < asked.position)
        let first = try #require(
            driver.events.first { event in
                event.position > last && event.event.ownEndpoint == nil
                    && event.event.answeredIntent.map { $0 <= last } ?? false
            })
        var filter = EventFilter()
        filter.endpoints = [endpoint]
        filter.limit(to: last.next...end)
        let wanted = driver.events.filter { event in
            event.position > last && plain.endpoint(event) == endpoint
        }.map(\.position)
        #expect(wanted.contains(asked.position))
        try move(through: last)
        for backwards in [false, true] {
            var found: [Position] = []
            #expect(throws: EventLogError.self) {
                try EventSearch(driver.log, filter).forEach(backwards: backwards) { event, _ in
                    found.append(event.position)
                    return true
                }
            }
            // Those on the way there were handed out.
            let there = backwards ? wanted.reversed() : wanted
            #expect(found == Array(there.prefix(found.count)))
            #expect(!found.contains(first.position))
        }
    }

    @Test func aSearchLooksNowhereElse() throws {
        try driver.history().catchUp()
        try driver.history().read { history in
            for range in [Position(3)...Position(20), Position(17)...Position(17)] {
                var filter = EventFilter()
                filter.types = EventType.allCases
                filter.limit(to: range)
                let places = try history.places(filter)
                #expect(places == [range])
                filter.records = [EventFilter.Record(stream: StreamID(1), ordinal: Ordinal(0))]
                for place in try history.places(filter) {
                    #expect(range.contains(place.lowerBound) && range.contains(place.upperBound))
                }
            }
        }
    }
}
