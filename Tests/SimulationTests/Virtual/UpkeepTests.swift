import EventLog
import FaultyDisk
import Glibc
import LMDB
import SyncCore
import Testing

@testable import Simulation

/// Old events go to the archive and texts are taken out between syncs, whatever dies at that; and
/// what should not have happened is found.
@Suite struct UpkeepTests {
    private static func plan(_ overrides: [(String, Double)] = []) -> SimulationPlan {
        let small = [
            ("records", 8.0), ("faults.poisonIDs", 0), ("faults.missingIDs", 0), ("pageSize", 5),
            ("compactions", 2), ("redactions", 2),
        ]
        return SimulationScenario.exhaustive.plan(seed: 1).setting(
            (small + overrides).map { SimulationOverride($0.0, $0.1) })
    }

    @Test func seedsViolateNothing() {
        var report = SimulationReport()
        // The last two die where few do: before a new name is synced, and after the event.
        for seed in Array(1...12) + [19, 42] as [UInt64] {
            let job = SimulationJob(seed: seed, scenario: .upkeep)
            let line = report.take(job, job.perform(disk: .interposed))
            #expect(!line.isFailure, "\(line.text)")
        }
        let met: [SimulationCoverage.Kind] = [
            .compacted, .redactionDone, .redactionRepeated, .crashInCopying, .crashInRedacting,
            .foundUnfinished,
        ]
        for kind in met { #expect(report.coverage[kind] > 0, "\(kind)") }
    }

    /// Crashes with and without a loss of power.
    @Test(arguments: [false, true]) func whateverDiesItEndsInTheSame(losesPower: Bool) throws {
        let plan = Self.plan(losesPower ? [("isSynced", 1), ("rebootShare", 1)] : [])
        let run = CrashRun(plan, disk: .interposed)
        let whole = try run.run(crashingAt: [])
        #expect(whole.coverage[.compacted] == 2)
        #expect(whole.coverage[.redactionDone] == 2)
        #expect(whole.coverage[.redactedInArchive] > 0)
        // The later half is compactions and redactions.
        for point in stride(from: whole.points / 2, through: whole.points, by: 7) {
            let result = try run.run(crashingAt: [point])
            let difference = result.difference(from: whole, inFlight: plan.concurrency)
            #expect(difference == nil, "point \(point)")
        }
    }

    private func violations(
        _ tamper: @escaping (Simulator.Rest) throws -> Void
    ) -> [SimulationViolation] {
        var plan = SimulationScenario.calm.plan(seed: 5)
        plan.compactions = 4
        plan.redactions = 2
        return Simulator.violations(plan, tamper)
    }

    @Test func withoutFaultsNothingIsFound() { #expect(violations { _ in }.isEmpty) }

    @Test func aSegmentThatIsGoneIsFound() {
        let found = violations { rest in
            guard let name = try rest.log.archive.names().first else { return }
            try FileSystem.move(
                rest.log.archive.folder(name), to: "\(rest.log.archive.path)/elsewhere")
        }
        #expect(found.contains { $0.invariant == 4 })
    }

    @Test func aSegmentOfWhatAnotherOneHasIsFound() {
        let found = violations { rest in
            guard let name = try rest.log.archive.names().first, name.last > Position(1) else {
                return
            }
            mkdir("\(rest.log.archive.path)/1-1", 0o700)
        }
        #expect(found.contains { $0.invariant == 4 && $0.text.contains("does not begin at 2") })
    }

    /// A killed compaction has copied more than the next one moves; a later one finishes it.
    @Test func aCopyThatGoesFurtherMayOverlapTheOthers() {
        let overrides: [(String, Double)] = [
            ("crashes", 1), ("forgets", 1), ("alerts", 4), ("queueChanges", 1), ("compactions", 3),
            ("wallStepNs", 0), ("serverSkewNs", 0), ("startNs", 1_767_225_600e9),
            ("retryAfter", 0), ("tokenChanges", 1), ("faults.noRecords", 0),
            ("faults.repeatedRow", 0), ("identities", 0), ("records", 30), ("appended", 5),
            ("pageSize", 15), ("crashGap", 43),
        ]
        var report = SimulationReport()
        let job = SimulationJob(
            seed: 228, overrides: overrides.map { SimulationOverride($0.0, $0.1) })
        let line = report.take(job, job.perform(disk: .interposed))
        #expect(!line.isFailure, "\(line.text)")
        #expect(report.coverage[.compactionFinished] > 0)
    }

    @Test func whatAnotherProcessWasMakingMustBeGone() {
        let found = violations { rest in
            mkdir("\(rest.log.path).new-5000000", 0o700)
        }
        #expect(found.contains { $0.invariant == 4 && $0.text.contains("log.new-5000000") })
    }

    @Test func anEventThatIsInBothIsFound() {
        let found = violations { rest in
            guard try rest.log.snapshot().archivedThrough() != .none else { return }
            let transaction = try rest.log.environment.beginWrite()
            let events = try transaction.database("events")
            try transaction.put(events, [0, 0, 0, 0, 0, 0, 0, 1], [1])
            try transaction.commit()
        }
        #expect(found.contains { $0.invariant == 4 && $0.text.contains("itself") })
    }

    @Test func anEventThatIsReadOtherwiseIsFound() throws {
        let event = LoggedEvent(
            position: Position(1), time: LogTime(rawValue: 1), stream: .none, run: .none,
            cause: .none, startsStep: true,
            event: .storeBound(StoreBound(apiIdentity: "https://one.example")))
        var account = EventAccount()
        _ = account.take([event])
        let folder = try ScratchFolder("account")
        let store = try folder.make("store")
        try EventLog.create(store: store)
        var violations = Violations()
        try account.compare(with: EventLog.open(store: store, .write), &violations)
        #expect(violations.found.map(\.text).contains { $0.contains("0 events of 1") })
    }
}
