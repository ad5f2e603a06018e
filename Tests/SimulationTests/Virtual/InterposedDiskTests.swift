import EventLog
import FaultyDisk
import Glibc
import LMDB
import Projections
import SyncCore
import SyncEngine
import Testing

@testable import Simulation

/// Calls that change files fail when they are told to, LMDB's own among them.
@Suite struct InterposedDiskTests {
    private let disk = DiskFaults.interposed
    private let folder: ScratchFolder
    private var path: String { "\(folder.path)/environment" }

    init() throws {
        folder = try ScratchFolder("disk")
        try Environment.create(path) { transaction throws(LMDBError) in
            _ = try transaction.createDatabase("values")
        }
    }

    /// Commits one value more.
    private func add(_ key: UInt8) throws {
        let environment = try Environment.open(path)
        let transaction = try environment.beginWrite()
        try transaction.put(try transaction.database("values"), [key], [key])
        try transaction.commit()
    }

    private func holds(_ key: UInt8) throws -> Bool {
        let transaction = try Environment.open(path).beginRead()
        return try transaction.value(try transaction.database("values"), [key]) != nil
    }

    private func arm(_ at: Int, _ error: Int32, goesOn: Bool = false, tears: Bool = false) {
        disk.arm(DiskFaults.Failure(at: at, error: error, goesOn: goesOn, tears: tears))
    }

    @Test func aCommitThatFailsAtAnyOfItsCallsLeavesNothing() throws {
        arm(.max, EIO)
        try add(1)
        let calls = disk.disarm().calls
        #expect(calls >= 3)
        for (error, code) in [(EIO, LMDBError.Code.io), (ENOSPC, .diskFull)] {
            for call in 1...calls {
                arm(call, error, goesOn: true, tears: call % 2 == 0)
                let failure = #expect(throws: LMDBError.self) { try add(2) }
                #expect(disk.disarm().isStruck)
                #expect(failure?.code == code || call % 2 == 0 && failure?.code == .io)
                #expect(try !holds(2), "call \(call)")
                #expect(try holds(1))
            }
        }
        try add(2)
        #expect(try holds(2))
    }

    @Test func onlyTheCallThatIsNamedFailsUnlessItGoesOn() {
        let names = ["a", "b", "c"].map { "\(folder.path)/\($0)" }
        arm(2, ENOSPC)
        #expect(names.map { mkdir($0, 0o700) } == [0, -1, 0])
        #expect(disk.disarm() == DiskFaults.Report(calls: 3, isStruck: true))
        arm(2, EIO, goesOn: true)
        #expect(names.map { rmdir($0) } == [0, -1, -1])
        #expect(errno == EIO)
        #expect(disk.disarm() == DiskFaults.Report(calls: 3, isStruck: true))
        #expect(rmdir(names[2]) == 0)
    }

    @Test func readingCountsForNothing() throws {
        try add(3)
        arm(1, EIO)
        let descriptor = open("\(path)/data.mdb", O_RDONLY)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(disk.disarm() == DiskFaults.Report(calls: 0, isStruck: false))
    }

    @Test func aFileThatCanNotBeReadIsNotTakenForADamagedOne() throws {
        let codes = (1...8).compactMap { call -> LMDBError.Code? in
            disk.arm(
                DiskFaults.Failure(
                    at: call, error: EIO, goesOn: true, tears: false, reads: true))
            defer { _ = disk.disarm() }
            do throws(LMDBError) {
                _ = try Environment.open(path)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(codes.count >= 4)
        #expect(codes.allSatisfy { $0 == .io })
    }

    @Test func aCommitIsOnTheDiskUnlessItNeedNotBe() throws {
        arm(.max, EIO)
        try add(4)
        let full = disk.disarm()
        #expect(full.syncs >= 1)
        #expect(!full.isUnsynced)
        let environment = try Environment.open(
            path, EnvironmentOptions(readOnly: false, durability: .none))
        let transaction = try environment.beginWrite()
        try transaction.put(try transaction.database("values"), [5], [5])
        arm(.max, EIO)
        try transaction.commit()
        let none = disk.disarm()
        #expect(none.syncs == 0)
        #expect(none.isUnsynced)
    }

    /// Both contents of a file whose last write may be lost, in whole or by the sector.
    @Test func aLossOfPowerTakesBackWhatWasNotSynced() throws {
        let file = "\(folder.path)/file"
        let (old, new) = ([UInt8](repeating: 1, count: 1_024), [UInt8](repeating: 2, count: 2_048))
        defer { disk.forget() }
        var found: Set<[UInt8]> = []
        for seed in 0..<60 as Range<UInt64> {
            try write(old, file, O_CREAT | O_TRUNC)
            remember()
            try write(new, file)
            _ = disk.disarm()
            let lost = disk.losePower(seed)
            let content = try bytes(of: file)
            found.insert(content)
            #expect((lost == 0) == (content == new))
            #expect(content.count >= old.count)
        }
        #expect(found.contains(old) && found.contains(new))
        #expect(found.count > 4)
    }

    @Test func whatIsAppendedIsLostAtTheEnd() throws {
        let file = "\(folder.path)/file"
        defer { disk.forget() }
        var found: Set<[UInt8]> = []
        for seed in 0..<20 as Range<UInt64> {
            try write([1, 2], file, O_CREAT | O_TRUNC)
            remember()
            try write([3], file, O_APPEND)
            try write([4], file, O_APPEND)
            _ = disk.disarm()
            _ = disk.losePower(seed)
            found.insert(try bytes(of: file))
        }
        #expect(found == [[1, 2], [1, 2, 3], [1, 2, 0, 4], [1, 2, 3, 4]])
    }

    @Test func whatIsSyncedOutlivesALossOfPower() throws {
        let file = "\(folder.path)/file"
        try write([0, 0, 0], file, O_CREAT)
        defer { disk.forget() }
        for seed in 0..<20 as Range<UInt64> {
            remember()
            try write([1, 2, 3], file, isSynced: true)
            try write([4, 5, 6], file, O_DSYNC)
            try add(UInt8(seed))
            _ = disk.disarm()
            // The name of LMDB's lock file at most.
            #expect(disk.losePower(seed) <= 1)
            #expect(try bytes(of: file) == [4, 5, 6])
            #expect(try holds(UInt8(seed)))
        }
    }

    /// A file that is synced may still have no name, and a folder is lost with what is in it.
    @Test(arguments: [false, true]) func aNewNameMayBeLostUntilItsFolderIsSynced(
        isSynced: Bool
    ) throws {
        let (first, second) = ("\(folder.path)/first", "\(folder.path)/second")
        defer { disk.forget() }
        var found: Set<[Bool]> = []
        for seed in 0..<40 as Range<UInt64> {
            remember()
            #expect(mkdir(first, 0o700) == 0)
            try write([1], "\(first)/file", O_CREAT, isSynced: true)
            if isSynced { sync(first) }
            #expect(rename(first, second) == 0)
            if isSynced { sync(folder.path) }
            _ = disk.disarm()
            _ = disk.losePower(seed)
            let paths = [first, second, "\(first)/file", "\(second)/file"]
            found.insert(paths.map { access($0, F_OK) == 0 })
            FileSystem.remove(first)
            FileSystem.remove(second)
        }
        let whole = [false, true, false, true]
        let lost = [
            [false, false, false, false], [true, false, false, false], [true, false, true, false],
        ]
        #expect(found == Set(isSynced ? [whole] : lost + [whole]))
    }

    /// Names that change places have done so for good once their folder is synced.
    @Test(arguments: [false, true]) func anExchangeMayBeLostUntilItsFolderIsSynced(
        isSynced: Bool
    ) throws {
        let names = ["first", "second"].map { "\(folder.path)/\($0)" }
        defer { disk.forget() }
        var found: Set<[UInt8]> = []
        for seed in 0..<20 as Range<UInt64> {
            for (number, name) in names.enumerated() {
                mkdir(name, 0o700)
                try write([UInt8(number)], "\(name)/file", O_CREAT | O_TRUNC)
            }
            disk.remember()
            // The second call is the sync.
            arm(isSynced ? .max : 2, EIO)
            let result = Result { () throws(LMDBError) in
                try Environment.exchange(names[0], with: names[1])
            }
            #expect(disk.disarm().isStruck != isSynced)
            if case .failure = result { #expect(!isSynced) }
            _ = disk.losePower(seed)
            found.insert(try names.flatMap { try bytes(of: "\($0)/file") })
        }
        #expect(found == (isSynced ? [[1, 0]] : [[0, 1], [1, 0]]))
    }

    /// LMDB copies by a thread of its own, whose calls are those of whoever asked for the copy.
    @Test func aCopyThatFailsAtAnyOfItsCallsChangesNothing() throws {
        try add(1)
        let environment = try Environment.open(path)
        arm(.max, EIO)
        try environment.replaceByCompacted()
        let report = disk.disarm()
        #expect(!report.isUnsynced)
        #expect(report.calls >= 8)
        #expect(try holds(1))
        for call in 1..<report.calls {
            let environment = try Environment.open(path)
            arm(call, EIO, goesOn: true)
            let failure = Result { () throws(LMDBError) in try environment.replaceByCompacted() }
            #expect(disk.disarm().isStruck)
            if case .success = failure { #expect(call > 5, "call \(call)") }
            #expect(try holds(1), "call \(call)")
            FileSystem.remove("\(path).new-\(getpid())")
        }
    }

    private func sync(_ folder: String) {
        let descriptor = open(folder, O_RDONLY)
        #expect(fsync(descriptor) == 0)
        close(descriptor)
    }

    /// The last thing that is done is to sync the folder that has the new name.
    @Test func aStoreWhoseMakingFailsAtItsLastCallIsToldAndDurableOnceItIsOpened() throws {
        defer { disk.forget() }
        let first = try folder.make("first")
        arm(.max, EIO)
        try EventLog.create(store: first)
        let calls = disk.disarm().calls
        for seed in 0..<10 as Range<UInt64> {
            let store = try folder.make("store\(seed)")
            disk.remember()
            arm(calls, EIO)
            #expect(throws: EventLogError.self) { try EventLog.create(store: store) }
            #expect(disk.disarm().isStruck)
            arm(.max, EIO)
            _ = try EventLog.open(store: store, .write)
            _ = disk.disarm()
            _ = disk.losePower(seed)
            #expect(StoreFolder(store).exists)
        }
    }

    private func remember() {
        disk.remember()
        arm(.max, EIO)
    }

    private func write(
        _ bytes: [UInt8], _ file: String, _ flags: Int32 = 0, isSynced: Bool = false
    ) throws {
        let descriptor = open(file, O_WRONLY | flags, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        if isSynced { #expect(fsync(descriptor) == 0) }
    }

    private func bytes(of file: String) throws -> [UInt8] {
        let descriptor = open(file, O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 10_000)
        return Array(bytes[..<read(descriptor, &bytes, bytes.count)])
    }

    /// As the log is opened for a sync: without a word about it.
    @Test func whatAnEngineCommitsIsOnTheDiskBeforeItsRequestsLeave() throws {
        var plan = SimulationScenario.calm.plan(seed: 2)
        plan.isSynced = true
        let result = try Simulator(plan, disk: .interposed).run()
        #expect(result.coverage[.syncedCommit] > 10)
    }

    @Test func aRebuiltProjectionIsOnTheDiskBeforeItIsInUse() throws {
        let machine = try VirtualMachine(
            SimulationScenario.calm.plan(seed: 2), store: try folder.make("store"), disk: disk)
        _ = try machine.invoke(.incremental, RunOptions())
        defer { disk.forget() }
        func follow(_ body: (RecordProjector) throws -> Void) throws -> Int? {
            try machine.withLog { log, _ in
                let projector = try RecordProjector(
                    machine.projection, folder: machine.projections, log: log)
                try body(projector)
                return try projector.standing()?.generation
            }
        }
        var last = try follow { _ = try $0.rebuild() }
        for seed in 0..<10 as Range<UInt64> {
            remember()
            let rebuilt = try follow { _ = try $0.rebuild() }
            _ = disk.disarm()
            machine.stop()
            _ = disk.losePower(seed)
            #expect(rebuilt != last)
            last = try follow { _ = try $0.catchUp() }
            #expect(last == rebuilt)
        }
    }
}
