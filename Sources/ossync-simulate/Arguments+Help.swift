internal import Simulation

extension Arguments {
    static var help: String {
        let scenarios = SimulationScenario.allCases.map { scenario in
            let name = scenario.rawValue
            let space = String(repeating: " ", count: max(1, 12 - name.utf8.count))
            return "    \(name)\(space)\(scenario.summary)"
        }.joined(separator: "\n")
        return """
            usage: ossync-simulate [--seeds A..B] [--minutes M] [--scenario S] [--set NAME=VALUE]...
                                   [--jobs N] [--verbose] [--no-shrink]
                   ossync-simulate --scenario exhaustive [--seeds A..B] [--double N] [--jobs N]
                   ossync-simulate --schedules A..B
                   ossync-simulate --plan SEED | --events SEED [--scenario S] [--set ...]

            Syncs from a simulated ERP under a virtual clock, with crashes and faults, and checks
            the design's invariants after each run. A seed always runs in the same way.

              --seeds A..B     the seeds to run, both included (default 1..1000; exhaustive: 1)
              --minutes M      begin nothing further after so long, and say what was run
              --scenario S     a restriction of what the seeds draw (default mixed), see below
              --set NAME=VALUE set one property of every plan; a failure tells which ones to set
              --crash-at N,... one sync only, with crashes at these points of it, compared with the
                               one without; a point that is not reached is a failure
              --double N       exhaustive: of the pairs of a crash and one in its recovery, run
                               every Nth (default 50; 1: all of them, 0: none)
              --jobs N         processes that work (default: one a processor)
              --schedules A..B random histories of the limiter alone, about 1,300 a second
              --no-shrink      leave a failing plan as it is
              --verbose        a line a seed: its chain head, events, requests, crashes
              --plan SEED      print what the simulation of a seed is, and run nothing
              --events SEED    run one seed and print its events

            Scenarios:
            \(scenarios)

            Exit codes: 0 nothing was violated, 1 something was or a class of faults was never met
            in \(SimulationCoverage.seedsForAll) seeds or more, 2 usage.
            Example: ossync-simulate --seeds 1..200000 --minutes 30
            """
    }
}
