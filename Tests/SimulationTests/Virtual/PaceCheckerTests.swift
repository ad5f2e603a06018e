import FaultyDisk
import SyncCore
import Testing

@testable import Simulation

/// Invariant 10: a run ends as soon as the limits let it.
@Suite struct PaceCheckerTests {
    @Test func aRunUnderRealLimitsEndsAtItsFloor() throws {
        let plan = SimulationScenario.pace.plan(seed: 2).setting([
            SimulationOverride("records", 330), SimulationOverride("appended", 1),
        ])
        let result = try Simulator(plan, disk: .interposed, isPaced: true).run()
        #expect(result.paced >= 100)
    }

    @Test(arguments: [(110, 1.05, 0), (110, 1.08, 1), (1_100, 1.008, 0), (1_100, 1.012, 1)])
    func aRunThatIsSlowerThanTheFloorIsFound(requests: Int, slowness: Double, found: Int) {
        #expect(judge(requests, slowness: slowness).count == found)
    }

    @Test func aRunThatEndsLongAfterItsLastRequestIsFound() {
        #expect(judge(110, slowness: 1, restNs: 20 * .nsPerSecond).isEmpty)
        #expect(judge(110, slowness: 1, restNs: 22 * .nsPerSecond).count == 1)
    }

    @Test(arguments: [(0, 1), (295, 1), (298, 0), (303, 0), (305, 1)])
    func aFloorThatTheLimitsDoNotGiveIsFound(seconds: Int64, found: Int) {
        #expect(judge(110, slowness: 1, floorNs: seconds * .nsPerSecond).count == found)
    }

    /// A run that sent twenty requests at the beginning of each minute.
    ///
    /// - Parameters:
    ///   - slowness: so much too long the minutes were.
    ///   - restNs: from the last request to the end.
    ///   - floorNs: what the run says; nil for what is right.
    private func judge(
        _ requests: Int, slowness: Double, restNs: Int64 = 0, floorNs: Int64? = nil
    ) -> [SimulationViolation] {
        var plan = SimulationScenario.pace.plan(seed: 2)
        plan.limits.windows = [
            RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)
        ]
        let minute = 60e9 * slowness
        let arrivals = (0..<requests).map { index in
            ERPArrival(
                number: index + 1, timeNs: 1 + Int64(Double(index / 20) * minute),
                endpoint: .detail, target: .none, status: 200, fault: nil)
        }
        let floor = Int64((requests - 1) / 20) * 60 * .nsPerSecond
        let end = RunCompleted(
            outcome: .completed, reason: nil, text: "", resumeAt: nil, counters: RunCounters(),
            durationNs: 0, floorNs: floorNs ?? floor)
        var invocation = Invocation(
            mode: .full, options: RunOptions(), policy: plan.policy(pinned: []),
            before: ControlState(), startNs: 0,
            startBootNs: 0, arrivalsBefore: 0)
        invocation.end = .finished(end)
        invocation.endNs = (arrivals.last?.timeNs ?? 0) + restNs
        invocation.events = [
            LoggedEvent(
                position: Position(1), time: .zero, stream: .none, run: .none, cause: .none,
                startsStep: true, event: .runCompleted(end))
        ]
        var violations = Violations()
        #expect(PaceChecker(plan).check(invocation, arrivals, &violations) == requests)
        return violations.found
    }
}
