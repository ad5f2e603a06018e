internal import SyncCore

/// One simulation to run, as it is told to another process.
package struct SimulationJob: Sendable, Equatable {
    package let seed: UInt64
    package var scenario = SimulationScenario.mixed
    package var overrides: [SimulationOverride] = []
    /// The points at which the process crashes, of a simulation that is nothing but one sync; nil
    /// for a whole simulation.
    package var crashPoints: [Int]?

    package init(
        seed: UInt64, scenario: SimulationScenario = .mixed, overrides: [SimulationOverride] = [],
        crashPoints: [Int]? = nil
    ) {
        self.seed = seed
        self.scenario = scenario
        self.overrides = overrides
        self.crashPoints = crashPoints
    }

    package var plan: SimulationPlan { scenario.plan(seed: seed).setting(overrides) }

    /// The arguments that run it again.
    package var arguments: String {
        var words = ["--seeds \(seed)"]
        if scenario != .mixed { words.append("--scenario \(scenario.rawValue)") }
        words += overrides.map { "--set \($0)" }
        if let crashPoints, !crashPoints.isEmpty {
            words.append("--crash-at \(crashPoints.map(String.init).joined(separator: ","))")
        }
        return words.joined(separator: " ")
    }

    /// - Parameter observer: told of each durable event.
    package func perform(
        disk: DiskFaults?, observer: ((String) -> Void)? = nil
    ) -> SimulationOutcome {
        do throws(SimulationFailure) {
            if let crashPoints {
                var run = CrashRun(plan, disk: disk)
                run.observer = observer
                return .passed(try run.run(crashingAt: crashPoints))
            }
            var simulator = Simulator(plan, disk: disk, isPaced: scenario == .pace)
            simulator.observer = observer
            return .passed(try simulator.run())
        } catch {
            return .failed(
                signature: error.signature, text: error.violations.map(\.description))
        }
    }
}

/// What came of a simulation.
package enum SimulationOutcome: Sendable, Equatable {
    case passed(Simulator.Result)
    /// - Parameter text: a line a violation.
    case failed(signature: String, text: [String])
}

// MARK: - As text

extension SimulationJob {
    private static let separator: Character = "\t"

    package var line: String {
        let fields = [
            String(seed), scenario.rawValue,
            overrides.map(\.description).joined(separator: ","),
            crashPoints.map { "@" + $0.map(String.init).joined(separator: ",") } ?? "",
        ]
        return fields.joined(separator: "\t")
    }

    /// - Returns: nil for anything but what `line` makes.
    package init?(line: String) {
        let fields = line.split(separator: Self.separator, omittingEmptySubsequences: false)
        guard fields.count == 4, let seed = UInt64(fields[0]),
            let scenario = SimulationScenario(rawValue: String(fields[1]))
        else { return nil }
        self.init(
            seed: seed, scenario: scenario,
            overrides: fields[2].split(separator: ",").compactMap {
                SimulationOverride(String($0))
            },
            crashPoints: fields[3].isEmpty
                ? nil : fields[3].dropFirst().split(separator: ",").compactMap { Int($0) })
    }
}

extension SimulationOutcome {
    package var line: String {
        switch self {
        case .passed(let result): "ok\t\(result.fields.joined(separator: "\t"))"
        case .failed(let signature, let text):
            (["failed", signature] + text).map {
                $0.replacing("\t", with: " ").replacing("\n", with: " ")
            }.joined(separator: "\t")
        }
    }

    /// - Returns: nil for anything but what `line` makes.
    package init?(line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        switch fields.first {
        case "ok":
            guard let result = Simulator.Result(fields: Array(fields[1...])) else { return nil }
            self = .passed(result)
        case "failed" where fields.count >= 2:
            self = .failed(signature: fields[1], text: Array(fields[2...]))
        default: return nil
        }
    }
}

extension Simulator.Result {
    fileprivate var fields: [String] {
        [
            head, "\(events)", "\(requests)", "\(crashes)", "\(virtualNs)", "\(digest)",
            "\(points)", "\(recovery.lowerBound)", "\(recovery.upperBound)", "\(paced)",
            coverage.fields,
        ]
    }

    fileprivate init?(fields: [String]) {
        guard fields.count == 11, let events = UInt64(fields[1]), let requests = Int(fields[2]),
            let crashes = Int(fields[3]), let virtualNs = Int64(fields[4]),
            let digest = UInt64(fields[5]), let points = Int(fields[6]),
            let low = Int(fields[7]), let high = Int(fields[8]), low <= high,
            let paced = Int(fields[9]), let coverage = SimulationCoverage(fields: fields[10])
        else { return nil }
        self.init(
            head: fields[0], events: events, requests: requests, crashes: crashes,
            virtualNs: virtualNs, digest: digest, points: points, recovery: low..<high,
            paced: paced,
            coverage: coverage)
    }
}

extension SimulationCoverage {
    fileprivate var fields: String {
        (Kind.allCases.map { self[$0] } + EventType.allCases.map { self[$0] })
            .map { String($0) }.joined(separator: ",")
    }

    fileprivate init?(fields: String) {
        let counts = fields.split(separator: ",").compactMap { Int($0) }
        let kinds = Kind.allCases.count
        guard counts.count == kinds + EventType.allCases.count else { return nil }
        self.init()
        for (kind, number) in zip(Kind.allCases, counts) { count(kind, number) }
        for (type, number) in zip(EventType.allCases, counts[kinds...]) { count(type, number) }
    }
}
