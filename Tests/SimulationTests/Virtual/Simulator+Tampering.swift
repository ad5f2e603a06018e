import FaultyDisk

@testable import Simulation

extension Simulator {
    /// What the checks find in a simulation after somebody tampered with the store or the server.
    static func violations(
        _ plan: SimulationPlan, _ tamper: @escaping (Rest) throws -> Void
    ) -> [SimulationViolation] {
        var simulator = Simulator(plan, disk: .interposed)
        simulator.beforeCheck = tamper
        do throws(SimulationFailure) {
            _ = try simulator.run()
            return []
        } catch {
            return error.violations
        }
    }
}
