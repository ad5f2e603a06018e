import EventLog
import Glibc
import LMDB
import Records
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

@Suite struct ProjectorTests {
    private let driver: StoreDriver
    private var api = FakeAPI(1...12)

    init() throws {
        driver = try StoreDriver()
        api.amounts = [1: ["1.50"], 2: ["2.250", "0.1"], 3: ["-4"], 4: []]
        for id in 5...12 { api.amounts[id] = ["10.00"] }
    }

    @Test func rowsHaveTheCoreRowAndTheMappedColumns() throws {
        try driver.sync(.full, api)
        let contents = try Contents(try driver.projector())
        let mapping = try RecordProjection.os().mapping
        #expect(contents.rows.count == 12)
        #expect(contents.position == driver.control.position)
        for row in contents.rows {
            #expect(row.core == driver.rows[row.core.ordinal])
        }
        #expect(contents.column(0, mapping).first == .text("c1-1"))
        #expect(contents.column(1, mapping).first == .integer("1"))
        let totals = contents.column(2, mapping).prefix(4).map { value -> String in
            if case .decimal(let decimal) = value { decimal.description } else { "\(value)" }
        }
        #expect(totals == ["1.50", "2.350", "-4", "0"])
        #expect(contents.sum == "79.850")
        #expect(contents.summed == 12)
    }

    @Test func withoutDetailsThereIsNoTotal() throws {
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        let contents = try Contents(try driver.projector())
        #expect(contents.sum == "0")
        #expect(contents.summed == 0)
        #expect(contents.rows.allSatisfy { !$0.core.detailsSynced && $0.fromDetail == nil })
    }

    @Test func whereNoColumnIsSummedThereIsNoTotal() throws {
        try driver.sync(.full, api)
        let mapping = try ColumnMapping([
            ColumnMapping.Column(
                name: "customer", source: .value(try JSONPointer("/customer")), type: .text)
        ])
        let contents = try Contents(
            driver.projector(RecordProjection(name: "os", mapping: mapping)))
        #expect(contents.rows.count == 12)
        #expect(contents.sum == nil)
        #expect(contents.summed == nil)
    }

    @Test(arguments: [true, false])
    func theTotalIsKnownAsItWasAfterAnyEvent(isCaughtUpBetween: Bool) throws {
        var api = api
        let projector = try driver.projector()
        var sums: [(position: Position, sum: String?, records: UInt64?)] = []
        for round in 1...4 {
            for id in 1...5 {
                api.headers[id] = round
                api.details[id] = round
                api.amounts[id] = ["\(round * id).5"]
            }
            if round == 3 { for id in 1...12 { api.amounts[id] = [] } }
            try driver.sync(.full, api)
            sums.append((driver.control.position, nil, nil))
            if isCaughtUpBetween { try projector.catchUp() }
        }
        // Each folded by itself, up to there.
        for index in sums.indices {
            let other = try StoreDriver()
            try other.copy(driver.events.filter { $0.position <= sums[index].position })
            let contents = try Contents(try other.projector())
            (sums[index].sum, sums[index].records) = (contents.sum, contents.summed)
        }
        #expect(Set(sums.map(\.sum)).count == 4)
        try projector.read { reader in
            for (position, sum, records) in sums {
                let total = try reader.total(at: position)
                #expect(total?.sum == sum)
                #expect(total?.records == records)
            }
            let empty = try reader.total(at: .none)
            #expect(empty?.sum == "0")
        }
        try projector.read { reader in
            let all = try reader.totals(after: .none, atMost: .max)
            #expect(all.count >= 4)
            for (position, sum, records) in all {
                let total = try reader.total(at: position)
                let before = try reader.total(at: Position(position.rawValue - 1))
                #expect(total?.sum == sum && total?.records == records)
                #expect(before?.sum != sum || before?.records != records)
            }
            // In pieces it is the same.
            var pieces: [Position] = []
            while case let piece = try reader.totals(after: pieces.last ?? .none, atMost: 3),
                !piece.isEmpty
            {
                #expect(piece.count <= 3)
                pieces += piece.map(\.position)
            }
            #expect(pieces == all.map(\.position))
        }
    }

    /// Streams number their records each for itself.
    @Test func recordsOfAnotherStreamAreNotTakenForItsOwn() throws {
        try driver.sync(.full, api)
        let projector = try driver.projector()
        let before = try Contents(projector)
        let other = StreamID(2)
        try driver.feed(.streamDeclared(StreamDeclared(stream: other, name: "orders")))
        let requested = RunRequested(
            mode: .full, options: RunOptions(), policy: .small, seed: 7,
            requester: Requester(pid: 1, host: "host", user: "user"))
        try driver.feed(.runRequested(requested), stream: other)
        try driver.feed(nil)
        try driver.finish(with: FakeAPI(101...105))
        #expect(driver.control[other].counts.synced == 5)
        let after = try Contents(projector)
        #expect(after.position == driver.control.position)
        #expect(after.rows == before.rows)
        #expect(after.sum == before.sum)
    }

    @Test func theTotalIsExactThroughChangesInBothDirections() throws {
        var api = api
        let projector = try driver.projector()
        try driver.sync(.full, api)
        #expect(try Contents(projector).sum == "79.850")
        // The only addend with three digits goes, so does the third digit.
        api.amounts[2] = ["7"]
        api.headers[2] = 2
        api.details[2] = 2
        try driver.sync(.full, api)
        #expect(try Contents(projector).sum == "84.50")
        // A change that moves nothing but the notation.
        api.amounts[3] = ["-4.0000"]
        api.headers[3] = 2
        api.details[3] = 2
        try driver.sync(.full, api)
        #expect(try Contents(projector).sum == "84.5000")
        #expect(try Contents(projector) == driver.fromScratch())
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func foldingInAnyPiecesGivesWhatFoldingAtOnceGives(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var api = api
        let projector = try driver.projector()
        try driver.sync(.full, api)
        for round in 2..<6 {
            for _ in 0..<4 {
                let id = Int.random(in: 1...12, using: &generator)
                api.headers[id] = round
                api.details[id] = round
                let cents = Int.random(in: -999...999, using: &generator)
                api.amounts[id] = ["\(cents)e-2", "0.\(Int.random(in: 1...9, using: &generator))"]
            }
            api.add(100 + round)
            try driver.request(.full)
            while driver.control.invocation != nil {
                try driver.finish(with: api, steps: Int.random(in: 1...6, using: &generator))
                if Bool.random(using: &generator) { try projector.catchUp() }
            }
        }
        #expect(try Contents(projector) == driver.fromScratch())
    }

    @Test func manyEventsAreFoldedAThousandAtATime() throws {
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 1, concurrency: 1)
        let projector = try driver.projector()
        try projector.catchUp()
        let before = driver.control.position.rawValue
        try driver.sync(.full, FakeAPI(1...480), policy: policy)
        #expect(driver.events.count > 1_000)
        var told: [UInt64] = []
        try projector.catchUp { position, end in
            told.append(position.rawValue)
            #expect(end == driver.control.position)
        }
        #expect(told == [before + 1_000, driver.control.position.rawValue])
        #expect(try Contents(projector).rows.count == 480)
        told = []
        try projector.catchUp { position, _ in told.append(position.rawValue) }
        #expect(told == [], "nothing is new")
    }

    @Test func anotherMappingRebuildsIntoANewGeneration() throws {
        try driver.sync(.full, api)
        let old = try driver.projector()
        try old.catchUp()
        let new = try driver.projector(.os(customer: "/id"))
        #expect(try new.standing()?.isStale == true)
        let contents = try Contents(new)
        #expect(contents.column(0, new.projection.mapping).first == .text("1"))
        let standing = try #require(try new.standing())
        #expect(standing.generation == 2)
        #expect(!standing.isStale)
        #expect(standing.rows == 12)
        #expect(
            TemporaryFolder.names(driver.projections)
                == ["lock", "os-1", "os-2", "os.building", "os.current"])
    }

    /// Each addend may have 4,096 digits; the sum has one more.
    @Test func aSumThatIsLongerThanAnyNumberIsReadAgain() throws {
        var api = api
        api.amounts[1] = ["9e4095", "9e4095"]
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        #expect(try Contents(driver.projector()) == driver.fromScratch())
        #expect(try Contents(driver.projector()).sum?.utf8.count ?? 0 >= 4_097)
        api.amounts[1] = ["1"]
        api.headers[1] = 2
        api.details[1] = 2
        try driver.sync(.full, api)
        #expect(try Contents(driver.projector()) == driver.fromScratch())
        #expect(try Contents(driver.projector()).sum?.utf8.count ?? 0 < 100)
    }

    @Test func whatKilledRebuildsLeftIsRemovedBeforeTheNextOne() throws {
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        for generation in 2...3 {
            let path = "\(driver.projections)/os-\(generation)"
            mkdir(path, 0o700)
            mkdir("\(path).work", 0o700)
            Bytes.write(Bytes.read("\(driver.projections)/os-1/data.mdb"), "\(path)/data.mdb")
        }
        var during: [String] = []
        try driver.projector().rebuild { _, _ in
            during = TemporaryFolder.names(driver.projections)
        }
        #expect(
            during == ["lock", "os-1", "os-4", "os-4.work", "os.building", "os.current"])
        #expect(
            TemporaryFolder.names(driver.projections)
                == ["lock", "os-1", "os-4", "os.building", "os.current"])
    }

    @Test func aReaderHasTheStateThatItsRowsBelongTo() throws {
        var api = api
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        api.add(20)
        try driver.sync(.incremental, api)
        let holder = LockHolder(driver.projections)
        try projector.read { reader in
            #expect(reader.position == driver.control.position)
            #expect(reader.control == driver.control)
        }
        withExtendedLifetime(holder) {}
    }

    @Test func deletingTheFolderIsSafeEvenWhileItIsOpen() throws {
        try driver.sync(.full, api)
        let projector = try driver.projector()
        let before = try Contents(projector)
        TemporaryFolder.remove(driver.projections)
        #expect(try Contents(projector) == before)
        TemporaryFolder.remove(driver.projections)
        #expect(try Contents(try driver.projector()) == before)
    }

    /// The generation made anew has the number of the one that is gone.
    @Test func aFolderThatAnotherMadeAnewIsTheOneInUse() throws {
        var api = api
        try driver.sync(.full, api)
        let ours = try driver.projector()
        let before = try Contents(ours)
        TemporaryFolder.remove(driver.projections)
        let theirs = try driver.projector()
        try theirs.catchUp()
        #expect(try theirs.standing()?.generation == 1)
        #expect(try Contents(theirs) == before)

        api.add(50)
        try driver.sync(.incremental, api)
        try ours.catchUp()
        let onDisk = try driver.projector()
        #expect(try onDisk.standing()?.position == driver.control.position)
    }

    @Test func onlyAGenerationThatIsGoneIsRebuilt() throws {
        try driver.sync(.full, api)
        let before = try Contents(try driver.projector())
        TemporaryFolder.remove("\(driver.projections)/os-1")
        #expect(try Contents(try driver.projector()) == before)
        // What is named as in use is not what is being made.
        #expect(try driver.projector().standing()?.generation == 2)
    }

    @Test(arguments: ["", "seven", "99", "1\n2", "9223372036854775807", "-3"])
    func aNoteOfTheGenerationInUseThatIsWrongIsMended(text: String) throws {
        try driver.sync(.full, api)
        let before = try Contents(try driver.projector())
        Bytes.write(Array(text.utf8), "\(driver.projections)/os.current")
        #expect(try Contents(try driver.projector()) == before)
        #expect(try driver.projector().standing()?.isStale == false)
    }

    @Test func oneThatIsAheadOfTheLogIsRebuilt() throws {
        try driver.sync(.full, api)
        _ = try Contents(try driver.projector())
        // As if an older backup of the log alone had been restored.
        let restored = try StoreDriver()
        try restored.sync(.full, FakeAPI(1...3))
        let projector = try RecordProjector(.os(), folder: driver.projections, log: restored.log)
        #expect(try projector.standing()?.isStale == true)
        #expect(try Contents(projector) == restored.fromScratch())
    }

    /// A longer log than the one that was folded, with other events in it.
    @Test func oneOfAnotherLogIsRebuilt() throws {
        try driver.sync(.full, FakeAPI(1...3))
        _ = try Contents(try driver.projector())
        let folded = driver.control.position
        let other = try StoreDriver()
        other.now = LogTime(nanoseconds: other.now.rawValue + 1)
        try other.sync(.full, api)
        #expect(other.control.position > folded)
        let projector = try RecordProjector(.os(), folder: driver.projections, log: other.log)
        #expect(try projector.standing()?.isStale == true)
        #expect(try Contents(projector) == other.fromScratch())
        #expect(try projector.standing()?.isStale == false)
    }

    /// Rows that aren't those of the events before the checkpoint, whatever it says.
    @Test func oneWhoseRowsAreMissingIsRebuilt() throws {
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        _ = try Contents(try driver.projector())
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            try transaction.clear(rows)
        }
        try driver.sync(.detailsOnly, api)
        #expect(try Contents(try driver.projector()) == driver.fromScratch())
        #expect(try driver.projector().standing()?.generation == 2)
    }

    /// A process that has no descriptor left can't read it, and has no reason to make another.
    @Test func wantOfDescriptorsIsNoReasonToRebuild() async throws {
        try driver.sync(.full, api)
        _ = try Contents(try driver.projector())
        await #expect(processExitsWith: .success) {
            [store = driver.folder.path as String, folder = driver.projections as String] in
            let log = try EventLog.open(store: store, .write, durability: .none)
            let projector = try RecordProjector(.os(), folder: folder, log: log)
            // One is left for the lock, and one for the note of the generation in use.
            var taken: [Int32] = []
            while true {
                let descriptor = open("/dev/null", O_RDONLY)
                if descriptor < 0 { break }
                taken.append(descriptor)
            }
            for descriptor in taken.suffix(2) { close(descriptor) }
            do {
                try projector.catchUp()
                exit(1)
            } catch ProjectionError.storage {
                exit(TemporaryFolder.names(folder).contains("os-2") ? 2 : 0)
            } catch {
                exit(3)
            }
        }
        #expect(try driver.projector().standing()?.generation == 1)
    }

    // MARK: Another process writes

    @Test func whileAnotherProcessWritesTheTailIsFoldedInMemory() throws {
        var api = api
        try driver.sync(.full, api)
        let projector = try driver.projector()
        try projector.catchUp()
        let folded = try #require(try projector.standing()).position
        api.amounts[1] = ["100"]
        api.headers[1] = 2
        api.details[1] = 2
        for id in 20...22 {
            api.add(id)
            api.amounts[id] = ["1"]
        }
        try driver.sync(.full, api)
        do {
            let holder = LockHolder(driver.projections)
            #expect(try !projector.catchUp())
            #expect(try Contents(projector) == driver.fromScratch())
            #expect(try projector.standing()?.position == folded)
            withExtendedLifetime(holder) {}
        }
        #expect(try projector.catchUp())
        #expect(try projector.standing()?.position == driver.control.position)
        #expect(try Contents(projector) == driver.fromScratch())
    }

    @Test func whileAnotherProcessBuildsTheFirstGenerationThereIsNothingToRead() throws {
        try driver.sync(.full, api)
        let projector = try driver.projector()
        let holder = LockHolder(driver.projections)
        do {
            _ = try projector.read(isPatient: false) { $0.position }
            Issue.record("there was something to read")
        } catch ProjectionError.unfinished(let projection) {
            #expect(projection == "os")
        }
        withExtendedLifetime(holder) {}
    }

    /// Where nothing can be written, what is there is read, and the rest folded in memory.
    @Test func whereTheLockCantBeTakenTheTailIsFoldedInMemory() throws {
        var api = api
        try driver.sync(.full, api)
        try driver.projector().catchUp()
        api.add(20)
        try driver.sync(.incremental, api)
        unlink("\(driver.projections)/lock")
        mkdir("\(driver.projections)/lock", 0o700)
        #expect(try Contents(driver.projector()) == driver.fromScratch())
    }

    @Test func aTextThatWasRedactedHasNoValues() throws {
        try driver.sync(.full, api)
        let page = try #require(driver.events.first { $0.event.type == .pageFetched })
        let details = try #require(driver.events.first { $0.event.type == .detailsFetched })
        for position in [page.position, details.position] {
            let key = withUnsafeBytes(of: position.rawValue.bigEndian) { Array($0) }
            try driver.tamper("events") { transaction, events throws(LMDBError) in
                let value = try transaction.value(events, key) ?? []
                var redacted: [UInt8] = []
                let coder = EventCoder()
                value.withUnsafeBytes { try? coder.redact([0], position, $0, into: &redacted) }
                try transaction.put(events, key, redacted)
            }
        }
        let contents = try Contents(driver.projector())
        #expect(contents.rows.count == 12)
        #expect(contents.rows.filter { $0.fromHeader == nil }.map(\.core.id.text) == ["1"])
        #expect(contents.rows.count { $0.fromDetail == nil } == 1)
        #expect(contents.summed == 11)
    }

    /// What is folded twice charges an attempt twice; the end of the attempts would hide it.
    @Test func foldingAfterEachStepGivesWhatTheLogSaysThen() throws {
        var api = api
        api.poison = [3, 7]
        api.missing = [9]
        let projector = try driver.projector()
        try driver.request(.full)
        while driver.control.invocation != nil {
            try driver.finish(with: api, steps: 1)
            for row in try Contents(projector).rows {
                #expect(row.core == driver.rows[row.core.ordinal])
            }
        }
        let contents = try Contents(projector)
        #expect(contents == (try driver.fromScratch()))
        #expect(contents.rows.filter { $0.core.attempts == 5 }.count == 3)
    }

    @Test func aTailOverAProjectionWithoutRowsShowsAllThatIsNew() throws {
        let projector = try driver.projector()
        try projector.catchUp()
        #expect(try projector.standing()?.rows == 0)
        try driver.sync(.full, api)
        let holder = LockHolder(driver.projections)
        let contents = try Contents(projector)
        #expect(contents.rows.count == 12)
        #expect(contents == (try driver.fromScratch()))
        withExtendedLifetime(holder) {}
    }
}
