internal import SyncCore

extension SimulationPlan {
    /// Draws the plan of a seed.
    package init(seed: UInt64) {
        var draw = PlanDraw(SeededGenerator(seed, 0x0551, 0))
        self.seed = seed
        isRealistic = draw.chance(0.4)
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
        identities = draw.identities(records: records)
        hasToken = draw.chance(0.4)
        batch = draw.between(1, 10)
        concurrency = draw.between(1, 6)
        detailsByPath = batch == 1 && draw.chance(0.5)
        let windows = draw.windows(isRealistic)
        serverLimits = draw.serverLimits(windows)
        limits = draw.limitPolicy(windows, serverLimits, isRealistic)
        retry = draw.retryPolicy(isRealistic)
        isStorm = draw.chance(0.08)
        spikeRate = isStorm ? 0.7 : draw.chance(0.6) ? draw.share(0.3) : 0
        let times = draw.times(limits, isRealistic)
        (forwardNs, answerNs, answerJitterNs) = (times.forward, times.answer, times.jitter)
        (connectTimeoutNs, idleTimeoutNs, timeoutNs) = (times.connect, times.idle, times.total)
        faults = draw.faults(
            records: records, stallNs: max(idleTimeoutNs, timeoutNs) + .nsPerSecond, isRealistic)
        connectFailureRate = draw.chance(0.5) ? draw.share(0.15) : 0
        let last = faults.lastArrival ?? 0
        tokenChanges = hasToken && draw.chance(0.6) ? draw.arrivals(upTo: last) : []
        strangerStatus = draw.one(of: [401, 401, 403])
        limitChanges = windows.isEmpty ? [] : draw.limitChanges(upTo: last)
        secondClient = draw.secondClient(windows, upTo: last)
        retryAfter = draw.retryAfter()
        sendsDate = draw.chance(0.9)
        crashes = isStorm ? 40 : draw.chance(0.75) ? draw.between(1, 12) : 0
        crashGap = isStorm ? draw.between(2, 8) : draw.between(2, 60)
        rebootShare = isStorm ? 0.5 : draw.one(of: [0, 0.25, 0.7])
        cancels = draw.chance(0.2) ? draw.between(1, 2) : 0
        diskFills = draw.chance(0.15) ? draw.between(1, 3) : 0
        boundedInvocations = draw.chance(0.35) ? draw.between(1, 5) : 0
        patienceMs = draw.patienceMs(isRealistic)
        pauseMs = isRealistic ? draw.one(of: [5, 15, 60, 1_440]) * 60_000 : 10_000
        suspends = draw.chance(0.25) ? draw.between(1, 3) : 0
        suspendMs = draw.one(of: [1_000, 60_000, 43_200_000])
        startNs = draw.startNs()
        // A date that a server without a clock names would be decades away.
        losesTime = sendsDate && draw.chance(0.2)
        bootDriftPPM = draw.chance(0.3) ? Int64(draw.between(-60, 60)) : 0
        wallStepNs = draw.wallStep()
        wallStepAt = draw.between(1, 150)
        serverSkewNs = draw.serverSkewNs()
        diskErrors = draw.chance(0.2) ? draw.between(1, 3) : 0
        projectionFaults = draw.chance(0.2) ? draw.between(1, 3) : 0
        mapKiB = draw.chance(0.2) ? draw.between(64, 512) : 64 << 20
        isSynced = draw.chance(0.1)
        crashingIDs =
            records > 0 && draw.chance(0.1) ? [Int64(draw.between(1, records))] : []
        healthChecks = draw.chance(0.2) ? draw.between(1, 6) : 0
        healthByPath = draw.chance(0.5)
        forgets = draw.chance(0.3) ? draw.between(1, 4) : 0
        queueChanges = draw.chance(0.25) ? draw.between(1, 6) : 0
        policyChanges = draw.chance(0.25) ? draw.between(1, 6) : 0
        abandons = draw.chance(0.25) ? draw.between(1, 2) : 0
        compactions = draw.chance(0.25) ? draw.between(1, 4) : 0
        redactions = draw.chance(compactions > 0 ? 0.6 : 0.15) ? draw.between(1, 3) : 0
        healthAsks = draw.chance(0.25) ? draw.between(1, 6) : 0
        stopsAsked = draw.chance(0.1) ? draw.between(1, 3) : 0
        alerts = draw.chance(0.3) ? draw.between(2, 12) : 0
    }
}
