internal import Simulation

/// Crashes one sync at every point at which a process can crash, each time resumed to its end, and
/// crashes the recoveries too; whatever happens, the store must end up the same.
///
/// With `--crash-at` it does so at these points alone: what a whole campaign finds is found again.
struct CrashCampaign {
    private let arguments: Arguments
    private let pool: WorkerPool
    private var report = SimulationReport()
    private var failures = 0
    /// When something was last said, in seconds since the start.
    private var toldSeconds = 0.0
    private static let silenceSeconds = 20.0

    init(_ arguments: Arguments, _ pool: WorkerPool) {
        self.arguments = arguments
        self.pool = pool
    }

    /// - Returns: the exit code.
    mutating func run() throws -> Int32 {
        for seed in arguments.seeds {
            if isOver { break }
            try run(seed: seed)
        }
        writeLine(report.summary)
        if failures > 0 { writeLine("\(failures) ended otherwise than without a crash") }
        return report.failures + failures == 0 ? 0 : 1
    }

    private var isOver: Bool {
        arguments.minutes.map { report.elapsedSeconds > $0 * 60 } ?? false
    }

    private mutating func run(seed: UInt64) throws {
        var job = arguments.job(seed: seed)
        job.crashPoints = []
        let outcome = try pool.run(job)
        let line = report.take(job, outcome)
        guard case .passed(let whole) = outcome else { return writeLine(line.text) }
        guard let points = arguments.crashPoints else { return try runAll(job, whole) }
        try run(job, [points], whole, "runs") { _, result in
            writeLine(
                "seed \(seed): crashed \(result.crashes) times; the sync without a crash has "
                    + "\(whole.points) points")
        }
    }

    private mutating func runAll(_ job: SimulationJob, _ whole: Simulator.Result) throws {
        var pairs: [[Int]] = []
        let points = (1...whole.points).map { [$0] }
        let crashed = try run(job, points, whole, "points") { points, result in
            // A second crash at each point that the first one's recovery passed.
            for second in result.recovery where second >= points[0] {
                pairs.append([points[0], second + 1])
            }
        }
        let step = arguments.doubles
        let chosen =
            step == 0 ? [] : stride(from: 0, to: pairs.count, by: step).map { pairs[$0] }
        let crashedTwice = try run(job, chosen, whole, "pairs") { _, _ in }
        writeLine(
            "seed \(job.seed): crashed at \(crashed) of \(whole.points) points, and at "
                + "\(crashedTwice) of \(pairs.count) pairs; \(whole.requests) requests without a "
                + "crash" + (isOver ? "; the time was over" : ""))
    }

    /// - Returns: how many were run before the time was over.
    @discardableResult
    private mutating func run(
        _ job: SimulationJob, _ crashes: [[Int]], _ whole: Simulator.Result, _ name: String,
        _ seen: ([Int], Simulator.Result) -> Void
    ) throws -> Int {
        var rest = crashes[...]
        var copy = self
        var done = 0
        try pool.run(
            next: {
                guard done == 0 || !copy.isOver else { return nil }
                return rest.popFirst().map { points in
                    var crashing = job
                    crashing.crashPoints = points
                    return crashing
                }
            },
            done: { job, outcome in
                done += 1
                let line = copy.report.take(job, outcome)
                if case .passed(let result) = outcome {
                    copy.compare(job, result, with: whole)
                    seen(job.crashPoints ?? [], result)
                } else {
                    writeLine(line.text)
                }
                copy.tell(job.seed, done, of: crashes.count, name)
            })
        self = copy
        return done
    }

    private mutating func compare(
        _ job: SimulationJob, _ result: Simulator.Result, with whole: Simulator.Result
    ) {
        let wanted = job.crashPoints?.count ?? 0
        let difference =
            result.crashes < wanted
            ? "it crashed \(result.crashes) times of \(wanted): the sync without a crash has "
                + "\(whole.points) points"
            : result.difference(from: whole, inFlight: job.plan.concurrency)
        guard let difference else { return }
        failures += 1
        writeLine("seed \(job.seed): \(difference); replay: tools/simulate \(job.arguments)")
    }

    /// Says now and then how far it is.
    private mutating func tell(_ seed: UInt64, _ done: Int, of all: Int, _ name: String) {
        let seconds = report.elapsedSeconds
        guard seconds - toldSeconds >= Self.silenceSeconds else { return }
        toldSeconds = seconds
        writeLine(
            "seed \(seed): \(done) of \(all) \(name) after \(Int(seconds)) s, "
                + "\(report.failures + failures) failed")
    }
}
