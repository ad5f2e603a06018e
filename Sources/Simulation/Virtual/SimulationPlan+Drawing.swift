internal import SyncCore

extension SimulationPlan {
    /// Draws the plan of a seed.
    package init(seed: UInt64) {
        var draw = PlanDraw(SeededGenerator(seed, 0x0551, 0))
        self.seed = seed
        // Few records more often than many: most of what can go wrong needs few, and then more
        // seeds find more than more records do.
        records =
            draw.chance(0.05)
            ? draw.between(0, 19)
            : draw.between(20, draw.one(of: [40, 40, 60, 60, 150, 400]))
        appended = draw.between(1, 30)
        touched = draw.chance(0.5) ? draw.between(1, 20) : 0
        pageSize = draw.between(5, 120)
        serverPageSize = draw.chance(0.1) ? draw.between(3, 60) : 1_000
        paging = draw.one(of: [.page, .offset, .idAfter])
        reportsTotal = draw.chance(0.6)
        incremental = draw.chance(0.8) ? .idAfter : .none
        idsAreText = draw.chance(0.3)
        hasToken = draw.chance(0.3)
        batch = draw.between(1, 10)
        concurrency = draw.between(1, 6)
        detailsByPath = batch == 1 && draw.chance(0.5)
        let bound = Int64(draw.between(200, 4_000))
        let windows = draw.windows()
        serverLimits = draw.serverLimits(windows)
        var multipliers = [1.5, 2, 3]
        // A wait that never grows is refused for ever by a server that counts refused requests.
        if case .stricter(_, refusedCount: true) = serverLimits {} else { multipliers.append(1) }
        limits = LimitPolicy(
            windows: windows, cooldownMs: Int64(draw.between(200, 5_000)),
            backoffMultiplier: draw.one(of: multipliers), deliveryBoundMs: bound)
        retryAfter = draw.one(of: ERPConfiguration.RetryAfterForm.allCases)
        retry = RetryPolicy(
            attempts: draw.between(2, 5), baseMs: Int64(draw.between(20, 1_000)),
            multiplier: draw.one(of: [1, 2, 3]), maxMs: Int64(draw.between(1_000, 10_000)))
        forwardNs = min(Int64(draw.between(1, 150)), bound) * .nsPerMs
        isStorm = draw.chance(0.15)
        spikeRate = isStorm ? 0.7 : draw.chance(0.6) ? draw.share(0.3) : 0
        answerNs = Int64(draw.between(0, 300)) * .nsPerMs
        answerJitterNs = Int64(draw.between(0, 1_000)) * .nsPerMs
        // What isn't a spike is answered in time.
        timeoutNs =
            answerNs + answerJitterNs + 2 * forwardNs
            + Int64(draw.between(50, 8_000)) * .nsPerMs
        faults = draw.faults(records: records, timeoutNs: timeoutNs)
        connectFailureRate = draw.chance(0.4) ? draw.share(0.1) : 0
        crashes = isStorm ? 40 : draw.chance(0.75) ? draw.between(1, 12) : 0
        crashGap = isStorm ? draw.between(2, 8) : draw.between(2, 60)
        rebootShare = isStorm ? 0.5 : draw.one(of: [0, 0.25, 0.7])
        cancels = draw.chance(0.2) ? draw.between(1, 2) : 0
        diskFills = draw.chance(0.15) ? draw.between(1, 3) : 0
        boundedInvocations = draw.chance(0.35) ? draw.between(1, 5) : 0
        patienceMs = draw.chance(0.3) ? Int64(draw.between(100, 10_000)) : 7_200_000
        wallStepNs = draw.wallStep()
        wallStepAt = draw.between(1, 150)
        serverSkewNs = Int64(draw.between(-90, 90)) * .nsPerSecond
        diskErrors = draw.chance(0.2) ? draw.between(1, 3) : 0
        projectionFaults = draw.chance(0.2) ? draw.between(1, 3) : 0
        mapKiB = draw.chance(0.2) ? draw.between(64, 512) : 64 << 20
        // Scheduled syncs are hours apart.
        restMs = draw.one(of: [0, 60_000, 3_600_000, 48 * 3_600_000])
    }
}

/// Draws the parts of a plan, one after the other.
private struct PlanDraw {
    private var generator: SeededGenerator

    init(_ generator: SeededGenerator) { self.generator = generator }

    mutating func chance(_ share: Double) -> Bool { unit() < share }

    mutating func share(_ most: Double) -> Double { unit() * most }

    mutating func between(_ least: Int, _ most: Int) -> Int {
        least + generator.below(most - least + 1)
    }

    mutating func one<Value>(of values: [Value]) -> Value { values[generator.below(values.count)] }

    private mutating func unit() -> Double { Double(generator.next() >> 11) * 0x1p-53 }

    /// One window or two, the second longer and with more requests; rarely none.
    mutating func windows() -> [RateWindow] {
        if chance(0.08) { return [] }
        let requests = between(2, 20)
        let periodMs = between(500, 6_000)
        let short = RateWindow(
            name: "minute", requests: requests, periodNs: Int64(periodMs) * .nsPerMs)
        if chance(0.4) { return [short] }
        let longRequests = requests * between(2, 8)
        let longMs = periodMs * between(3, 15)
        return [
            short,
            RateWindow(name: "hour", requests: longRequests, periodNs: Int64(longMs) * .nsPerMs),
        ]
    }

    mutating func serverLimits(_ windows: [RateWindow]) -> SimulationPlan.ServerLimits {
        guard !windows.isEmpty else { return .none }
        switch between(0, 9) {
        case 0: return .none
        case 1...4: return .sliding
        case 5, 6:
            return .fixed(
                phasesNs: windows.map { Int64(between(0, Int($0.periodNs / .nsPerMs))) * .nsPerMs })
        default: return .stricter(share: 0.3 + share(0.6), refusedCount: chance(0.3))
        }
    }

    mutating func faults(records: Int, timeoutNs: Int64) -> ERPFaults {
        var faults = ERPFaults()
        if chance(0.8) {
            let most = one(of: [0.02, 0.05, 0.1, 0.2])
            if chance(0.6) { faults.serverErrorRate = share(most) }
            if chance(0.6) { faults.unavailableRate = share(most) }
            if chance(0.6) { faults.droppedRate = share(most) }
            if chance(0.6) { faults.truncatedRate = share(most) }
            if chance(0.6) { faults.htmlRate = share(most) }
            if chance(0.6) { faults.stalledRate = share(most) }
        }
        faults.stallNs = timeoutNs + .nsPerSecond
        faults.unavailableRetryAfterSeconds = chance(0.5) ? between(1, 20) : nil
        faults.lastArrival = between(10, 30 + records)
        guard records > 0 else { return faults }
        if chance(0.4) {
            for _ in 0..<between(1, 6) { faults.poisonIDs.insert(Int64(between(1, records))) }
        }
        if chance(0.4) {
            for _ in 0..<between(1, 6) { faults.missingIDs.insert(Int64(between(1, records))) }
        }
        return faults
    }

    mutating func wallStep() -> Int64 {
        guard chance(0.25) else { return 0 }
        // Below a second it isn't noticed.
        let mostMs = chance(0.5) ? 950 : 30_000
        return Int64(between(-mostMs, mostMs)) * .nsPerMs
    }
}
