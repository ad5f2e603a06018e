import FaultyDisk
import Glibc
import LMDB
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

    /// As the log is opened for a sync: without a word about it.
    @Test func whatAnEngineCommitsIsOnTheDiskBeforeItsRequestsLeave() throws {
        var plan = SimulationScenario.calm.plan(seed: 2)
        plan.isSynced = true
        let result = try Simulator(plan, disk: .interposed).run()
        #expect(result.coverage[.syncedCommit] > 10)
    }
}
