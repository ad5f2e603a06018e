internal import SyncCore

extension SimulationKnob {
    /// Every knob, in the order in which a failing plan is made smaller: what explains most when it
    /// isn't needed comes first.
    package static let all: [SimulationKnob] = [
        count("crashes", .crashes, \.crashes), flag("isStorm", .crashes, \.isStorm),
        rate("rebootShare", .crashes, \.rebootShare),
        count("diskErrors", .storage, \.diskErrors),
        count("projectionFaults", .storage, \.projectionFaults),
        count("diskFills", .storage, \.diskFills),
        amount("mapKiB", .storage, quiet: Double(64 << 20), \.mapKiB),
        count("cancels", .people, \.cancels),
        count("boundedInvocations", .people, \.boundedInvocations),
        amount("patienceMs", .people, quiet: 7_200_000, \.patienceMs),
        amount("wallStepNs", .clock, \.wallStepNs), amount("serverSkewNs", .clock, \.serverSkewNs),
        rate("faults.serverErrorRate", .server, \.faults.serverErrorRate),
        rate("faults.unavailableRate", .server, \.faults.unavailableRate),
        rate("faults.droppedRate", .network, \.faults.droppedRate),
        rate("faults.truncatedRate", .bodies, \.faults.truncatedRate),
        rate("faults.htmlRate", .bodies, \.faults.htmlRate),
        rate("faults.stalledRate", .network, \.faults.stalledRate),
        rate("connectFailureRate", .network, \.connectFailureRate),
        rate("spikeRate", .network, \.spikeRate),
        identities("faults.poisonIDs", .records, \.faults.poisonIDs),
        identities("faults.missingIDs", .records, \.faults.missingIDs),
        SimulationKnob(
            "serverLimits", .limits, read: { $0.serverLimits == .none ? 0 : 1 },
            write: { if $1 == 0 { $0.serverLimits = .none } }),
        SimulationKnob(
            "windows", .limits, isCount: true, read: { Double($0.limits.windows.count) },
            write: { $0.limits.windows = Array($0.limits.windows.prefix(Int($1))) }),
        count("touched", .records, \.touched),
        amount("restMs", .shape, \.restMs), amount("answerJitterNs", .shape, \.answerJitterNs),
        amount("answerNs", .shape, \.answerNs), flag("idsAreText", .shape, \.idsAreText),
        flag("hasToken", .shape, \.hasToken), flag("detailsByPath", .shape, \.detailsByPath),
        count("records", .shape, \.records), count("appended", .shape, least: 1, \.appended),
        count("concurrency", .shape, least: 1, \.concurrency),
        count("batch", .shape, least: 1, \.batch),
        count("pageSize", .shape, least: 1, \.pageSize),
        count("crashGap", .shape, least: 1, \.crashGap),
    ]

    package static func named(_ name: String) -> SimulationKnob? { all.first { $0.name == name } }
}
