package import SyncCore

/// What some runs did together.
package struct RunFigures: Sendable, Equatable {
    package var runs: UInt64 = 0
    /// How many ended in which way, by the outcome's name.
    package var outcomes: [String: UInt64] = [:]
    package var counters = RunCounters()
    /// Waits after refusals and failures, and how long no request was allowed for them.
    package var waits: UInt64 = 0
    package var waitNs: Int64 = 0
    package var durationNs: Int64 = 0
    /// The soonest that the same requests could have ended under the limits.
    package var floorNs: Int64 = 0

    package init() {}

    package mutating func add(_ other: RunFigures) {
        runs = runs.saturatingAdd(other.runs)
        for (outcome, count) in other.outcomes {
            outcomes[outcome] = (outcomes[outcome] ?? 0).saturatingAdd(count)
        }
        counters.add(other.counters)
        waits = waits.saturatingAdd(other.waits)
        waitNs = waitNs.saturatingAdd(other.waitNs)
        durationNs = durationNs.saturatingAdd(other.durationNs)
        floorNs = floorNs.saturatingAdd(other.floorNs)
    }
}

/// Runs that were begun on the same day, or in the same mode, in the order of their names.
package struct RunGroups: Sendable {
    private var figures: [String: RunFigures] = [:]

    package init() {}

    package mutating func add(_ run: RunFigures, to name: String) {
        figures[name, default: RunFigures()].add(run)
    }

    package var rows: [(name: String, figures: RunFigures)] {
        figures.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }
}
