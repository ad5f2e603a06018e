internal import SyncCore

/// A named restriction of the plans: it forces one kind of trouble and silences others.
package enum SimulationScenario: String, Sendable, CaseIterable {
    case mixed, calm, limits, server, network, bodies, records, crashes, storm, storage, power
    case clock, people, upkeep, pace, exhaustive

    /// One line for people.
    package var summary: String {
        switch self {
        case .mixed: "everything, as the seed draws it"
        case .calm: "no fault at all"
        case .limits: "a server that refuses"
        case .server: "a server that fails"
        case .network: "connections that fail, late and lost answers"
        case .bodies: "answers that can't be used"
        case .records: "records that can't be had, or change"
        case .crashes: "crashes and reboots"
        case .storm: "crashes one upon the other, and late arrivals"
        case .storage: "writes that fail, a damaged projection, a small map, little space"
        case .power: "losses of power, which take back what was not synced"
        case .clock: "clocks that are set, and reboots"
        case .people:
            "signals, bounded and impatient runs, alerts, hands in queue and configuration"
        case .upkeep: "events moved into the archive, texts taken out, and crashes in both"
        case .pace: "a thousand requests under real limits: how long it takes"
        case .exhaustive: "300 records, crashed at every point; see --double"
        }
    }

    /// The plan of a seed in this scenario.
    package func plan(seed: UInt64) -> SimulationPlan {
        var plan = SimulationPlan(seed: seed)
        guard self != .mixed else { return plan }
        for knob in SimulationKnob.all where knob.group != .shape && !kept.contains(knob.group) {
            knob.set(knob.quiet, in: &plan)
        }
        force(&plan, SeededGenerator(seed, 0x0555, 0))
        return plan
    }

    private var kept: Set<SimulationKnob.Group> {
        switch self {
        case .mixed: Set(SimulationKnob.Group.allCases)
        case .calm, .pace, .exhaustive: []
        case .limits: [.limits]
        case .server: [.server]
        case .network: [.network]
        case .bodies: [.bodies]
        case .records: [.records]
        case .crashes, .storm: [.crashes, .network]
        case .storage: [.storage]
        case .power: [.storage, .crashes]
        case .clock: [.clock, .crashes]
        case .people: [.people]
        case .upkeep: [.upkeep, .crashes, .storage]
        }
    }

    private func force(_ plan: inout SimulationPlan, _ generator: SeededGenerator) {
        var generator = generator
        switch self {
        case .mixed, .calm: break
        case .limits:
            if plan.serverAdmitsAll, !plan.limits.windows.isEmpty {
                plan.serverLimits = .stricter(share: 0.4, refusedCount: false)
            }
        case .server:
            for fault in [ERPFault.serverError, .badGateway, .unavailable, .gatewayTimeout] {
                plan.faults[fault] = 0.05
            }
        case .network:
            for fault in [ERPFault.dropped, .truncated, .stalled, .stalledBody] {
                plan.faults[fault] = 0.04
            }
            plan.spikeRate = max(plan.spikeRate, 0.1)
        case .bodies:
            for fault in [ERPFault.html, .cutBody, .invalidJSON, .emptyBody, .missingID] {
                plan.faults[fault] = 0.03
            }
        case .records:
            for _ in 0..<4 {
                plan.faults.poisonIDs.insert(Int64(1 + generator.below(max(plan.records, 1))))
                plan.faults.missingIDs.insert(Int64(1 + generator.below(max(plan.records, 1))))
            }
            plan.crashingIDs.insert(Int64(1 + generator.below(max(plan.records, 1))))
            plan.touched = max(plan.touched, 5)
            plan.faults.updateRate = max(plan.faults.updateRate, 0.05)
        case .crashes: plan.crashes = max(plan.crashes, 8)
        case .storm:
            plan.isStorm = true
            plan.crashes = 40
            plan.crashGap = min(plan.crashGap, 8)
            plan.rebootShare = 0.5
            plan.spikeRate = 0.7
        case .storage:
            plan.diskErrors = 3
            plan.projectionFaults = 3
            plan.isSynced = generator.below(2) == 0
            plan.mapKiB = 64 + generator.below(448)
        case .power:
            plan.isSynced = true
            plan.crashes = max(plan.crashes, 8)
            plan.rebootShare = 1
            plan.projectionFaults = max(plan.projectionFaults, 2)
        case .clock:
            if plan.wallStepNs == 0 {
                plan.wallStepNs = Int64(5 - generator.below(10)) * 4_000_000_000
            }
            plan.crashes = max(plan.crashes, 4)
            plan.rebootShare = 0.7
        case .people:
            plan.cancels = max(plan.cancels, 2)
            plan.boundedInvocations = max(plan.boundedInvocations, 4)
            plan.healthChecks = max(plan.healthChecks, 2)
            plan.healthAsks = max(plan.healthAsks, 2)
            plan.alerts = max(plan.alerts, 6)
            plan.queueChanges = max(plan.queueChanges, 2)
            plan.policyChanges = max(plan.policyChanges, 2)
            plan.abandons = max(plan.abandons, 1)
        case .upkeep:
            plan.compactions = max(plan.compactions, 3)
            plan.redactions = max(plan.redactions, 2)
            plan.crashes = max(plan.crashes, 12)
            plan.crashGap = min(plan.crashGap, 20)
            plan.isSynced = generator.below(2) == 0
            plan.rebootShare = max(plan.rebootShare, 0.5)
        case .pace: plan.makeRealistic(&generator)
        case .exhaustive: plan.makeExhaustive(&generator)
        }
    }
}

extension SimulationPlan {
    /// More than a thousand requests under an hour's and a minute's limit, and an API that answers
    /// within a second.
    fileprivate mutating func makeRealistic(_ generator: inout SeededGenerator) {
        limits.windows = [
            RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond),
            RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond),
        ]
        serverLimits = .sliding
        batch = 1 + generator.below(3)
        records = batch * (1_050 + generator.below(300))
        detailsByPath = false
        pageSize = 100
        serverPageSize = 1_000
        forwardNs = Int64(1 + generator.below(100)) * .nsPerMs
        answerNs = Int64(generator.below(200)) * .nsPerMs
        answerJitterNs = Int64(generator.below(300)) * .nsPerMs
        timeoutNs = 30 * .nsPerSecond
        idleTimeoutNs = timeoutNs
        connectTimeoutNs = timeoutNs
        retry = RetryPolicy()
        // Faults at first, now and then: the pace counts from when they are over.
        if generator.below(2) == 0 {
            faults[.serverError] = 0.05
            faults[.dropped] = 0.05
            faults.lastArrival = 60
        }
    }

    /// A first sync of 300 records with one failure of each kind, which is run over and over.
    fileprivate mutating func makeExhaustive(_ generator: inout SeededGenerator) {
        records = 300
        pageSize = 50
        serverPageSize = 1_000
        batch = 5
        concurrency = 3
        detailsByPath = false
        appended = 1
        identities = ERPIdentities()
        limits = LimitPolicy(
            windows: [RateWindow(name: "second", requests: 10, periodNs: .nsPerSecond)],
            cooldownMs: 1_000, deliveryBoundMs: 500)
        serverLimits = .none
        forwardNs = 20 * .nsPerMs
        answerNs = 50 * .nsPerMs
        answerJitterNs = 100 * .nsPerMs
        timeoutNs = 5 * .nsPerSecond
        idleTimeoutNs = timeoutNs
        connectTimeoutNs = timeoutNs
        retry = RetryPolicy()
        faults.poisonIDs = [17, 202]
        faults.poisonForms = [.serverError]
        faults.missingIDs = [88]
        faults.missingForms = [.leftOut]
        // Which requests these are differs from seed to seed.
        faults.refusedArrivals = [2 + generator.below(60)]
        faults.listed = [1 + generator.below(60): .serverError]
    }
}
