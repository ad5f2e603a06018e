internal import SyncCore

/// What a plan says, and what the server did by it.
extension SimulationCoverage {
    mutating func count(_ plan: SimulationPlan, _ arrivals: [ERPArrival]) {
        switch plan.paging {
        case .page: count(.pagingPage)
        case .offset: count(.pagingOffset)
        case .idAfter: count(.pagingIDAfter)
        }
        count(plan.reportsTotal ? .withTotal : .withoutTotal)
        if plan.incremental == .none { count(.withoutIncremental) }
        if plan.isRealistic { count(.realisticPace) }
        // Less than a millisecond is no more than timers are off by.
        let span = (arrivals.last?.timeNs ?? 0) - (arrivals.first?.timeNs ?? 0)
        if abs(span / 1_000_000 * plan.bootDriftPPM) > .nsPerMs { count(.bootClockDrift) }
        if arrivals.contains(where: \.bringsRecords) { countIdentities(plan) }
        countLimits(plan, arrivals)
        countMoments(plan, arrivals)
        for arrival in arrivals { count(arrival, plan) }
    }

    private mutating func count(_ arrival: ERPArrival, _ plan: SimulationPlan) {
        if let fault = arrival.fault { count(Self.kind(of: fault)) }
        if arrival.updated != nil {
            count(arrival.endpoint == .list ? .updatedWhileListed : .updatedWhileDetailed)
        }
        if plan.hasToken, arrival.status != 0 { count(.echoedToken) }
        if arrival.status == 401 || arrival.status == 403 { count(.refusedToken) }
        if let form = arrival.retryAfter { count(form, arrival, plan) }
        guard case .details(let ids) = arrival.target else { return }
        if arrival.isPoison { countPoison(arrival.fault) }
        if ids.contains(where: plan.faults.missingIDs.contains) { count(.missing) }
        if arrival.status == 410 { count(.missingIsGone) }
    }

    /// Each fault of the server is a class of its own, and has its name.
    static func kind(of fault: ERPFault) -> Kind {
        guard let kind = Kind(rawValue: "\(fault)") else {
            preconditionFailure("the fault \(fault) has no class that is counted")
        }
        return kind
    }

    private mutating func countPoison(_ fault: ERPFault?) {
        switch fault {
        case .serverError, .badGateway, .gatewayTimeout: count(.poison)
        case .stalled, .stalledBody: count(.poisonInTime)
        default: count(.poisonInBody)
        }
    }

    private mutating func count(
        _ form: ERPConfiguration.RetryAfterForm, _ arrival: ERPArrival, _ plan: SimulationPlan
    ) {
        guard arrival.status == 429 else {
            count(.unavailableWithRetryAfter)
            return
        }
        if !plan.sendsDate { count(.limitedWithoutServerDate) }
        switch form {
        case .seconds: count(.limitedWithSeconds)
        case .httpDate: count(.limitedWithDate)
        case .none: count(.limitedWithoutWait)
        case .zero: count(.limitedWithZero)
        case .negative: count(.limitedWithNegative)
        case .pastDate: count(.limitedWithPastDate)
        case .garbage: count(.limitedWithGarbage)
        case .huge: count(.limitedWithHuge)
        case .hugeDate: count(.limitedWithHugeDate)
        }
    }

    private mutating func countIdentities(_ plan: SimulationPlan) {
        switch plan.identities.form {
        case .numbers: break
        case .text: count(.textIDs)
        case .mixed: count(.mixedIDs)
        case .textInDetails: count(.textIDsInDetails)
        }
        let last = plan.identities.base &+ UInt64(plan.records)
        if plan.identities.base < 1 << 63, last >= 1 << 63 { count(.idsAcross63Bits) }
    }

    private mutating func countLimits(_ plan: SimulationPlan, _ arrivals: [ERPArrival]) {
        let refused = arrivals.filter { $0.status == 429 }
        let isFull = plan.limits.windows.contains { window in
            arrivals.lazy.map(\.timeNs).mostInWindow(ofNs: window.periodNs) >= window.requests
        }
        switch plan.serverLimits {
        case .none: break
        case .sliding: if isFull { count(.slidingWindows) }
        case .fixed: if isFull { count(.fixedWindows) }
        case .tokenBucket: if isFull { count(.tokenBucket) }
        case .stricter: count(.stricterLimits, refused.count { $0.refusedFor.isEmpty })
        }
        count(.refusedCount, refused.count { $0.refusedFor.contains(.refusedRequests) })
        count(.secondClient, refused.count { $0.refusedFor.contains(.secondClient) })
        count(.loweredLimits, refused.count { $0.refusedFor.contains(.loweredLimits) })
        let raised = plan.limitChanges.first { $0.share == 1 }?.arrival ?? .max
        if arrivals.contains(where: { $0.number >= raised }) { count(.raisedLimits) }
    }

    /// Counts the moments of the calendar that requests came shortly before and after.
    private mutating func countMoments(_ plan: SimulationPlan, _ arrivals: [ERPArrival]) {
        let hour = 3_600 * Int64.nsPerSecond
        for (moment, kind) in SimulationPlan.moments {
            let at = moment * .nsPerSecond - plan.startNs + VirtualClock.firstNs
            let isBefore = arrivals.contains { (at - hour..<at).contains($0.timeNs) }
            let isAfter = arrivals.contains { (at..<at + hour).contains($0.timeNs) }
            if isBefore, isAfter { count(kind) }
        }
    }
}

extension ERPArrival {
    fileprivate var bringsRecords: Bool {
        guard status == 200, case .page = target else { return false }
        return true
    }
}
