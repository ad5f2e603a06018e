import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// How one generation of a projection takes another's place.
@Suite struct GenerationTests {
    private let driver: StoreDriver
    private var api = FakeAPI(1...12)

    init() throws {
        driver = try StoreDriver()
        for id in 1...12 { api.amounts[id] = ["\(id).50"] }
    }

    @Test func oneProcessAtATimeMakesAGeneration() throws {
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        let holder = LockHolder(driver.projections, "os.building")
        #expect(try projector.rebuild() == nil)
        #expect(try projector.catchUp(), "the one in use is folded on meanwhile")
        let other = try driver.projector(.os(customer: "/id"))
        #expect(try !other.catchUp(), "but none that has to be made first")
        withExtendedLifetime(holder) {}
    }

    /// The one in use serves, and follows the log, until the new one is in its place.
    @Test func aRebuildRunsBesideTheOneInUse() throws {
        var api = api
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        api.add(13)
        api.amounts[1] = ["7"]
        api.details[1] = 2
        api.headers[1] = 2
        var isBusy = true
        let rebuilt = try driver.projector().rebuild { _, _ in
            guard isBusy else { return }
            isBusy = false
            do {
                try driver.sync(.full, api)
                #expect(try projector.catchUp())
                #expect(try Contents(projector).rows.count == 13)
            } catch {
                Issue.record(error)
            }
        }
        let result = try #require(rebuilt)
        #expect(result.position == driver.control.position)
        #expect(result.rows == 13)
        #expect(result.comparison?.isEqual == true)
        #expect(try Contents(projector) == driver.fromScratch())
    }

    /// The work of one that was killed is of use only for the same columns, log and boot.
    @Test(arguments: ["columns", "log", "boot"])
    func whatAKilledRebuildLeftIsNotTakenForAnotherPurpose(other: String) throws {
        struct Killed: Error {}
        try driver.sync(.full, api)
        let store = other == "log" ? try StoreDriver() : driver
        if other == "log" { try store.sync(.full, FakeAPI(1...40)) }
        let killed = try RecordProjector(
            .os(), folder: driver.projections, log: store.log, boot: "boot-1")
        // As far as a process comes that is killed before the swap.
        _ = try killed.build { _, _ in }
        #expect(TemporaryFolder.names(driver.projections).contains("os-1.work"))
        let projection = other == "columns" ? try RecordProjection.os(customer: "/id") : try .os()
        let projector = try RecordProjector(
            projection, folder: driver.projections, log: driver.log,
            boot: other == "boot" ? "boot-2" : "boot-1")
        try projector.rebuild()
        let contents = try Contents(projector)
        let fresh = TemporaryFolder()
        let expected = try Contents(
            RecordProjector(projection, folder: fresh.at("projections"), log: driver.log))
        #expect(contents == expected)
        #expect(try projector.standing()?.isStale == false)
    }

    @Test func aRebuildSaysWhatDiffers() throws {
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            try transaction.delete(rows, [0, 0, 0, 11])
            let row = try transaction.value(rows, [0, 0, 0, 3]) ?? []
            try transaction.put(rows, [0, 0, 0, 3], row + [0])
            try transaction.put(rows, [0, 0, 0, 99], row)
        }
        let only = try driver.projector().rebuild(swaps: false)
        var comparison = RowComparison()
        (comparison.added, comparison.removed, comparison.changed) = (1, 1, 1)
        comparison.first = Ordinal(3)
        #expect(only?.comparison == comparison)
        #expect(try driver.projector().standing()?.generation == 1)
        #expect(!TemporaryFolder.names(driver.projections).contains("os-2"))
        let rebuilt = try driver.projector().rebuild()
        #expect(rebuilt?.comparison == comparison)
        #expect(try Contents(driver.projector()) == driver.fromScratch())
    }

    @Test func theOldGenerationIsKeptUntilItIsDropped() throws {
        var api = api
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        #expect(try projector.rollBack() == .nothingKept)
        try projector.rebuild()
        api.add(13)
        try driver.sync(.incremental, api)
        #expect(try projector.generations().map(\.number) == [1, 2])
        #expect(try projector.generations().map(\.isInUse) == [false, true])
        guard case .done(let back) = try projector.rollBack() else {
            Issue.record("there is one to go back to")
            return
        }
        #expect(back.number == 1)
        #expect(try Contents(projector) == driver.fromScratch())
        #expect(try projector.standing()?.generation == 1)
        #expect(try projector.drop() == [2])
        #expect(try projector.generations().map(\.number) == [1])
        try driver.projector(.os(customer: "/id")).catchUp()
        guard case .stale(let old) = try driver.projector(.os(customer: "/id")).rollBack() else {
            Issue.record("one of other columns is put in place")
            return
        }
        #expect(old.number == 1)
        #expect(try Contents(driver.projector()) == driver.fromScratch())
    }

    @Test func whatIsStoredIsVerifiedRowByRow() throws {
        var api = api
        try driver.sync(.full, api)
        api.headers[4] = 2
        api.details[4] = 2
        try driver.sync(.full, api)
        let projector = try driver.projector()
        let clean = try #require(try projector.verify())
        #expect(clean.isClean)
        #expect(clean.rows == 12)
        #expect(clean.position == driver.control.position)
        // A row as it was before its last event, and one that no event made.
        let plain = PlainHistory(events: driver.events)
        let changes = plain.changes(of: Ordinal(3), in: StoreDriver.stream)
        let before = try #require(
            plain.row(of: Ordinal(3), in: StoreDriver.stream, at: changes[changes.count - 2]))
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.put(
                records, [0, 1, 0, 0, 0, 3], RecordRowCoder.encode(before, of: StoreDriver.stream))
        }
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            let other = try transaction.value(rows, [0, 0, 0, 1]) ?? []
            try transaction.put(rows, [0, 0, 0, 7], other)
        }
        let spoiled = try #require(try driver.projector().verify())
        #expect(!spoiled.isClean)
        #expect(spoiled.core.changed == 1)
        #expect(spoiled.coreDifference?.id == RecordID("4"))
        #expect(spoiled.coreDifference?.position == changes.last)
        #expect(spoiled.projection.changed == 1)
        #expect(spoiled.projectionDifference?.id == RecordID("8"))
        #expect(
            spoiled.projectionDifference?.position
                == plain.changes(of: Ordinal(7), in: StoreDriver.stream).first)
        #expect(
            TemporaryFolder.names(driver.projections)
                == ["lock", "os-1", "os.building", "os.current"])
    }

    @Test func aTotalThatIsStoredWrongIsFound() throws {
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        try driver.tamper(generation: 1, "totals") { transaction, totals throws(LMDBError) in
            var cursor = try transaction.cursor(totals)
            let found = try cursor.first()
            #expect(found)
            let key = cursor.key
            try transaction.delete(totals, key)
        }
        let spoiled = try #require(try driver.projector().verify())
        #expect(spoiled.totalsDiffer == 1)
        #expect(spoiled.projection.isEqual)
        #expect(!spoiled.isClean)
    }

    /// A process that is killed after the swap leaves the work beside the one in use.
    @Test func theOneInUseIsNeverTakenForUnfinishedWork() throws {
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        let projector = try driver.projector()
        try projector.rebuild()
        #expect(try projector.standing()?.generation == 2)
        let work = projector.work(2)
        try work.make(
            for: WorkFolder.Purpose(boot: projector.boot, schema: projector.projection.schema))
        #expect(try projector.generations().map(\.number) == [1, 2])
        let contents = try Contents(projector)
        #expect(try driver.projector().rebuild()?.generation == 3)
        #expect(try Contents(driver.projector()) == contents)
        #expect(!work.exists)
    }

    /// The one that is kept is what there is when the one in use can't be read.
    @Test func oneCanGoBackFromAGenerationThatIsDamaged() throws {
        try driver.sync(.full, api)
        // Nothing may have the file open that is cut below.
        let contents = try {
            let projector = try driver.projector()
            try projector.rebuild()
            try projector.rebuild()
            #expect(try projector.generations().map(\.isInUse) == [false, true])
            return try Contents(projector)
        }()
        Bytes.write([1, 2, 3], driver.projections + "/os-2/data.mdb")
        let other = try driver.projector()
        #expect(try other.generations().map(\.number) == [1])
        guard case .done(let back) = try other.rollBack() else {
            Issue.record("there is one to go back to")
            return
        }
        #expect(back.number == 1)
        #expect(try Contents(driver.projector()) == contents)
    }

    @Test func theHistoryGoesOnAfterAKillToo() throws {
        try driver.makeHistory()
        let killed = try HistoryProjector(
            .small, folder: driver.projections, log: driver.log, boot: "boot-1")
        _ = try killed.build { _, _ in }
        let before = driver.control.position
        try driver.sync(.full, FakeAPI(1...90))
        for (boot, goesOn) in [("boot-1", true), ("boot-2", false)] {
            var told: [Position] = []
            let next = try HistoryProjector(
                .small, folder: driver.projections, log: driver.log, boot: boot)
            _ = try next.build { position, _ in told.append(position) }
            #expect((told.first.map { $0 > before } ?? true) == goesOn, "\(boot)")
        }
        let history = try driver.history()
        try history.rebuild()
        let plain = PlainHistory(events: driver.events)
        try history.read { history in
            for position in 0...driver.control.position.rawValue {
                let control = try history.control(at: Position(position))
                #expect(control == plain.control(at: Position(position)))
            }
        }
    }
}
