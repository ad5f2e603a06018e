/// Sums up what came of simulations.
package struct SimulationReport {
    /// What is told of one simulation.
    package struct Line: Sendable {
        package let text: String
        package let isFailure: Bool
    }

    package private(set) var simulations = 0
    package private(set) var failures = 0
    package private(set) var coverage = SimulationCoverage()
    private var events: UInt64 = 0
    private var requests = 0
    private var crashes = 0
    // Of many simulations: more than fits a count of nanoseconds.
    private var virtualSeconds = 0.0
    /// Requests whose pace was judged.
    package private(set) var paced = 0
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant

    package init() { start = clock.now }

    /// Seconds since the first simulation.
    package var elapsedSeconds: Double {
        let real = clock.now - start
        return Double(real.components.seconds) + Double(real.components.attoseconds) / 1e18
    }

    /// How many times as fast as the time that is simulated.
    package var ratio: Int {
        let real = elapsedSeconds
        return real > 0 ? Int(virtualSeconds / real) : 0
    }

    /// Counts one in.
    package mutating func take(_ job: SimulationJob, _ outcome: SimulationOutcome) -> Line {
        simulations += 1
        switch outcome {
        case .passed(let result):
            events += result.events
            requests += result.requests
            crashes += result.crashes
            virtualSeconds += Double(result.virtualNs) / 1e9
            paced += result.paced
            coverage.add(result.coverage)
            return Line(
                text: "seed \(job.seed): head \(result.head) events \(result.events) requests "
                    + "\(result.requests) crashes \(result.crashes) virtual "
                    + "\(result.virtualNs / 1_000_000_000) s",
                isFailure: false)
        case .failed(_, let text):
            failures += 1
            let others = text.dropFirst().map { "\n  \($0)" }.joined()
            return Line(
                text: "seed \(job.seed): \(text.first ?? "failed"); replay: tools/simulate "
                    + "\(job.arguments)\(others)",
                isFailure: true)
        }
    }

    /// Two lines for people: what was done, and what was come across.
    package var summary: String {
        "\(simulations) simulations, \(failures) failed; \(requests) requests, "
            + "\(events) events, \(crashes) crashes; \(Int(virtualSeconds)) s of virtual time in "
            + "\(Int(elapsedSeconds * 10)) tenths of a second, ratio \(ratio)"
            + (paced > 0 ? "; the pace of \(paced) requests judged" : "")
            + "\ncoverage: \(coverage)"
    }
}
