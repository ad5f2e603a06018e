internal import Simulation

/// Runs seed after seed, tells what came of them, and makes what fails smaller.
struct Campaign {
    private let arguments: Arguments
    private let pool: WorkerPool
    private var report = SimulationReport()
    /// Failures that are made smaller: further ones mostly have the same cause.
    private static let mostShrunk = 5
    /// A hundred times slower than it is: only a simulation that waits for something is.
    private static let leastRatio = 100_000

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        pool = try WorkerPool(jobs: arguments.jobs)
    }

    /// - Returns: the exit code.
    mutating func run() throws -> Int32 {
        if arguments.scenario == .exhaustive || arguments.crashPoints != nil {
            var crashes = CrashCampaign(arguments, pool)
            return try crashes.run()
        }
        var next: UInt64? = arguments.seeds.lowerBound
        var last: UInt64?
        let (arguments, start) = (arguments, report)
        var report = report
        var broken: [(SimulationJob, String)] = []
        try pool.run(
            next: {
                guard let seed = next else { return nil }
                if let minutes = arguments.minutes, start.elapsedSeconds > minutes * 60 {
                    return nil
                }
                next = seed < arguments.seeds.upperBound ? seed + 1 : nil
                last = seed
                return arguments.job(seed: seed)
            },
            done: { job, outcome in
                let line = report.take(job, outcome)
                if arguments.isVerbose || line.isFailure { writeLine(line.text) }
                if case .failed(let signature, _) = outcome { broken.append((job, signature)) }
            })
        self.report = report
        if arguments.shrinks {
            for (job, signature) in broken.prefix(Self.mostShrunk) { try shrink(job, signature) }
        }
        let first = arguments.seeds.lowerBound
        writeLine(last.map { "seeds \(first)..\($0) were run" } ?? "no seed was run")
        writeLine(report.summary)
        let missing = missing
        for line in missing { writeLine(line) }
        return report.failures == 0 && missing.isEmpty ? 0 : 1
    }

    /// What the simulations don't show though nothing failed, a line each.
    private var missing: [String] {
        if arguments.scenario == .pace, arguments.overrides.isEmpty, report.paced == 0 {
            return ["no run was one whose pace can be judged"]
        }
        guard !isRestricted, report.simulations >= SimulationCoverage.seedsForAll else { return [] }
        var lines: [String] = []
        let unmet = report.coverage.missing
        if !unmet.isEmpty {
            lines.append("never met: \(unmet.joined(separator: " "))")
        }
        if report.ratio < Self.leastRatio {
            lines.append("the ratio to real time is below \(Self.leastRatio)")
        }
        return lines
    }

    /// Whether faults are left out on purpose.
    private var isRestricted: Bool {
        arguments.scenario != .mixed || !arguments.overrides.isEmpty
    }

    private func shrink(_ job: SimulationJob, _ signature: String) throws {
        var failure: (any Error)?
        var plain = job
        plain.overrides = []
        var shrinker = SimulationShrinker(
            plain.plan, job.overrides, signature: signature,
            trial: { overrides in
                var smaller = job
                smaller.overrides = overrides
                do {
                    guard case .failed(let signature, _) = try pool.run(smaller) else { return nil }
                    return signature
                } catch {
                    failure = error
                    return nil
                }
            })
        var smallest = job
        smallest.overrides = shrinker.run()
        if let failure { throw failure }
        guard case .failed(_, let text) = try pool.run(smallest) else { return }
        writeLine(
            "seed \(job.seed), made smaller in \(shrinker.trials) trials: \(text.first ?? "")\n"
                + "  tools/simulate \(smallest.arguments)")
    }
}
