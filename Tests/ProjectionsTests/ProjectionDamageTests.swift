import EventLog
import Glibc
import LMDB
import Records
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// Whatever happens to a projection, the log has it all.
@Suite struct ProjectionDamageTests {
    private let driver: StoreDriver
    private var api = FakeAPI(1...30)
    private let before: Contents

    init() throws {
        driver = try StoreDriver()
        for id in 1...30 { api.amounts[id] = ["\(id).5"] }
        try driver.sync(.full, api)
        before = try Contents(try driver.projector())
    }

    private var file: String { "\(driver.projections)/os-1/data.mdb" }

    @Test(arguments: [0, 100, 4_096, 8_192, 12_288])
    func aFileThatWasCutIsRebuilt(length: Int) throws {
        Bytes.write(Array(Bytes.read(file).prefix(length)), file)
        #expect(try Contents(try driver.projector()) == before)
    }

    @Test func aFileOfSomethingElseIsRebuilt() throws {
        Bytes.write([UInt8](repeating: 0x42, count: 40_000), file)
        #expect(try Contents(try driver.projector()) == before)
    }

    private func storedCheckpoint() throws -> [UInt8] {
        var stored: [UInt8]?
        try driver.tamper(generation: 1, "meta") { transaction, meta throws(LMDBError) in
            stored = try transaction.value(meta, Array("checkpoint".utf8))
        }
        return try #require(stored)
    }

    private func store(_ checkpoint: [UInt8]) throws {
        try driver.tamper(generation: 1, "meta") { transaction, meta throws(LMDBError) in
            try transaction.put(meta, Array("checkpoint".utf8), checkpoint)
        }
    }

    @Test func anyBitOfACheckpointThatTurnedIsNoticed() throws {
        let whole = try storedCheckpoint()
        #expect(Checkpoint(encoded: whole)?.encoded == whole)
        for bit in 0..<(whole.count * 8) {
            var turned = whole
            turned[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(Checkpoint(encoded: turned) == nil, "bit \(bit)")
        }
        for length in 0..<whole.count {
            #expect(Checkpoint(encoded: Array(whole[..<length])) == nil)
        }
    }

    @Test func aCheckpointThatIsMissingOrDamagedIsRebuilt() throws {
        var turned = try storedCheckpoint()
        turned[turned.count / 2] ^= 16
        try store(turned)
        #expect(try Contents(try driver.projector()) == before)
        #expect(try driver.projector().standing()?.generation == 2)
        try driver.tamper(generation: 2, "meta") { transaction, meta throws(LMDBError) in
            try transaction.clear(meta)
        }
        #expect(try Contents(try driver.projector()) == before)
    }

    /// A page that stands where another one should is sound by itself.
    @Test(arguments: [0, 6, 29] as [UInt8])
    func aRowThatIsMissingIsNoticed(ordinal: UInt8) throws {
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            try transaction.delete(rows, [0, 0, 0, ordinal])
        }
        #expect(throws: ProjectionError.self) { try Contents(driver.projector()) }
        try driver.projector().rebuild()
        #expect(try Contents(driver.projector()) == before)
    }

    @Test func anyByteOfARowThatWasChangedIsNoticed() throws {
        var whole: [UInt8]?
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            whole = try transaction.value(rows, [0, 0, 0, 6])
        }
        let row = try #require(whole)
        for index in row.indices {
            var turned = row
            turned[index] ^= 1
            let found = turned.withUnsafeBytes {
                RecordViewCoder.decode(Ordinal(6), $0, columns: 3)
            }
            #expect(found == nil, "byte \(index)")
        }
        let moved = row.withUnsafeBytes { RecordViewCoder.decode(Ordinal(7), $0, columns: 3) }
        #expect(moved == nil)
    }

    /// The next event about a damaged row finds it; from then on the log stands in.
    @Test func aRowThatCantBeReadIsRebuiltWhenItIsFoldedOn() throws {
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            try transaction.put(rows, [0, 0, 0, 6], [1, 2, 3])
        }
        var api = api
        api.headers[7] = 2
        api.details[7] = 2
        try driver.sync(.full, api)
        #expect(try Contents(try driver.projector()) == driver.fromScratch())
    }

    /// A row whose addend was never added: the total would go wrong without a word.
    @Test func aTotalThatContradictsARowIsRebuilt() throws {
        var checkpoint = try #require(Checkpoint(encoded: storedCheckpoint()))
        checkpoint.total = DecimalTotal()
        try store(checkpoint.encoded)
        var api = api
        api.amounts[7] = ["1"]
        api.headers[7] = 2
        api.details[7] = 2
        try driver.sync(.full, api)
        #expect(try Contents(try driver.projector()) == driver.fromScratch())
    }

    @Test func whileARowCantBeReadAReaderIsTold() throws {
        try driver.tamper(generation: 1, "rows") { transaction, rows throws(LMDBError) in
            try transaction.put(rows, [0, 0, 0, 6], [1, 2, 3])
        }
        do {
            _ = try Contents(try driver.projector())
            Issue.record("a damaged row was read")
        } catch {
            #expect("\(error)".contains("ossync projections rebuild os"))
        }
        let projector = try driver.projector()
        #expect(try projector.rebuild() != nil)
        #expect(try Contents(projector) == before)
    }

    @Test func aRebuildThatWasKilledLeavesTheOldGenerationInUse() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [store = driver.folder.path as String, folder = driver.projections as String] in
            let log = try EventLog.open(store: store, .write, durability: .none)
            var projection = try RecordProjection.os()
            projection.notedEvents = 10
            let projector = try RecordProjector(projection, folder: folder, log: log)
            try projector.rebuild { position, end in
                if position.rawValue > end.rawValue / 2 { kill(getpid(), SIGKILL) }
            }
        }
        #expect(TemporaryFolder.names(driver.projections).contains("os-2.work"))
        let projector = try driver.projector()
        #expect(try Contents(projector) == before)
        #expect(try projector.standing()?.generation == 1)
        // What came meanwhile is folded too.
        var api = api
        api.add(31)
        try driver.sync(.incremental, api)
        let end = driver.control.position
        var told: [Position] = []
        let rebuilt = try projector.rebuild { position, _ in told.append(position) }
        #expect(rebuilt?.generation == 2)
        #expect(rebuilt?.kept == 1)
        #expect(told.first.map { $0.rawValue > end.rawValue / 2 } ?? false, "it goes on")
        #expect(try Contents(projector) == driver.fromScratch())
        #expect(try Contents(projector).rows.count == 31)
        #expect(
            TemporaryFolder.names(driver.projections)
                == ["lock", "os-1", "os-2", "os.building", "os.current"])
    }

    @Test(arguments: ["sort", "totals", "progress"])
    func workThatWasSpoiledIsDoneAnew(file: String) async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [store = driver.folder.path as String, folder = driver.projections as String] in
            let log = try EventLog.open(store: store, .write, durability: .none)
            let projector = try RecordProjector(.os(), folder: folder, log: log)
            try projector.rebuild { _, _ in kill(getpid(), SIGKILL) }
        }
        let path = "\(driver.projections)/os-2.work/\(file)"
        var bytes = Bytes.read(path)
        if !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
        Bytes.write(bytes, path)
        let projector = try driver.projector()
        try projector.rebuild()
        #expect(try Contents(projector) == before)
    }

    /// What ails the machine would ail the next generation too.
    @Test(
        arguments: [
            (.corrupted, true), (.truncated, true), (.notAnEnvironment, true),
            (.versionMismatch, true), (.notFound, true), (.diskFull, false), (.io, false),
            (.permission, false), (.readersFull, false), (.mapFull, false), (.busy, false),
        ] as [(LMDBError.Code, Bool)])
    func onlyDamageIsMendedByARebuild(code: LMDBError.Code, isDamage: Bool) {
        let error = LMDBError(code, operation: "read", path: "/store")
        #expect(ProjectionError.storage(error).isDamage == isDamage)
    }

    @Test func whatIsWrongWithTheLogOrTheSystemIsNoDamageOfTheProjection() {
        let elsewhere: [ProjectionError] = [
            .log(.foreignTail(path: "/store", expected: .none, found: .none)),
            .fold(projection: "os", position: Position(3), reason: "a number"),
            .unfinished(projection: "os"),
            .system(operation: "write", path: "/store", reason: "no descriptor"),
        ]
        for error in elsewhere { #expect(!error.isDamage) }
        #expect(ProjectionError.damaged(projection: "os", reason: "a row").isDamage)
        let noRow = ProjectionError.noRow(
            projection: "os", position: Position(3), ordinal: Ordinal(1))
        #expect(noRow.isDamage)
    }

    @Test func aDamagedLogIsNoReasonToRebuild() throws {
        var api = api
        api.add(40)
        try driver.sync(.incremental, api)
        let last = driver.control.position
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            var key: [UInt8] = []
            withUnsafeBytes(of: last.rawValue.bigEndian) { key.append(contentsOf: $0) }
            try transaction.put(events, key, [1, 2, 3])
        }
        do {
            try driver.projector().catchUp()
            Issue.record("a damaged event was folded")
        } catch ProjectionError.log(.corrupt(_, let position, _)) {
            #expect(position == last)
        }
        #expect(try driver.projector().standing()?.generation == 1)
    }
}
