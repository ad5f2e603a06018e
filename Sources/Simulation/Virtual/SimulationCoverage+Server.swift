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
        if plan.bootDriftPPM != 0 { count(.bootClockDrift) }
        countIdentities(plan)
        countLimits(plan, arrivals)
        countMoments(plan, arrivals)
        for arrival in arrivals { count(arrival, plan) }
    }

    private mutating func count(_ arrival: ERPArrival, _ plan: SimulationPlan) {
        if let fault = arrival.fault, let kind = Kind(rawValue: "\(fault)") { count(kind) }
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
        switch plan.serverLimits {
        case .none: break
        case .sliding: count(.slidingWindows)
        case .fixed: count(.fixedWindows)
        case .tokenBucket: count(.tokenBucket)
        case .stricter(_, let refusedCount):
            count(.stricterLimits, refused.count)
            if refusedCount { count(.refusedCount, refused.count) }
        }
        if let second = plan.secondClient {
            count(.secondClient, refused.count { $0.number <= second.lastArrival })
        }
        for (index, change) in plan.limitChanges.enumerated() {
            let end =
                index + 1 < plan.limitChanges.count ? plan.limitChanges[index + 1].arrival : .max
            if change.share < 1 {
                count(.loweredLimits, refused.count { (change.arrival..<end).contains($0.number) })
            } else if arrivals.contains(where: { $0.number >= change.arrival }) {
                count(.raisedLimits)
            }
        }
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
