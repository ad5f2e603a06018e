import FaultyDisk
import Simulation
import Testing

/// One sync, crashed at its points and in the recovery from that, ends like the one without.
@Suite struct CrashRunTests {
    private static let plan = SimulationScenario.exhaustive.plan(seed: 1).setting([
        SimulationOverride("records", 25), SimulationOverride("faults.poisonIDs", 1),
        SimulationOverride("pageSize", 10),
    ])
    private let run = CrashRun(Self.plan, disk: .interposed)

    @Test func aSyncThatIsCrashedAnywhereEndsLikeTheWholeOne() throws {
        let whole = try run.run(crashingAt: [])
        #expect(whole.crashes == 0)
        #expect(whole.points > 100)
        var recoveries: [(Int, Range<Int>)] = []
        for point in stride(from: 1, through: whole.points, by: 23) {
            let result = try run.run(crashingAt: [point])
            #expect(result.crashes == 1, "point \(point)")
            let difference = result.difference(from: whole, inFlight: Self.plan.concurrency)
            #expect(difference == nil, "point \(point)")
            recoveries.append((point, result.recovery))
        }
        for (point, recovery) in recoveries where point % 4 == 0 {
            for second in stride(from: recovery.lowerBound, to: recovery.upperBound, by: 7) {
                let points = [point, second + 1]
                let result = try run.run(crashingAt: points)
                #expect(result.crashes == 2, "points \(points)")
                let difference = result.difference(from: whole, inFlight: Self.plan.concurrency)
                #expect(difference == nil, "points \(points)")
            }
        }
    }

    @Test func recordsThatDifferAndRequestsTooManyAreTold() throws {
        let whole = try run.run(crashingAt: [])
        let other = try CrashRun(
            Self.plan.setting([SimulationOverride("records", 24)]), disk: .interposed
        ).run(crashingAt: [])
        #expect(other.difference(from: whole, inFlight: 3)?.contains("records differ") == true)
        let crashed = try run.run(crashingAt: [60])
        let most = whole.requests + 1 - crashed.requests
        #expect(crashed.difference(from: whole, inFlight: -most - 1) != nil)
    }

    @Test func withoutFaultsOfTheDiskTheProcessCrashesBetweenItsCalls() throws {
        let whole = try CrashRun(Self.plan, disk: nil).run(crashingAt: [])
        let crashed = try CrashRun(Self.plan, disk: nil).run(crashingAt: [whole.points / 2])
        #expect(crashed.crashes == 1)
        #expect(crashed.difference(from: whole, inFlight: Self.plan.concurrency) == nil)
    }
}
