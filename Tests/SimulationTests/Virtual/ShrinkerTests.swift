import Simulation
import Testing

/// A plan that violates something is made as small as it can be while it violates the same.
@Suite struct ShrinkerTests {
    private let plan = SimulationScenario.storm.plan(seed: 4)

    @Test func whatIsNotNeededIsSwitchedOffAndWhatIsNeededIsHalved() {
        let plan = plan
        var shrinker = SimulationShrinker(
            plan, [], signature: "planted",
            trial: { overrides in
                let plan = plan.setting(overrides)
                return plan.crashes >= 3 && plan.records >= 17 && plan.isStorm ? "planted" : nil
            })
        let smallest = plan.setting(shrinker.run())
        #expect(smallest.crashes == 3)
        #expect(smallest.records == 17)
        let quiet = SimulationKnob.all.filter { $0.value(in: smallest) == $0.quiet }.map(\.name)
        let loud = SimulationKnob.all.map(\.name).filter { !quiet.contains($0) }
        #expect(Set(loud) == ["crashes", "isStorm", "records"])
    }

    @Test func anotherViolationIsNotTheSame() {
        let plan = plan
        var shrinker = SimulationShrinker(
            plan, [], signature: "planted",
            trial: { plan.setting($0).records < plan.records ? "another" : "planted" })
        #expect(plan.setting(shrinker.run()).records == plan.records)
    }

    @Test func whatWasShrunkRunsAgainFromItsArguments() throws {
        let overrides = [
            SimulationOverride("records", 17), SimulationOverride("rebootShare", 0.25),
        ]
        let job = SimulationJob(
            seed: 9, scenario: .crashes, overrides: overrides, crashPoints: [3, 40])
        #expect(SimulationJob(line: job.line) == job)
        #expect(
            job.arguments
                == "--seeds 9 --scenario crashes --set records=17 --set rebootShare=0.25 "
                + "--crash-at 3,40")
        #expect(try #require(SimulationOverride("records=17")) == overrides[0])
        #expect(try #require(SimulationOverride("rebootShare=0.25")) == overrides[1])
        #expect(job.plan.records == 17)
        for text in ["records", "records=many", "nothing=1", "=1"] {
            #expect(SimulationOverride(text) == nil)
        }
    }

    @Test(arguments: SimulationScenario.allCases)
    func aScenarioDrawsThePlansOfItsSeedsAlike(scenario: SimulationScenario) {
        for seed in 1...20 as ClosedRange<UInt64> {
            #expect(scenario.plan(seed: seed) == scenario.plan(seed: seed))
        }
        #expect(scenario.plan(seed: 1) != scenario.plan(seed: 2))
    }

    @Test func theCalmScenarioHasNoTroubleAtAll() {
        let plan = SimulationScenario.calm.plan(seed: 3)
        for knob in SimulationKnob.all where knob.group != .shape {
            #expect(knob.value(in: plan) == knob.quiet, "\(knob.name)")
        }
    }

    /// Properties that say what is simulated, and make no trouble.
    private static let shape: Set<String> = [
        "seed", "serverPageSize", "paging", "reportsTotal", "incremental", "strangerStatus",
        "limits", "retry", "forwardNs", "connectTimeoutNs", "idleTimeoutNs", "timeoutNs",
        "suspendMs", "wallStepAt", "faults",
    ]

    @Test func everyPropertyOfAPlanCanBeSetOrIsKnownToBeHarmless() {
        let knobs = Set(SimulationKnob.all.map(\.name))
        for child in Mirror(reflecting: plan).children {
            let name = child.label ?? ""
            #expect(knobs.contains(name) || Self.shape.contains(name), "\(name)")
        }
    }
}
