internal import Simulation

/// What the command line asks for.
struct Arguments {
    /// A command line that can't be understood.
    struct Usage: Error, CustomStringConvertible {
        let problem: String

        var description: String { "\(problem)\n\n\(Arguments.help)" }
    }

    static let help = """
        usage: ossync-simulate [--seeds A..B | --seeds A] [--verbose]
               ossync-simulate --plan SEED

        Syncs from a simulated ERP under a virtual clock, with crashes and faults, and checks the
        design's invariants after each run. A seed always runs in the same way.

          --seeds A..B   the seeds to run, both included (default 1..1000)
          --verbose      a line for each seed: its chain head, events, requests, crashes
          --plan SEED    print what the simulation of a seed is, and run nothing

        Exit codes: 0 nothing was violated, 1 something was or a class of faults was never met in
        \(SimulationCoverage.seedsForAll) seeds or more, 2 usage.
        Example: ossync-simulate --seeds 1..5000
        """

    private var seeds: ClosedRange<UInt64> = 1...1_000
    private var isVerbose = false
    private var planSeed: UInt64?
    private var wantsHelp = false

    init(_ arguments: some Sequence<String>) throws(Usage) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--seeds": seeds = try Self.range(rest.popFirst())
            case "--plan": planSeed = try Self.range(rest.popFirst()).lowerBound
            case "--verbose": isVerbose = true
            case "--help", "-h": wantsHelp = true
            default: throw Usage(problem: "unknown argument \(argument)")
            }
        }
    }

    private static func range(_ text: String?) throws(Usage) -> ClosedRange<UInt64> {
        guard let text else { throw Usage(problem: "a value is missing") }
        let bounds = text.split(separator: ".", omittingEmptySubsequences: true).map { UInt64($0) }
        guard let first = bounds.first, let low = first, let last = bounds.last, let high = last,
            bounds.count <= 2, low <= high
        else { throw Usage(problem: "\(text) is no range of seeds: write 1..1000") }
        return low...high
    }

    /// - Returns: the exit code.
    func run() -> Int32 {
        if wantsHelp {
            writeLine(Self.help)
            return 0
        }
        if let planSeed {
            writeLine("\(SimulationPlan(seed: planSeed))")
            return 0
        }
        var report = SimulationReport()
        for seed in seeds {
            let line = report.run(seed)
            if isVerbose || line.isFailure { writeLine(line.text) }
        }
        writeLine(report.summary)
        let missing = report.coverage.missing(fromSeeds: report.seeds)
        if !missing.isEmpty {
            writeLine("never met: \(missing.map(\.rawValue).joined(separator: " "))")
        }
        return report.failures == 0 && missing.isEmpty ? 0 : 1
    }
}
