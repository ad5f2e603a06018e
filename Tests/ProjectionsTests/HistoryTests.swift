import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// What the index says is what reading the whole log would say.
@Suite struct HistoryTests {
    private let driver: StoreDriver
    private let plain: PlainHistory

    init() throws {
        driver = try StoreDriver()
        try driver.makeHistory()
        plain = PlainHistory(events: driver.events)
    }

    private var end: UInt64 { driver.control.position.rawValue }

    @Test func theLogOfTheseTestsHasWhatTheyAreAbout() throws {
        let types = Set(driver.events.map(\.event.type))
        let wanted: [EventType] = [
            .rateLimited, .requestFailed, .requestAbandoned, .backoffApplied, .detailsRequeued,
            .recordParked, .runInterrupted, .runResumed,
        ]
        for type in wanted { #expect(types.contains(type), "\(type)") }
        let standing = try #require(
            try {
                let history = try driver.history()
                try history.catchUp()
                return try history.standing()
            }())
        #expect(standing.rows >= 4)
        #expect(standing.position.rawValue < end)
    }

    @Test func theStateAfterEachEventIsThatOfTheFold() throws {
        try driver.history().read { history in
            #expect(history.end == driver.control.position)
            for position in 0...end {
                let found = try history.control(at: Position(position))
                #expect(found == plain.control(at: Position(position)))
            }
        }
    }

    @Test func eventsAreFoundByTheirRecord() throws {
        try driver.history().read { history in
            for stream in [StreamID(1), StreamID(2), StreamID(3)] {
                for ordinal in (0...60).map({ Ordinal($0) }) {
                    let found = try history.positions(of: ordinal, in: stream, .changes)
                    #expect(found == plain.changes(of: ordinal, in: stream))
                    let seen = try history.positions(of: ordinal, in: stream, .sightings)
                    #expect(seen == plain.sightings(of: ordinal, in: stream))
                }
            }
        }
    }

    @Test func aRowIsWhatItWasAtAnyTime() throws {
        try driver.history().read { history in
            for ordinal in [0, 6, 8, 22, 30, 50, 99].map({ Ordinal($0) }) {
                for position in stride(from: 0, through: end, by: 3).map({ Position($0) }) {
                    let found = try history.row(of: ordinal, in: StoreDriver.stream, at: position)
                    #expect(found == plain.row(of: ordinal, in: StoreDriver.stream, at: position))
                }
            }
        }
    }

    @Test func aRecordMadeAloneIsThatOfTheFold() throws {
        let (stream, projection) = (StoreDriver.stream, try RecordProjection.os())
        var views: [Ordinal: RecordView] = [:]
        var before = Position.none
        var differing: Set<Ordinal> = []
        try driver.history().read { history in
            for event in driver.events {
                let old = views
                try event.event.forEachTouchedRow { ordinal, touch in
                    guard event.stream == stream else { return }
                    views[ordinal] = try projection.fold(
                        views[ordinal], touch, position: event.position, time: event.time)
                }
                differing.formUnion(views.keys.filter { views[$0] != old[$0] })
                guard event.position.rawValue % 13 == 0 else { continue }
                for ordinal in (0...60).map({ Ordinal($0) }) {
                    let found = try history.record(
                        ordinal, of: projection, in: stream, at: event.position)
                    #expect(found == views[ordinal])
                }
                let changed = try history.changed(
                    in: stream, after: before, through: event.position, atMost: 60)
                #expect(differing.isSubset(of: changed ?? []))
                #expect(changed == changed?.sorted())
                let most = (changed?.count ?? 0) - 1
                let fewer = try history.changed(
                    in: stream, after: before, through: event.position, atMost: most)
                #expect(fewer == nil)
                (before, differing) = (event.position, [])
            }
        }
        #expect(views.count == 55)
    }

    @Test func aMomentIsTheLastEventUpToIt() throws {
        try driver.history().read { history in
            let found = try history.position(at: .zero)
            #expect(found == .none)
            for event in driver.events {
                let last = driver.events.last { $0.time <= event.time }
                let found = try history.position(at: event.time)
                #expect(found == last?.position)
                let before = driver.events.last { $0.time < event.time }
                let earlier = try history.position(at: event.time.adding(ns: -1))
                #expect(earlier == before?.position ?? .none)
            }
        }
    }

    // MARK: Runs

    @Test func runsAreSummedUpOverTheirInvocations() throws {
        var runs: [RunSummary] = []
        try driver.history().read { history in
            try history.forEachRun { run in
                runs.append(run)
                return true
            }
            var backwards: [RunSummary] = []
            try history.forEachRun(backwards: true) { run in
                backwards.append(run)
                return true
            }
            #expect(backwards.reversed() == runs)
            for run in runs {
                let found = try history.run(run.run)
                #expect(found == run)
            }
        }
        let started = driver.events.filter { $0.event.type == .runStarted }.map(\.run)
        #expect(runs.map(\.run).filter { started.contains($0) } == started)
        for run in runs {
            let own = driver.events.filter { run.requests.contains($0.run) }
            let sent = own.count { $0.event.type == .requestIntended }
            #expect(run.counters.requests == UInt64(sent), "r\(run.run.rawValue)")
            #expect(
                run.counters.rateLimited == UInt64(own.count { $0.event.type == .rateLimited }))
            #expect(run.waits == UInt64(own.count { $0.event.type == .backoffApplied }))
            #expect(run.last == own.last?.position)
        }
        let resumed = try #require(runs.first { $0.requests.count == 2 })
        #expect(resumed.mode == .full)
        #expect(resumed.outcome == .partial)
        #expect(resumed.waitNs >= 5 * .nsPerSecond)
        let idle = try #require(runs.last)
        #expect(idle.mode == .resume)
        #expect(idle.outcome == .completed)
        #expect(idle.reason == .nothingToResume)
    }

    @Test func aRunUnderWayHasNoOutcome() throws {
        var api = FakeAPI(1...40)
        api.add(90)
        try driver.request(.full)
        try driver.finish(with: api, steps: 2)
        try driver.history().read { history in
            let run = try #require(history.control.invocation?.run)
            let found = try history.run(run)?.outcome
            #expect(found == nil)
        }
    }

    // MARK: Search

    private func expect(
        _ filter: EventFilter, _ comment: Comment, wanted: (LoggedEvent) -> Bool
    ) throws {
        let expected = driver.events.filter(wanted).map(\.position)
        try driver.history().read { history in
            for backwards in [false, true] {
                var found: [Position] = []
                try history.search(filter).forEach(backwards: backwards) { event, schema in
                    found.append(event.position)
                    #expect(schema == event.event.type.schemaVersion)
                    return true
                }
                #expect(found == (backwards ? expected.reversed() : expected), comment)
            }
        }
    }

    @Test func withoutAFilterAllEventsAreFound() throws {
        try expect(EventFilter(), "all") { _ in true }
    }

    @Test func eventsAreFoundByTypeStreamEndpointAndStatus() throws {
        for type in EventType.allCases {
            var filter = EventFilter()
            filter.types = [type]
            try expect(filter, "\(type)") { $0.event.type == type }
        }
        var filter = EventFilter()
        filter.types = [.requestFailed, .rateLimited]
        try expect(filter, "two types") {
            [.requestFailed, .rateLimited].contains($0.event.type)
        }
        filter.endpoints = [.list]
        try expect(filter, "failed lists") { event in
            [.requestFailed, .rateLimited].contains(event.event.type)
                && plain.endpoint(event) == .list
        }
        filter = EventFilter()
        filter.endpoints = [.detail, .health]
        try expect(filter, "details") { plain.endpoint($0) == .detail }
        filter = EventFilter()
        filter.streams = [StreamID(2)]
        try expect(filter, "stream") { $0.stream == StreamID(2) }
        for (status, wanted) in [
            (EventFilter.Status.code(429), { $0 == 429 }), (.hundreds(5), { $0 / 100 == 5 }),
            (.code(200), { $0 == 200 }), (.none, { $0 == 0 }),
        ] as [(EventFilter.Status, (UInt16) -> Bool)] {
            filter = EventFilter()
            filter.statuses = [status]
            try expect(filter, "\(status)") { $0.event.exchange.map { wanted($0.status) } ?? false }
        }
        filter.statuses = [.code(429), .code(500)]
        filter.endpoints = [.detail]
        try expect(filter, "429, 500") { event in
            [429, 500].contains(event.event.exchange?.status) && plain.endpoint(event) == .detail
        }
    }

    @Test func eventsAreFoundByPositionAndTime() throws {
        for range: ClosedRange<UInt64> in [
            1...1, 5...70, 33...64, 60...9_999, 9_000...9_999, 9_000...(.max), 0...(.max),
        ] {
            var filter = EventFilter()
            filter.limit(to: Position(range.lowerBound)...Position(range.upperBound))
            try expect(filter, "\(range)") { range.contains($0.position.rawValue) }
        }
        let times = driver.events.map(\.time)
        let middle = try #require(times.dropFirst(times.count / 2).first)
        var filter = EventFilter()
        filter.earliest = middle
        try expect(filter, "since") { $0.time >= middle }
        filter = EventFilter()
        filter.before = middle
        try expect(filter, "until") { $0.time < middle }
    }

    @Test func eventsAreFoundByRunWithWhatItGoesOnFor() throws {
        let started = driver.events.filter { $0.event.type == .runStarted }.map(\.run)
        for run in started {
            var filter = EventFilter()
            try driver.history().read { filter.runs = [try #require(try $0.run(run))] }
            let resumed = driver.events.filter { event in
                if case .runResumed(let resumed) = event.event { resumed.run == run } else { false }
            }.map(\.run)
            try expect(filter, "r\(run.rawValue)") { $0.run == run || resumed.contains($0.run) }
        }
    }

    @Test func eventsAreFoundByRecordAndWhatElseIsAsked() throws {
        let record = EventFilter.Record(stream: StoreDriver.stream, ordinal: Ordinal(6))
        let mentions = Set(
            plain.changes(of: record.ordinal, in: record.stream)
                + plain.sightings(of: record.ordinal, in: record.stream))
        var filter = EventFilter()
        filter.records = [record]
        try expect(filter, "record") { mentions.contains($0.position) }
        filter.types = [.requestIntended]
        try expect(filter, "asked") {
            mentions.contains($0.position) && $0.event.type == .requestIntended
        }
    }

    @Test func aRecordThatAPageHasTwiceIsMentionedOnce() throws {
        let driver = try StoreDriver()
        try driver.sync(.full, FakeAPI(1...10))
        try driver.request(.full)
        let request = try #require(driver.wire.first)
        let api = FakeAPI(1...10)
        let records = [3, 3, 4, 3].map { id in
            ListedRecord(
                id: RecordID("\(id)"), fingerprint: Fingerprint(high: UInt64(id), low: 1),
                body: api.header(id)[...])
        }
        let next = PageCursor(bytes: [1], display: "1")
        try driver.answer(
            request,
            SourceAnswer(
                exchange: Exchange(status: 200),
                content: .page(PageAnswer(records: records, next: next, total: 10))))
        let page = try #require(driver.events.last { $0.event.type == .pageFetched }).position
        try driver.sync(.resume, FakeAPI(1...10))
        let history = try driver.history()
        for _ in 0..<2 {
            try history.read { history in
                for ordinal in [2, 3].map({ Ordinal($0) }) {
                    let seen = try history.positions(
                        of: ordinal, in: StoreDriver.stream, .sightings)
                    #expect(seen.filter { $0 == page }.count == 1)
                    #expect(seen == seen.sorted())
                }
            }
            // From the index, after it was made in memory.
            try driver.sync(.full, FakeAPI(1...90))
        }
    }

    /// Under an open snapshot each commit makes the file grow.
    @Test func aSearchComesInPiecesAndHoldsNoSnapshot() throws {
        let driver = try StoreDriver()
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 2, concurrency: 2)
        try driver.request(.full, policy: policy)
        try driver.finish(with: FakeAPI(1...700), steps: 300)
        var filter = EventFilter()
        filter.limit(to: Position(4)...Position(600))
        for backwards in [false, true] {
            var found: [LoggedEvent] = []
            var open = 0
            try EventSearch(driver.log, filter).forEach(backwards: backwards) { event, _ in
                found.append(event)
                open += try driver.log.environment.readers().count
                return true
            }
            #expect(open == 0)
            let expected = Array(driver.events[3..<600])
            #expect(found == (backwards ? expected.reversed() : expected))
        }
        var count = 0
        try EventSearch(driver.log, EventFilter()).forEach { _, _ in
            count += 1
            return count < 300
        }
        #expect(count == 300)
    }

    @Test func eventsAreCountedByWhatTheyAre() throws {
        try driver.history().read { history in
            let all = try history.count(EventFilter())
            #expect(all.total.events == end)
            #expect(all.first == driver.events.map(\.time).min())
            #expect(all.last == driver.events.map(\.time).max())
            for type in EventType.allCases {
                let expected = UInt64(driver.events.count { $0.event.type == type })
                #expect(all.types[type]?.events ?? 0 == expected, "\(type)")
            }
            let refused = all.answers[EventCounts.Answer(endpoint: .detail, status: 429)]
            #expect(refused?.events == 1)
            var filter = EventFilter()
            filter.types = [.requestIntended]
            let intents = driver.events.filter { $0.event.type == .requestIntended }
            let sent = try history.count(filter)
            #expect(sent.total.events == UInt64(intents.count))
            #expect(sent.first == intents.map(\.time).min())
            #expect(sent.last == intents.map(\.time).max())
            filter.limit(to: Position(11)...Position(97))
            let some = try history.count(filter)
            let expected = driver.events[10..<97].count { $0.event.type == .requestIntended }
            #expect(some.total.events == UInt64(expected))
            filter = EventFilter()
            filter.records = [EventFilter.Record(stream: StoreDriver.stream, ordinal: Ordinal(6))]
            let record = try history.count(filter)
            let mentions =
                plain.changes(of: Ordinal(6), in: StoreDriver.stream)
                + plain.sightings(of: Ordinal(6), in: StoreDriver.stream)
            #expect(record.total.events == UInt64(Set(mentions).count))
        }
    }

    // MARK: Making it

    @Test func growingInPiecesGivesTheSame() throws {
        let other = try StoreDriver()
        let history = try other.history()
        var api = FakeAPI(1...40)
        for round in 1...6 {
            for id in 1...5 { api.headers[id * round % 40 + 1] = round + 1 }
            try other.sync(.full, api)
            try history.catchUp()
        }
        let plain = PlainHistory(events: other.events)
        try history.read { history in
            let found = try history.control(at: other.control.position)
            #expect(found == other.control)
            for ordinal in (0..<40).map({ Ordinal($0) }) {
                let found = try history.positions(of: ordinal, in: StoreDriver.stream, .changes)
                #expect(found == plain.changes(of: ordinal, in: StoreDriver.stream))
            }
        }
        let found = try history.standing()?.generation
        #expect(found == 1)
    }

    @Test func whileAnotherWritesTheTailIsIndexedInMemory() throws {
        try driver.history().catchUp()
        let lock = try ProjectionLock.take(ProjectionFolder(path: driver.projections))
        #expect(lock != nil)
        try driver.sync(.full, FakeAPI(1...70))
        let plain = PlainHistory(events: driver.events)
        try driver.history().read { history in
            #expect(history.end == driver.control.position)
            for ordinal in (0..<70).map({ Ordinal($0) }) {
                let found = try history.positions(of: ordinal, in: StoreDriver.stream, .changes)
                #expect(found == plain.changes(of: ordinal, in: StoreDriver.stream))
            }
        }
        withExtendedLifetime(lock) {}
    }

    @Test func anotherSizeIsAnotherIndex() throws {
        try driver.history().catchUp()
        let other = try driver.history(HistoryProjection())
        try other.read { history in
            let found = try history.control(at: Position(40))
            #expect(found == plain.control(at: Position(40)))
        }
        #expect(try other.standing()?.generation == 2)
    }

    // MARK: Damage

    @Test(arguments: ["segments", "zones", "changes", "sightings", "runs"])
    func aValueThatTurnedIsNoticed(table: String) throws {
        try driver.history().catchUp()
        try spoil(table)
        #expect(throws: ProjectionError.self) {
            try driver.history().read { history in
                try history.search(EventFilter()).forEach { _, _ in true }
                try history.forEachRun { _ in true }
                for ordinal in (0..<55).map({ Ordinal($0) }) {
                    _ = try history.positions(of: ordinal, in: StoreDriver.stream, .changes)
                    _ = try history.positions(of: ordinal, in: StoreDriver.stream, .sightings)
                }
            }
        }
        let rebuilt = try driver.history()
        try rebuilt.rebuild()
        try rebuilt.read { history in
            let control = try history.control(at: Position(50))
            #expect(control == plain.control(at: Position(50)))
        }
    }

    /// Whoever folds on begins with the last one.
    @Test func aStateThatTurnedIsMadeAnew() throws {
        try driver.history().catchUp()
        try spoil("controls")
        let history = try driver.history()
        try history.read { history in
            for position in 0...end {
                let control = try history.control(at: Position(position))
                #expect(control == plain.control(at: Position(position)))
            }
        }
        #expect(try history.standing()?.generation == 2)
    }

    /// Turns a bit in each value of a table.
    private func spoil(_ table: String) throws {
        try tamper(table) { transaction, database throws(LMDBError) in
            var keys: [[UInt8]] = []
            var cursor = try transaction.cursor(database)
            var isThere = try cursor.first()
            while isThere {
                keys.append(cursor.key)
                isThere = try cursor.next()
            }
            for key in keys {
                var value = try transaction.value(database, key) ?? []
                value[value.count - 1] ^= 4
                try transaction.put(database, key, value)
            }
        }
    }

    private func tamper(
        _ table: String,
        _ body: (borrowing WriteTransaction, Database) throws(LMDBError) -> Void
    ) throws {
        let environment = try Environment.open(
            "\(driver.projections)/history-1", EnvironmentOptions(maxDatabases: 8))
        let transaction = try environment.beginWrite()
        try body(transaction, try transaction.database(table))
        try transaction.commit()
    }
}
