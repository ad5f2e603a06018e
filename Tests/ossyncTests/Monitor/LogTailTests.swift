import Dashboard
import EventLog
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import ossync

@Suite struct LogTailTests {
    private let driver: StoreDriver
    private var api = FakeAPI(1...60)

    init() throws {
        driver = try StoreDriver()
        api.poison = [7, 23]
    }

    private func positions(_ rows: [Listing.Row]) -> [UInt64] {
        rows.compactMap { row in row.cells.first.flatMap { UInt64($0.dropFirst()) } }
    }

    private static let errors: Set<EventType> = [
        .rateLimited, .requestFailed, .requestAbandoned, .recordParked, .runInterrupted,
    ]

    private func check(_ tail: LogTail, _ sizes: LogTail.Sizes) {
        let newest = driver.events.reversed().map(\.position.rawValue)
        #expect(positions(tail.events) == Array(newest.prefix(sizes.rows)))
        let near = driver.events.suffix(Int(sizes.farthest))
        let failed = near.reversed().filter { event in
            if case .runCompleted(let completed) = event.event {
                return completed.outcome == .failed || completed.outcome == .partial
            }
            return Self.errors.contains(event.event.type)
        }
        let expected = failed.prefix(sizes.rows).map(\.position.rawValue)
        // What was near once is kept.
        #expect(Array(positions(tail.errors).prefix(expected.count)) == expected)
        #expect(tail.errors.count <= sizes.rows)
    }

    /// However the log grows between two looks, and however little one look reads.
    @Test(arguments: [
        LogTail.Sizes(rows: 500, farthest: 100_000, ofLook: 20_000),
        LogTail.Sizes(rows: 5, farthest: 100_000, ofLook: 3),
        LogTail.Sizes(rows: 40, farthest: 60, ofLook: 7),
    ])
    func theNewestEventsAreThere(sizes: LogTail.Sizes) throws {
        try driver.request(.full)
        try driver.finish(with: api, steps: 12)
        var tail = LogTail(sizes)
        var steps = 1
        while driver.control.invocation != nil {
            repeat { try tail.follow(driver.snapshot()) } while tail.isBehind
            check(tail, sizes)
            try driver.finish(with: api, steps: steps)
            steps = steps % 9 + 1
        }
        repeat { try tail.follow(driver.snapshot()) } while tail.isBehind
        check(tail, sizes)
        #expect(positions(tail.errors).count > 2)
        let requests = driver.events.count { $0.event.type == .requestIntended }
        if sizes.farthest > driver.events.count {
            let pace = tail.pace(before: driver.now)
            #expect(pace.requests.reduce(0, +) == UInt64(requests))
        }
    }

    @Test func anHourLaterNothingIsLeftOfThePace() throws {
        try driver.request(.full)
        try driver.finish(with: api)
        var tail = LogTail()
        try tail.follow(driver.snapshot())
        let now = tail.pace(before: driver.now)
        #expect(now.requests.count == 180 && now.requests.last ?? 0 > 0)
        let later = tail.pace(before: driver.now.adding(ms: 3_600_000))
        #expect(later.requests.reduce(0, +) == 0)
    }

    @Test func anEmptyLogHasNothing() throws {
        let folder = TemporaryFolder()
        try EventLog.create(store: folder.path)
        var tail = LogTail()
        try tail.follow(try EventLog.open(store: folder.path, .read).snapshot())
        #expect(tail.events.isEmpty && tail.errors.isEmpty && !tail.isBehind)
    }
}
