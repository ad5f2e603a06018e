internal import Simulation

/// Crashes one sync at every point at which a process can crash, each time resumed to its end, and
/// crashes the recoveries too; whatever happens, the store must end up the same.
struct CrashCampaign {
    private let arguments: Arguments
    private let pool: WorkerPool
    private var report = SimulationReport()
    private var failures = 0

    init(_ arguments: Arguments, _ pool: WorkerPool) {
        self.arguments = arguments
        self.pool = pool
    }

    /// - Returns: the exit code.
    mutating func run() throws -> Int32 {
        for seed in arguments.seeds {
            if let minutes = arguments.minutes, report.elapsedSeconds > minutes * 60 { break }
            try run(seed: seed)
        }
        writeLine(report.summary)
        return report.failures + failures == 0 ? 0 : 1
    }

    private mutating func run(seed: UInt64) throws {
        let job = arguments.job(seed: seed)
        let outcome = try pool.run(job)
        let line = report.take(job, outcome)
        guard case .passed(let whole) = outcome else { return writeLine(line.text) }
        var pairs: [[Int]] = []
        try run(job, (1...whole.points).map { [$0] }, whole) { points, result in
            // A second crash at each point that the first one's recovery passed.
            for second in result.recovery where second >= points[0] {
                pairs.append([points[0], second + 1])
            }
        }
        let chosen =
            arguments.doubles == 0
            ? []
            : stride(
                from: 0, to: pairs.count, by: arguments.doubles
            ).map { pairs[$0] }
        try run(job, chosen, whole) { _, _ in }
        writeLine(
            "seed \(seed): crashed at each of \(whole.points) points, and at \(chosen.count) of "
                + "\(pairs.count) pairs; \(whole.requests) requests without a crash")
    }

    private mutating func run(
        _ job: SimulationJob, _ crashes: [[Int]], _ whole: Simulator.Result,
        _ seen: ([Int], Simulator.Result) -> Void
    ) throws {
        var rest = crashes[...]
        var report = report
        var wrong: [String] = []
        try pool.run(
            next: {
                rest.popFirst().map { points in
                    var crashing = job
                    crashing.crashPoints = points
                    return crashing
                }
            },
            done: { job, outcome in
                let line = report.take(job, outcome)
                guard case .passed(let result) = outcome else { return writeLine(line.text) }
                let points = job.crashPoints ?? []
                if let difference = result.difference(from: whole, inFlight: job.plan.concurrency) {
                    wrong.append("\(difference); replay: tools/simulate \(job.arguments)")
                }
                seen(points, result)
            })
        self.report = report
        for line in wrong { writeLine(line) }
        failures += wrong.count
    }
}
