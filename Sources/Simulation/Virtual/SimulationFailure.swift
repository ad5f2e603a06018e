/// A simulation that violated something: its plan says how to see it again.
package struct SimulationFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let seed: UInt64
    /// In the order in which they were found; never empty.
    package let violations: [SimulationViolation]

    init(_ plan: SimulationPlan, _ violations: [SimulationViolation]) {
        seed = plan.seed
        self.violations = violations
    }

    /// Runs a simulation of the plan; whatever it throws becomes a failure of that plan.
    static func catching<Value>(
        _ plan: SimulationPlan, _ body: () throws -> Value
    ) throws(SimulationFailure) -> Value {
        do {
            return try body()
        } catch let failure as SimulationFailure {
            throw failure
        } catch let violation as SimulationViolation {
            throw SimulationFailure(plan, [violation])
        } catch {
            throw SimulationFailure(plan, [SimulationViolation(0, "\(error)")])
        }
    }

    package var description: String {
        let first = violations.first.map(\.description) ?? ""
        let more = violations.count > 1 ? " (and \(violations.count - 1) more)" : ""
        return "seed \(seed): \(first)\(more)"
    }
}

extension SimulationFailure {
    /// What was violated first, without the numbers that another plan changes.
    package var signature: String {
        guard let first = violations.first else { return "" }
        let words = first.text.split(separator: " ").filter { word in
            !word.contains { $0.isNumber || $0 == "/" }
        }
        // An invariant is one; what goes wrong otherwise is told apart by its words.
        return first.invariant == 0
            ? words.prefix(8).joined(separator: " ") : "invariant \(first.invariant)"
    }
}
