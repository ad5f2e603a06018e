/// Makes a plan that violates something smaller, for as long as it violates the same.
package struct SimulationShrinker {
    /// Says what a plan violates first, in a form that small differences don't change; nil when it
    /// violates nothing.
    package typealias Trial = ([SimulationOverride]) -> String?

    private let plan: SimulationPlan
    private let signature: String
    private let trial: Trial
    private(set) var overrides: [SimulationOverride]
    /// Simulations that were run.
    package private(set) var trials = 0
    private static let mostTrials = 400

    /// - Parameters:
    ///   - plan: without overrides.
    ///   - overrides: those with which it violates something.
    ///   - signature: what it violates.
    package init(
        _ plan: SimulationPlan, _ overrides: [SimulationOverride], signature: String,
        trial: @escaping Trial
    ) {
        self.plan = plan
        self.overrides = overrides
        self.signature = signature
        self.trial = trial
    }

    /// - Returns: the overrides of the smallest plan that was found.
    package mutating func run() -> [SimulationOverride] {
        // What could not be switched off may be once something else is.
        var isSmaller = true
        while isSmaller, trials < Self.mostTrials {
            isSmaller = false
            for knob in SimulationKnob.all where shrink(knob) { isSmaller = true }
        }
        return overrides
    }

    private mutating func shrink(_ knob: SimulationKnob) -> Bool {
        let value = knob.value(in: plan.setting(overrides))
        guard value != knob.quiet else { return false }
        if holds(knob, knob.quiet) { return true }
        guard knob.isCount, value > knob.quiet else { return false }
        return halve(knob, from: value)
    }

    /// Looks for the smallest number between one that is needed and one that is not enough.
    private mutating func halve(_ knob: SimulationKnob, from value: Double) -> Bool {
        var tooFew = knob.quiet
        var enough = value
        while enough - tooFew > 1, trials < Self.mostTrials {
            let middle = ((tooFew + enough) / 2).rounded(.down)
            if holds(knob, middle) { enough = middle } else { tooFew = middle }
        }
        return enough < value
    }

    /// Whether the same is violated with a knob at this value; then it stays there.
    private mutating func holds(_ knob: SimulationKnob, _ value: Double) -> Bool {
        guard trials < Self.mostTrials else { return false }
        trials += 1
        let changed =
            overrides.filter { $0.name != knob.name } + [SimulationOverride(knob.name, value)]
        guard plan.setting(changed) != plan.setting(overrides), trial(changed) == signature else {
            return false
        }
        overrides = changed
        return true
    }
}
