import FaultyDisk
import Glibc
import LMDB
import Projections
import SyncCore
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
            unlink(file)
            remember()
            try write(old, file, O_CREAT, isSynced: true)
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

    @Test func whatIsSyncedOutlivesALossOfPower() throws {
        let file = "\(folder.path)/file"
        defer { disk.forget() }
        for seed in 0..<20 as Range<UInt64> {
            remember()
            try write([1, 2, 3], file, O_CREAT, isSynced: true)
            try write([4, 5, 6], file, O_DSYNC)
            try add(UInt8(seed))
            _ = disk.disarm()
            #expect(disk.losePower(seed) == 0)
            #expect(try bytes(of: file) == [4, 5, 6])
            #expect(try holds(UInt8(seed)))
        }
    }

    @Test func aNewNameIsLostUntilItsFolderIsSynced() throws {
        let (first, second) = ("\(folder.path)/first", "\(folder.path)/second")
        defer { disk.forget() }
        for isSynced in [false, true] {
            #expect(mkdir(first, 0o700) == 0)
            remember()
            #expect(rename(first, second) == 0)
            if isSynced {
                let descriptor = open(folder.path, O_RDONLY)
                fsync(descriptor)
                close(descriptor)
            }
            _ = disk.disarm()
            #expect(disk.losePower(1) == (isSynced ? 0 : 1))
            #expect(access(second, F_OK) == (isSynced ? 0 : -1))
            #expect(rmdir(isSynced ? second : first) == 0)
        }
    }

    /// The last thing that is done is to sync the folder that has the new name.
    @Test func aCreationWhoseLastCallFailsIsToldAndItsNameIsDurableOnceItIsOpened() throws {
        let other = "\(folder.path)/other"
        let create = {
            try Environment.create(other) { transaction throws(LMDBError) in
                _ = try transaction.createDatabase("values")
            }
        }
        defer { disk.forget() }
        arm(.max, EIO)
        try create()
        let calls = disk.disarm().calls
        Environment.removeEnvironment(other)
        disk.remember()
        arm(calls, EIO)
        let failure = #expect(throws: LMDBError.self) { try create() }
        #expect(disk.disarm().isStruck)
        #expect(failure?.code == .io && failure?.operation == "sync folder")
        arm(.max, EIO)
        do {
            let transaction = try Environment.open(other).beginWrite()
            try transaction.put(try transaction.database("values"), [1], [1])
            try transaction.commit()
        }
        _ = disk.disarm()
        #expect(disk.losePower(1) == 0)
        #expect(access("\(other)/data.mdb", F_OK) == 0)
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
        let rebuild = {
            try machine.withLog { log, _ in
                try Projector(machine.projection, folder: machine.projections, log: log).rebuild()
            }
        }
        #expect(try rebuild())
        remember()
        #expect(try rebuild())
        _ = disk.disarm()
        machine.stop()
        #expect(disk.losePower(1) == 0)
    }
}
