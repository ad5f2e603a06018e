/// Something that must never happen, and did.
package struct SimulationViolation: Error, Sendable, Equatable, CustomStringConvertible {
    /// The number of the design's invariant; 0 for a run that doesn't converge, or an error.
    package let invariant: Int
    /// What was found, with its position or identity.
    package let text: String

    package init(_ invariant: Int, _ text: String) {
        self.invariant = invariant
        self.text = text
    }

    package var description: String {
        invariant == 0 ? text : "invariant \(invariant): \(text)"
    }
}

/// What was found, in the order in which it was found: the first ones explain the others.
struct Violations {
    private static let most = 20
    private(set) var found: [SimulationViolation] = []

    mutating func note(_ invariant: Int, _ text: @autoclosure () -> String) {
        guard found.count < Self.most else { return }
        found.append(SimulationViolation(invariant, text()))
    }

    /// Notes it unless it holds.
    mutating func expect(_ holds: Bool, _ invariant: Int, _ text: @autoclosure () -> String) {
        if !holds { note(invariant, text()) }
    }
}
