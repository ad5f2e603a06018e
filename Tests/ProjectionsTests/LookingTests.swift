import EventLog
import Projections
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

/// What whoever looks again and again reads, while others write.
@Suite struct LookingTests {
    @Test func theNewestRunsAreThoseOfTheHistoryWithAnIndexOrWithout() throws {
        let driver = try StoreDriver()
        try driver.makeHistory()
        let unindexed = try #require(
            try driver.history().newestRuns(100, foldingAtMost: 100_000))
        // Looking has made no index, and too much work isn't done.
        #expect(try driver.history().standing() == nil)
        #expect(try driver.history().newestRuns(100, foldingAtMost: 10) == nil)
        var all: [RunSummary] = []
        try driver.history().read { history in
            try history.forEachRun(backwards: true) { run in
                all.append(run)
                return true
            }
        }
        #expect(all.count > 4)
        #expect(unindexed.runs == all && unindexed.control == driver.control)
        let indexed = try #require(try driver.history().newestRuns(3, foldingAtMost: 100_000))
        #expect(indexed.runs == Array(all.prefix(3)) && indexed.control == driver.control)
    }

    @Test func whatTheIndexLacksIsFoldedInMemory() throws {
        let driver = try StoreDriver()
        try driver.makeHistory()
        try driver.history().catchUp()
        let before = try driver.history().standing()
        try driver.request(.detailsOnly)
        try driver.finish(with: FakeAPI(1...55))
        let found = try #require(try driver.history().newestRuns(1, foldingAtMost: 1_000))
        #expect(found.runs.first?.last == driver.control.position)
        #expect(try driver.history().standing() == before)
        #expect(try driver.history().newestRuns(1, foldingAtMost: 1) == nil)
    }

    @Test func theStoredTotalIsTheOneOfTheCheckpoint() throws {
        let driver = try StoreDriver()
        let projector = try RecordProjector(.os(), folder: driver.projections, log: driver.log)
        #expect(try projector.storedTotal() == nil)
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...10))
        #expect(try projector.storedTotal() == nil)
        try projector.catchUp()
        let end = driver.control.position
        let contents = try Contents(projector)
        try driver.request(.incremental)
        try driver.finish(with: FakeAPI(1...20))
        // It is behind now, and says where it stands.
        let total = try #require(try projector.storedTotal())
        #expect(total.position == end)
        #expect(total.sum == contents.sum && total.records == contents.summed)
        let other = try RecordProjector(
            .os(customer: "/other"), folder: driver.projections, log: driver.log)
        #expect(try other.storedTotal() == nil)
    }
}
