/// Runs seeds one after the other, and sums up.
package struct SimulationReport {
    /// What is told of one seed.
    package struct Line: Sendable {
        package let text: String
        package let isFailure: Bool
    }

    package private(set) var seeds = 0
    package private(set) var failures = 0
    package private(set) var coverage = SimulationCoverage()
    private var events: UInt64 = 0
    private var requests = 0
    private var crashes = 0
    private var virtualNs: Int64 = 0
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant

    package init() { start = clock.now }

    /// Simulates one seed.
    package mutating func run(_ seed: UInt64) -> Line {
        seeds += 1
        do throws(SimulationFailure) {
            let result = try Simulator(SimulationPlan(seed: seed)).run()
            events += result.events
            requests += result.requests
            crashes += result.crashes
            virtualNs += result.virtualNs
            coverage.add(result.coverage)
            return Line(
                text: "seed \(seed): head \(result.head) events \(result.events) requests "
                    + "\(result.requests) crashes \(result.crashes) virtual "
                    + "\(result.virtualNs / 1_000_000_000) s",
                isFailure: false)
        } catch {
            failures += 1
            let others = error.violations.dropFirst().map { "\n  \($0)" }.joined()
            return Line(text: "\(error)\(others)", isFailure: true)
        }
    }

    /// Two lines for people: what was done, and what was come across.
    package var summary: String {
        let real = clock.now - start
        let realSeconds =
            Double(real.components.seconds) + Double(real.components.attoseconds) / 1e18
        let virtualSeconds = Double(virtualNs) / 1e9
        let ratio = realSeconds > 0 ? Int(virtualSeconds / realSeconds) : 0
        return "\(seeds) seeds, \(failures) failed; \(requests) requests, \(events) events, "
            + "\(crashes) crashes; \(Int(virtualSeconds)) s of virtual time in "
            + "\(Int(realSeconds * 10)) tenths of a second, ratio \(ratio)\ncoverage: \(coverage)"
    }
}
