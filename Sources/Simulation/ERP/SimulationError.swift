/// Why a simulation can't go on.
package struct SimulationError: Error, Equatable, CustomStringConvertible {
    /// What was being done, for example `listen`.
    package let operation: String
    /// Where, for example `127.0.0.1:8080`.
    package let place: String
    /// What went wrong and what helps.
    package let hint: String

    package init(operation: String, place: String, hint: String) {
        self.operation = operation
        self.place = place
        self.hint = hint
    }

    package var description: String { "\(operation) \(place): \(hint)" }
}
