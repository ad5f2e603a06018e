import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// No table keeps what was taken out of the log.
@Suite struct RedactedProjectionTests {
    private let driver: StoreDriver
    private let api = FakeAPI(1...12)

    init() throws { driver = try StoreDriver() }

    /// Its files, and its totals of the past, have what was taken out.
    @Test func oneThatHasWhatIsTakenOutIsMadeAnew() throws {
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        let before = try Contents(projector)
        let generation = try projector.standing()?.generation ?? 0
        let row = try #require(before.rows.first)
        let asked = RequestIntended.Asked(ordinal: row.core.ordinal, id: row.core.id)
        try driver.feed(
            .redacted(
                Redacted(
                    records: [asked],
                    positions: [row.core.headerPosition, row.core.detailPosition],
                    reason: "asked for", requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: StoreDriver.stream)
        try projector.catchUp()
        #expect(try (projector.standing()?.generation ?? 0) > generation)
        #expect(try Contents(projector) == driver.fromScratch())
        #expect(try Contents(projector).rows.first?.fromHeader == nil)
        #expect(TemporaryFolder.names(driver.projections).contains("os-\(generation)") == false)
        // Once it is out, the event is passed like any other.
        let now = try projector.standing()?.generation
        try driver.sync(.full, api)
        try projector.catchUp()
        #expect(try projector.standing()?.generation == now)
    }

    /// A store that has none yet, or another program that only begins.
    @Test func nobodyMakesATableWhileTheyAreCleared() throws {
        try driver.sync(.full, api)
        for isFolder in [false, true] {
            if isFolder { _ = try driver.projector().rebuild() }
            let cleared = try ClearedProjections(driver.projections, names: ["os"])
            #expect(cleared != nil)
            let projector = try driver.projector()
            #expect(try projector.rebuild() == nil)
            #expect(try !projector.catchUp())
            #expect(!TemporaryFolder.names(driver.projections).contains { $0.hasPrefix("os-") })
            withExtendedLifetime(cleared) {}
        }
        #expect(try driver.projector().catchUp())
        let holder = LockHolder(driver.projections, "os.building")
        #expect(try ClearedProjections(driver.projections, names: ["os"]) == nil)
        withExtendedLifetime(holder) {}
    }
}
