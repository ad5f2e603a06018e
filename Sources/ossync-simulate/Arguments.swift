internal import Glibc
internal import Simulation

/// What the command line asks for.
struct Arguments {
    /// A command line that can't be understood.
    struct Usage: Error, CustomStringConvertible {
        let problem: String

        var description: String { "\(problem)\n\n\(Arguments.help)" }
    }

    private var askedSeeds: ClosedRange<UInt64>?
    private(set) var minutes: Double?
    private(set) var scenario = SimulationScenario.mixed
    private(set) var overrides: [SimulationOverride] = []
    private(set) var crashPoints: [Int]?
    /// Of the pairs of crashes, so many are passed over with each that is run; 0 runs none.
    private(set) var doubles = 50
    private(set) var jobs = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    private(set) var isVerbose = false
    private(set) var shrinks = true
    private(set) var action = Action.run

    /// An exhaustive run takes a minute or more for each seed.
    var seeds: ClosedRange<UInt64> { askedSeeds ?? (scenario == .exhaustive ? 1...1 : 1...1_000) }

    enum Action: Equatable {
        case run, help, work
        case plan(UInt64)
        case events(UInt64)
        case schedules(ClosedRange<UInt64>)
    }

    init(_ arguments: some Sequence<String>) throws(Usage) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--seeds": askedSeeds = try Self.range(rest.popFirst())
            case "--minutes": minutes = try Self.number(rest.popFirst(), least: 0.001)
            case "--scenario": scenario = try Self.scenario(rest.popFirst())
            case "--set": overrides.append(try Self.override(rest.popFirst()))
            case "--crash-at": crashPoints = try Self.points(rest.popFirst())
            case "--double": doubles = try Self.count(rest.popFirst(), least: 0)
            case "--jobs": jobs = try Self.count(rest.popFirst(), least: 1)
            case "--plan": action = .plan(try Self.seed(rest.popFirst()))
            case "--events": action = .events(try Self.seed(rest.popFirst()))
            case "--schedules": action = .schedules(try Self.range(rest.popFirst()))
            case "--verbose": isVerbose = true
            case "--no-shrink": shrinks = false
            case "--worker": action = .work
            case "--help", "-h": action = .help
            default: throw Usage(problem: "unknown argument \(argument)")
            }
        }
    }

    private static func range(_ text: String?) throws(Usage) -> ClosedRange<UInt64> {
        guard let text else { throw Usage(problem: "a value is missing") }
        var bounds = [text[...]]
        if let dots = text.firstRange(of: "..") {
            bounds = [text[..<dots.lowerBound], text[dots.upperBound...]]
        }
        guard let low = UInt64(bounds[0]), let high = UInt64(bounds[bounds.count - 1]), low <= high
        else { throw Usage(problem: "\(text) is no range of seeds: write 1..1000") }
        return low...high
    }

    private static func seed(_ text: String?) throws(Usage) -> UInt64 {
        guard let seed = text.flatMap({ UInt64($0) }) else {
            throw Usage(problem: "\(text ?? "nothing") is no seed: one is run here")
        }
        return seed
    }

    private static func count(_ text: String?, least: Int) throws(Usage) -> Int {
        guard let count = text.flatMap({ Int($0) }), count >= least else {
            throw Usage(problem: "\(text ?? "nothing") is no whole number from \(least) on")
        }
        return count
    }

    private static func number(_ text: String?, least: Double) throws(Usage) -> Double {
        guard let text, let value = Double(text), value.isFinite, value >= least, value < 1e9 else {
            throw Usage(problem: "\(text ?? "nothing") is no number from \(least) on")
        }
        return value
    }

    private static func scenario(_ text: String?) throws(Usage) -> SimulationScenario {
        guard let scenario = text.flatMap(SimulationScenario.init(rawValue:)) else {
            throw Usage(problem: "there is no scenario \(text ?? "")")
        }
        return scenario
    }

    private static func override(_ text: String?) throws(Usage) -> SimulationOverride {
        guard let override = text.flatMap(SimulationOverride.init) else {
            throw Usage(problem: "\(text ?? "nothing") can't be set: see --plan SEED for names")
        }
        return override
    }

    private static func points(_ text: String?) throws(Usage) -> [Int] {
        let points = (text ?? "").split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0)
        }
        let known = points.compactMap { $0 }
        guard let first = known.first, first > 0, known.count == points.count,
            zip(known, known.dropFirst()).allSatisfy(<)
        else {
            throw Usage(
                problem:
                    "\(text ?? "nothing") are no crash points, which ascend from 1: write 12 or "
                    + "12,40")
        }
        return known
    }

    func job(seed: UInt64) -> SimulationJob {
        SimulationJob(
            seed: seed, scenario: scenario, overrides: overrides,
            crashPoints: crashPoints ?? (scenario == .exhaustive ? [] : nil))
    }
}
