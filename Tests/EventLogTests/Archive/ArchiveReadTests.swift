import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Whoever reads a log doesn't notice where its events are.
@Suite struct ArchiveReadTests {
    private let store: ArchivedLog

    init() throws { store = try ArchivedLog() }

    private func moveInThree() throws { try store.move(2, 3, store.ends.count / 2) }

    @Test func aWalkFromAnyPositionInBothDirectionsIsTheSame() throws {
        let old = try store.driver.snapshot()
        try moveInThree()
        #expect(try store.archive.names().count == 3)
        let new = try store.driver.snapshot()
        let end = Position(UInt64(store.before.count))
        for number in 1...end.rawValue {
            let position = Position(number)
            let forwards = try ArchivedLog.entries(new, from: position)
            #expect(
                Array(forwards.prefix(store.before.count - Int(number) + 1))
                    == Array(store.before[(Int(number) - 1)...]), "from \(number)")
            let backwards = try ArchivedLog.entries(new, from: position, backwards: true)
            let expected = try ArchivedLog.entries(old, from: position, backwards: true)
            #expect(backwards == expected, "back from \(number)")
        }
        try store.expectAll()
    }

    @Test func aCursorTurnsAroundAtEveryPlace() throws {
        try moveInThree()
        let snapshot = try store.driver.snapshot()
        let end = try snapshot.tail().position.rawValue
        var random = SeededGenerator(seed: 12)
        var cursor = try snapshot.events()
        #expect(try cursor.seek(Position(1)))
        var at: UInt64 = 1
        for _ in 0..<2_000 {
            let isForwards = random.next() % 2 == 0
            let moved = try isForwards ? cursor.next() : cursor.previous()
            let wanted = isForwards ? at + 1 : at - 1
            #expect(moved == (1...end ~= wanted))
            if moved {
                at = wanted
            } else {
                // It stands nowhere now.
                at = 1 + random.next() % end
                #expect(try cursor.seek(Position(at)))
            }
            let found = cursor.read { key, _ in StoreKeys.position(of: key) }
            #expect(found == Position(at))
        }
        #expect(try cursor.last())
        #expect(cursor.read { key, _ in StoreKeys.position(of: key) } == Position(end))
    }

    @Test func eventsTextsAndCommitsAreTheSame() throws {
        let old = try store.driver.snapshot()
        try moveInThree()
        let new = try store.driver.snapshot()
        var texts = 0
        for event in store.driver.events where event.position.rawValue <= store.before.count {
            #expect(try new.event(at: event.position) == old.event(at: event.position))
            let commits = (try new.commit(at: event.position), try old.commit(at: event.position))
            #expect(commits.0?.first == commits.1?.first && commits.0?.last == commits.1?.last)
            #expect(try new.identity(at: event.position) == old.identity(at: event.position))
            for ordinal in 0..<UInt32(30) {
                let text = try new.body(of: Ordinal(ordinal), at: event.position)
                #expect(try text == old.body(of: Ordinal(ordinal), at: event.position))
                texts += text == nil ? 0 : 1
            }
        }
        #expect(texts >= 60, "header and detail of each record")
        for start in [Position.none] + store.ends {
            var (left, right): ([[LoggedEvent]], [[LoggedEvent]]) = ([], [])
            try old.forEachCommit(after: start) { commit in
                left.append(commit.events)
                return true
            }
            try new.forEachCommit(after: start) { commit in
                right.append(commit.events)
                return right.count < left.count
            }
            #expect(left == Array(right.prefix(left.count)))
        }
    }

    @Test func aSnapshotOfBeforeGoesOnSeeingAll() throws {
        let old = try store.driver.snapshot()
        let name = try store.move(through: store.ends[5])
        #expect(try ArchivedLog.entries(old) == store.before)
        // It has them in the log, wherever the segment is.
        try store.rename(name, to: "elsewhere")
        #expect(try ArchivedLog.entries(old) == store.before)
        #expect(try old.archivedThrough() == .none)
        try old.renew()
        #expect(try old.archivedThrough() == store.ends[5])
        #expect(failure { _ = try ArchivedLog.entries(old) }?.missing?.lowerBound == Position(1))
    }

    @Test func aLogOfWhichAllWasMovedIsReadAndWrittenOn() throws {
        try store.move(through: store.driver.control.position)
        try store.move(through: store.driver.control.position)
        try store.expectAll()
        #expect(try store.driver.snapshot().control() == store.driver.control)
        #expect(try store.verify().problems == [])
        var api = FakeAPI(1...30)
        api.add(31)
        try store.driver.request(.incremental)
        try store.driver.finish(with: api)
        try store.expectAll()
        let report = try store.verify()
        #expect(report.problems == [])
        #expect(report.events == UInt64(store.driver.events.count))
        for (ordinal, row) in store.driver.rows {
            #expect(try store.driver.snapshot().row(StoreDriver.stream, ordinal) == row)
        }
    }

    @Test(arguments: [0, 2])
    func theCheckReadsAllOfThemWhateverItsStretches(workers: Int) throws {
        let whole = try store.verify()
        try moveInThree()
        for stretch in [1, 7, 16_384] as [UInt64] {
            let report = try LogVerifier(store.log, stretch: stretch, workers: workers).run()
            #expect(report.problems == [])
            #expect(report.isFolded)
            #expect(report.events == UInt64(store.driver.events.count))
            #expect(report.commits >= whole.commits)
            #expect(try report.head == store.driver.snapshot().tail().head)
        }
    }

    @Test func aCheckGoesOnWithinASegment() throws {
        try moveInThree()
        var first = try LogVerifier(store.log, stretch: 5)
        let goesOn = first.advance()
        #expect(goesOn)
        let (resumable, position) = (first.resumable, first.position)
        let progress = try #require(resumable)
        #expect(position < store.ends[store.ends.count / 2])
        let report = try LogVerifier(store.log, from: progress).run()
        #expect(report.problems == [])
        #expect(report.isFolded)
    }
}
