import EventLog
import FaultyDisk
import LMDB
import SyncCore
import Testing

@testable import Simulation

/// Syncs under a virtual clock hold the design's invariants, and the checker finds what doesn't.
@Suite struct SimulatorTests {
    /// Whether every fault is met, the runner says of its thousands of seeds.
    @Test func seedsViolateNothing() {
        var report = SimulationReport()
        for seed in 1...20 as ClosedRange<UInt64> {
            let job = SimulationJob(seed: seed)
            let line = report.take(job, job.perform(disk: .interposed))
            #expect(!line.isFailure, "\(line.text)")
        }
        #expect(report.coverage.missing.count < SimulationCoverage.Kind.allCases.count / 4)
    }

    @Test(arguments: ERPFault.allCases) func everyFaultOfTheServerIsCounted(fault: ERPFault) {
        #expect(SimulationCoverage.kind(of: fault).rawValue == "\(fault)")
    }

    @Test func aRecordThatCrashesTheProgramIsParkedAndBlocksNoOther() throws {
        var plan = SimulationScenario.calm.plan(seed: 2)
        plan.crashingIDs = [3]
        let result = try Simulator(plan, disk: .interposed).run()
        #expect(result.coverage[.crashByAnswer] == 6)
        #expect(result.coverage[.parkedAsCrashing] == 1)
    }

    @Test func aSeedAlwaysRunsInTheSameWay() throws {
        let first = try Simulator(SimulationPlan(seed: 7), disk: .interposed).run()
        let second = try Simulator(SimulationPlan(seed: 7), disk: .interposed).run()
        let other = try Simulator(SimulationPlan(seed: 8), disk: .interposed).run()
        #expect(first == second)
        #expect(first.head != other.head)
        #expect("\(SimulationPlan(seed: 7))".contains("concurrency: "))
    }

    @Test func aRowThatIsNotTheFoldIsFound() {
        let violations = violations { rest in
            try alter(rest.log, "records") { value in
                value[value.count / 2] ^= 1
            }
        }
        #expect(violations.contains { $0.invariant == 5 && $0.text.contains("records") })
    }

    @Test func aQueueEntryTooManyIsFound() {
        let violations = violations { rest in
            let transaction = try rest.log.environment.beginWrite()
            let queue = try transaction.database("queue")
            try transaction.put(queue, [0, 1, 0, 0, 1, 2, 3, 0, 0, 0, 0], [])
            try transaction.commit()
        }
        #expect(violations.contains { $0.invariant == 5 && $0.text.contains("queue") })
    }

    @Test func anEventThatIsGoneIsFound() {
        let violations = violations { rest in
            let transaction = try rest.log.environment.beginWrite()
            let events = try transaction.database("events")
            try transaction.delete(events, [0, 0, 0, 0, 0, 0, 0, 9])
            try transaction.commit()
        }
        #expect(violations.contains { $0.invariant == 4 && $0.text.contains("9") })
    }

    @Test func anEventWithAFlippedByteIsFound() {
        let violations = violations { rest in
            try alter(rest.log, "events") { value in value[value.count - 1] ^= 1 }
        }
        #expect(violations.contains { $0.invariant == 4 })
    }

    @Test func aRequestThatTheLogDoesNotKnowIsFound() {
        let violations = violations { rest in
            _ = rest.erp.handle(.get("/api/health"), atNs: rest.nowNs)
        }
        #expect(violations.contains { $0.invariant == 2 })
    }

    @Test func moreRequestsThanTheWindowAdmitsAreFound() throws {
        let plan = Self.plan
        let window = try #require(plan.limits.windows.first)
        let violations = violations { rest in
            for _ in 0...window.requests {
                _ = rest.erp.handle(.get("/api/health"), atNs: rest.nowNs)
            }
        }
        #expect(violations.contains { $0.invariant == 3 })
    }

    @Test func aRecordThatTheStoreLacksIsFound() {
        let violations = violations { rest in rest.erp.append(1) }
        #expect(violations.contains { $0.invariant == 1 })
    }

    @Test func aRecordThatDiffersIsFound() {
        let violations = violations { rest in rest.erp.touch(3) }
        #expect(violations.contains { $0.invariant == 1 && $0.text.contains("record 3") })
    }

    /// A seed whose server has limits and records.
    private static let plan = SimulationPlan(seed: 1)

    /// What the checks find after somebody tampered with the store or the server.
    private func violations(
        _ tamper: @escaping (Simulator.Rest) throws -> Void
    ) -> [SimulationViolation] {
        Simulator.violations(Self.plan, tamper)
    }

    /// Changes the last value of a table.
    private func alter(
        _ log: EventLog, _ table: String, _ change: (inout [UInt8]) -> Void
    ) throws {
        let transaction = try log.environment.beginWrite()
        let database = try transaction.database(table)
        let (key, value) = try Self.last(database, transaction)
        var changed = value
        change(&changed)
        try transaction.put(database, key, changed)
        try transaction.commit()
    }

    private static func last(
        _ database: Database, _ transaction: borrowing WriteTransaction
    ) throws -> ([UInt8], [UInt8]) {
        var cursor = try transaction.cursor(database)
        #expect(try cursor.last())
        return cursor.read { ([UInt8]($0), [UInt8]($1)) }
    }
}
