internal import SyncCore

extension SimulationKnob {
    /// Every knob, in the order in which a failing plan is made smaller: what explains most when it
    /// isn't needed comes first.
    package static let all = machine + server + rates + shape

    package static func named(_ name: String) -> SimulationKnob? { all.first { $0.name == name } }

    private static let machine: [SimulationKnob] = [
        count("crashes", .crashes, \.crashes), flag("isStorm", .crashes, \.isStorm),
        rate("rebootShare", .crashes, \.rebootShare),
        count("diskErrors", .storage, \.diskErrors),
        count("projectionFaults", .storage, \.projectionFaults),
        flag("isSynced", .storage, \.isSynced),
        count("diskFills", .storage, \.diskFills),
        amount("mapKiB", .storage, quiet: Double(64 << 20), least: 64, \.mapKiB),
        count("cancels", .people, \.cancels),
        count("boundedInvocations", .people, \.boundedInvocations),
        count("healthChecks", .people, \.healthChecks), count("forgets", .people, \.forgets),
        count("healthAsks", .people, \.healthAsks), count("stopsAsked", .people, \.stopsAsked),
        count("alerts", .people, \.alerts), count("queueChanges", .people, \.queueChanges),
        count("policyChanges", .people, \.policyChanges),
        count("abandons", .people, \.abandons),
        count("compactions", .upkeep, \.compactions),
        count("redactions", .upkeep, \.redactions),
        amount("patienceMs", .people, quiet: 7_200_000, \.patienceMs),
        amount("wallStepNs", .clock, least: -1e15, \.wallStepNs),
        amount("serverSkewNs", .clock, least: -1e15, \.serverSkewNs),
        count("suspends", .clock, \.suspends),
        amount("bootDriftPPM", .clock, least: -1_000, \.bootDriftPPM),
        flag("losesTime", .clock, \.losesTime),
        // The first moment of 2026.
        amount("startNs", .clock, quiet: 1_767_225_600e9, \.startNs),
    ]

    private static let server: [SimulationKnob] = [
        SimulationKnob(
            "serverLimits", .limits, read: { $0.serverLimits == .none ? 0 : 1 },
            write: { if $1 == 0 { $0.serverLimits = .none } }),
        SimulationKnob(
            "limitChanges", .limits, isCount: true, read: { Double($0.limitChanges.count) },
            write: { $0.limitChanges = Array($0.limitChanges.prefix(Int($1))) }),
        SimulationKnob(
            "secondClient", .limits, read: { $0.secondClient == nil ? 0 : 1 },
            write: { if $1 == 0 { $0.secondClient = nil } }),
        SimulationKnob(
            "retryAfter", .limits, read: { $0.retryAfter == [.seconds] ? 0 : 1 },
            write: { if $1 == 0 { $0.retryAfter = [.seconds] } }),
        SimulationKnob(
            "sendsDate", .limits, quiet: 1, read: { $0.sendsDate ? 1 : 0 },
            write: { $0.sendsDate = $1 != 0 }),
        SimulationKnob(
            "tokenChanges", .server, isCount: true, read: { Double($0.tokenChanges.count) },
            write: { $0.tokenChanges = Array($0.tokenChanges.prefix(Int($1))) }),
        identities("faults.poisonIDs", .records, \.faults.poisonIDs),
        identities("faults.missingIDs", .records, \.faults.missingIDs),
        identities("crashingIDs", .records, \.crashingIDs),
        rate("faults.updateRate", .records, \.faults.updateRate),
        count("touched", .records, \.touched),
    ]

    private static let rates: [SimulationKnob] =
        ERPFault.allCases.map { fault in
            SimulationKnob(
                "faults.\(fault)", fault.group, read: { $0.faults[fault] },
                write: { $0.faults[fault] = $1 })
        } + [
            rate("connectFailureRate", .network, \.connectFailureRate),
            rate("spikeRate", .network, \.spikeRate),
        ]

    private static let shape: [SimulationKnob] = [
        SimulationKnob(
            "windows", .shape, isCount: true, read: { Double($0.limits.windows.count) },
            write: { $0.limits.windows = Array($0.limits.windows.prefix(Int($1))) }),
        flag("isRealistic", .shape, \.isRealistic), amount("pauseMs", .shape, \.pauseMs),
        SimulationKnob(
            "identities", .shape, read: { $0.identities == ERPIdentities() ? 0 : 1 },
            write: { if $1 == 0 { $0.identities = ERPIdentities() } }),
        amount("answerJitterNs", .shape, \.answerJitterNs), amount("answerNs", .shape, \.answerNs),
        flag("hasToken", .shape, \.hasToken), flag("detailsByPath", .shape, \.detailsByPath),
        flag("healthByPath", .shape, \.healthByPath),
        count("records", .shape, \.records), count("appended", .shape, least: 1, \.appended),
        count("concurrency", .shape, least: 1, \.concurrency),
        count("batch", .shape, least: 1, \.batch),
        count("pageSize", .shape, least: 1, \.pageSize),
        count("crashGap", .shape, least: 1, \.crashGap),
    ]
}

extension ERPFault {
    fileprivate var group: SimulationKnob.Group {
        switch self {
        case .serverError, .badGateway, .unavailable, .gatewayTimeout: .server
        case .dropped, .truncated, .stalled, .stalledBody: .network
        default: .bodies
        }
    }
}
