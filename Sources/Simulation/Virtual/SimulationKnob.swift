/// One property of a plan that can be set from outside, by its name.
package struct SimulationKnob: Sendable {
    /// What kind of trouble it makes: scenarios choose among these.
    package enum Group: String, Sendable, CaseIterable {
        /// The server refuses, or limits otherwise than it should.
        case limits
        /// The server says that it failed.
        case server
        /// Connections that fail, and latency.
        case network
        /// Answers that can't be used.
        case bodies
        /// Records that can't be had, or change.
        case records
        case crashes
        case storage
        case clock
        /// People that stop a run, bound it, or change something between two of them.
        case people
        /// Events that are moved into the archive, and texts that are taken out.
        case upkeep
        /// How much there is of everything; no trouble by itself.
        case shape
    }

    package let name: String
    package let group: Group
    /// Where it makes no trouble, or as little as can be.
    package let quiet: Double
    /// Whether half of it makes sense, when all of it is needed.
    let isCount: Bool
    /// What it can be set to.
    let values: ClosedRange<Double>
    private let read: @Sendable (SimulationPlan) -> Double
    private let write: @Sendable (inout SimulationPlan, Double) -> Void

    package func value(in plan: SimulationPlan) -> Double { read(plan) }

    package func set(_ value: Double, in plan: inout SimulationPlan) { write(&plan, value) }

    /// Whether it can be set to this value; counts have no fractions.
    package func admits(_ value: Double) -> Bool {
        values.contains(value) && (!isCount || value == value.rounded())
    }

    init(
        _ name: String, _ group: Group, quiet: Double = 0, isCount: Bool = false,
        values: ClosedRange<Double> = 0...1, read: @escaping @Sendable (SimulationPlan) -> Double,
        write: @escaping @Sendable (inout SimulationPlan, Double) -> Void
    ) {
        self.name = name
        self.group = group
        self.quiet = quiet
        self.isCount = isCount
        self.values = isCount ? max(values.lowerBound, 0)...max(values.upperBound, 1e6) : values
        self.read = read
        self.write = write
    }

    /// A number of things.
    static func count<Value: BinaryInteger & SendableMetatype>(
        _ name: String, _ group: Group, least: Double = 0,
        _ path: any WritableKeyPath<SimulationPlan, Value> & Sendable
    ) -> SimulationKnob {
        SimulationKnob(
            name, group, quiet: least, isCount: true, values: least...1e6,
            read: { Double($0[keyPath: path]) },
            write: { $0[keyPath: path] = Value($1) })
    }

    /// A number that has one value at which it makes no trouble.
    ///
    /// - Parameter least: times last no less than nothing.
    static func amount<Value: BinaryInteger & SendableMetatype>(
        _ name: String, _ group: Group, quiet: Double = 0, least: Double = 0,
        _ path: any WritableKeyPath<SimulationPlan, Value> & Sendable
    ) -> SimulationKnob {
        SimulationKnob(
            name, group, quiet: quiet, values: least...4.5e18,
            read: { Double($0[keyPath: path]) },
            write: { $0[keyPath: path] = Value($1) })
    }

    static func rate(
        _ name: String, _ group: Group,
        _ path: any WritableKeyPath<SimulationPlan, Double> & Sendable
    ) -> SimulationKnob {
        SimulationKnob(
            name, group, read: { $0[keyPath: path] }, write: { $0[keyPath: path] = $1 })
    }

    static func flag(
        _ name: String, _ group: Group, _ path: any WritableKeyPath<SimulationPlan, Bool> & Sendable
    ) -> SimulationKnob {
        SimulationKnob(
            name, group, read: { $0[keyPath: path] ? 1 : 0 },
            write: { $0[keyPath: path] = $1 != 0 })
    }

    /// A set of identities, of which the smallest are kept.
    static func identities(
        _ name: String, _ group: Group,
        _ path: any WritableKeyPath<SimulationPlan, Set<Int64>> & Sendable
    ) -> SimulationKnob {
        SimulationKnob(
            name, group, isCount: true, read: { Double($0[keyPath: path].count) },
            write: { $0[keyPath: path] = Set($0[keyPath: path].sorted().prefix(Int($1))) })
    }
}
