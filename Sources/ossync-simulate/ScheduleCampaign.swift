internal import Locks
internal import Simulation

/// Runs schedules of the limiter in as many threads as there are jobs, each some seeds at a time.
struct ScheduleCampaign {
    private let arguments: Arguments
    private let seeds: ClosedRange<UInt64>
    private static let stride: UInt64 = 200

    init(_ arguments: Arguments, _ seeds: ClosedRange<UInt64>) {
        self.arguments = arguments
        self.seeds = seeds
    }

    /// - Returns: the exit code.
    func run() async -> Int32 {
        let report = SimulationReport()
        let next = Mutex(seeds.lowerBound)
        let (minutes, last) = (arguments.minutes, seeds.upperBound)
        let take = { @Sendable () -> ClosedRange<UInt64>? in
            if let minutes, report.elapsedSeconds > minutes * 60 { return nil }
            return next.withLock { first in
                guard first <= last, first >= seeds.lowerBound else { return nil }
                let end = last - first < Self.stride ? last : first + Self.stride - 1
                defer { first = end &+ 1 }
                return first...end
            }
        }
        var campaign = LimiterCampaign()
        await withTaskGroup(of: LimiterCampaign.self) { group in
            for _ in 0..<arguments.jobs {
                group.addTask {
                    var part = LimiterCampaign()
                    while let seeds = take() { for seed in seeds { part.run(seed) } }
                    return part
                }
            }
            for await part in group { campaign.add(part) }
        }
        for violation in campaign.violations { writeLine("\(violation)") }
        writeLine(campaign.summary)
        let unmet = campaign.missing
        if !unmet.isEmpty { writeLine("never met: " + unmet.joined(separator: ", ")) }
        return campaign.violations.isEmpty && unmet.isEmpty ? 0 : 1
    }
}
