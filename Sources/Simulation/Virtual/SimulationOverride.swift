/// A knob and the value that it is set to, as `records=20`.
package struct SimulationOverride: Sendable, Equatable, CustomStringConvertible {
    package let name: String
    package let value: Double

    package init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }

    /// - Returns: nil for what names no knob, or no value that it can have.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let value = Double(parts[1]),
            SimulationKnob.named(String(parts[0]))?.admits(value) == true
        else { return nil }
        self.init(String(parts[0]), value)
    }

    package var description: String {
        let isWhole = value == value.rounded() && value.magnitude < 1e15
        return "\(name)=\(isWhole ? String(Int64(value)) : String(value))"
    }
}

extension SimulationPlan {
    /// The plan with some of its properties set otherwise.
    package func setting(_ overrides: [SimulationOverride]) -> SimulationPlan {
        var plan = self
        for change in overrides {
            SimulationKnob.named(change.name)?.set(change.value, in: &plan)
        }
        return plan
    }
}
