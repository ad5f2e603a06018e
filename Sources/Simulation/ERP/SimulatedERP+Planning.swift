internal import SyncCore

/// What an arrival gets, before anything is rendered.
extension SimulatedERP {
    struct Planned {
        var status: Int
        var fault: ERPFault?
        /// The fault is one of the records asked for, and comes each time.
        var isPoison = false
        /// How the answer says when to come again, and when that is.
        var retryAfter: ERPConfiguration.RetryAfterForm?
        var waitNs: Int64 = 0
        var refusedFor: [ERPArrival.Hindrance] = []
        /// The sentence of an error; nil when the route's own answer is due.
        var message: String?
        /// The order that was changed just before.
        var updated: Int64?
    }

    /// Decides on an arrival; to be called in the order of the arrivals.
    func plan(
        _ asked: ERPRoute, _ request: ERPRequest, number: Int, atNs now: Int64, _ state: inout State
    ) -> Planned {
        let updated = update(asked, number: number, &state)
        var planned = answer(to: asked, request, number: number, atNs: now, &state)
        planned.updated = updated
        return planned
    }

    private func answer(
        to asked: ERPRoute, _ request: ERPRequest, number: Int, atNs now: Int64,
        _ state: inout State
    ) -> Planned {
        if let token = token(atArrival: number),
            request.header("authorization") != "Bearer \(token)"
        {
            return Planned(
                status: configuration.strangerStatus, message: "credenciais ausentes ou inválidas")
        }
        let isListed = configuration.faults.refusedArrivals.contains(number)
        let (refusal, causes) = refusal(number: number, atNs: now, &state)
        if let wait = refusal ?? (isListed ? 1 : nil) {
            return Planned(
                status: 429, retryAfter: retryAfterForm(number), waitNs: wait, refusedFor: causes,
                message: "limite de requisições excedido")
        }
        if let poison = poison(asked) {
            var planned = planned(poison, asked, number: number)
            planned.isPoison = true
            return planned
        }
        if let fault = fault(asked, number: number, state.dataset) {
            return planned(fault, asked, number: number)
        }
        var planned = Planned(status: 200)
        if case .refused(let status, let message) = asked.action {
            planned.status = status
            planned.message = message
        } else if case .details(let ids) = asked.target {
            if let status = missing(ids, asked.action, state.dataset) {
                planned.status = status
                planned.message = "ordem de serviço não encontrada"
            }
        }
        return planned
    }

    /// How the first poisoned order among those asked for spoils the answer, if there is one.
    private func poison(_ asked: ERPRoute) -> ERPFault? {
        guard case .details(let ids) = asked.target else { return nil }
        return ids.lazy.compactMap {
            self.configuration.faults.poison($0, seed: self.configuration.seed)
        }.first
    }

    private func planned(_ fault: ERPFault, _ asked: ERPRoute, number: Int) -> Planned {
        var planned = Planned(status: fault.status ?? 200, fault: fault, message: fault.message)
        if fault == .unavailable, let seconds = configuration.faults.unavailableRetryAfterSeconds {
            let form = retryAfterForm(number)
            planned.retryAfter = form == .none ? .seconds : form
            planned.waitNs = Int64(seconds) * 1_000_000_000
        }
        if fault.status == nil, case .refused(let status, let message) = asked.action {
            planned.status = status
            planned.message = message
        }
        return planned
    }

    /// The fault of an arrival, where the request is one that can have it.
    private func fault(_ asked: ERPRoute, number: Int, _ dataset: ERPDataset) -> ERPFault? {
        guard
            let fault = configuration.faults.fault(seed: configuration.seed, arrival: number)
        else { return nil }
        guard fault.isOfRows || fault == .noRecords || fault == .recordsObject else { return fault }
        let hasRows =
            switch asked.action {
            case .list(let above, let offset, _, _): dataset.count(above: above) > offset
            case .details(let ids): !found(ids, dataset).isEmpty
            case .record(let id): !found([id], dataset).isEmpty
            case .health, .refused: false
            }
        let isFit = asked.endpoint == .detail || !fault.isOfDetails
        return hasRows && isFit ? fault : nil
    }

    /// The status of an answer about orders that have no detail; nil when it is an ordinary one.
    private func missing(
        _ ids: [Int64], _ action: ERPRoute.Action, _ dataset: ERPDataset
    ) -> Int? {
        let (faults, seed) = (configuration.faults, configuration.seed)
        switch ids.lazy.compactMap({ faults.missing($0, seed: seed) }).first(where: {
            $0 != .leftOut
        }) {
        case .notFound?: return 404
        case .gone?: return 410
        case .leftOut?, nil: break
        }
        if case .record(let id) = action, found([id], dataset).isEmpty { return 404 }
        return nil
    }

    static func easierLimiters(
        _ configuration: ERPConfiguration
    ) -> [ERPArrival.Hindrance: ERPLimiter] {
        var easier: [ERPArrival.Hindrance: ERPLimiter] = [:]
        let limits = configuration.limits
        let usual = ERPLimiter(limits, refusedCount: configuration.refusedCount)
        if configuration.secondClient != nil { easier[.secondClient] = usual }
        if !configuration.limitChanges.isEmpty { easier[.loweredLimits] = usual }
        if configuration.refusedCount {
            easier[.refusedRequests] = ERPLimiter(limits, refusedCount: false)
        }
        return easier
    }

    /// How long an arrival that is refused must wait, and for what; nil when it is not refused.
    private func refusal(
        number: Int, atNs now: Int64, _ state: inout State
    ) -> (waitNs: Int64?, causes: [ERPArrival.Hindrance]) {
        let share = configuration.limitChanges.last { $0.arrival <= number }?.share
        var bursts: [Int64] = []
        if let second = configuration.secondClient, number <= second.lastArrival {
            bursts = self.bursts(second, until: now, &state)
        }
        var causes: [ERPArrival.Hindrance] = []
        for cause in ERPArrival.Hindrance.allCases {
            guard var limiter = state.easier[cause] else { continue }
            let share = cause == .loweredLimits ? nil : share
            let bursts = cause == .secondClient ? [] : bursts
            if limiter.refusal(share, bursts, at: now) == nil { causes.append(cause) }
            state.easier[cause] = limiter
        }
        guard let wait = state.limiter.refusal(share, bursts, at: now) else { return (nil, []) }
        return (wait, causes)
    }

    /// The bursts of the second client that are due.
    private func bursts(
        _ second: ERPSecondClient, until now: Int64, _ state: inout State
    ) -> [Int64] {
        // What came long before fills no window any more.
        let longest = configuration.limits.map(\.windowNs).max() ?? 0
        let skipped = (now - 2 * longest - second.phaseNs) / second.everyNs
        state.bursts = max(state.bursts, skipped)
        var times: [Int64] = []
        while second.phaseNs + state.bursts * second.everyNs <= now {
            let time = second.phaseNs + state.bursts * second.everyNs
            times += Array(repeating: time, count: second.burst)
            state.bursts += 1
        }
        return times
    }

    private func retryAfterForm(_ number: Int) -> ERPConfiguration.RetryAfterForm {
        let forms = configuration.retryAfter
        guard !forms.isEmpty else { return .none }
        let share = SeededGenerator.unit(configuration.seed, UInt64(number), 0x4E74)
        let form = forms[Int(share * Double(forms.count))]
        guard form == .huge || form == .hugeDate else { return form }
        return configuration.faults.isActive(at: number) ? form : .seconds
    }

    /// Changes an order just before an arrival is answered: one that is asked for as often as any.
    private func update(_ asked: ERPRoute, number: Int, _ state: inout State) -> Int64? {
        guard configuration.faults.updates(seed: configuration.seed, arrival: number) else {
            return nil
        }
        var generator = SeededGenerator(configuration.seed, UInt64(number), 0x0BD1)
        let (isAsked, share) = (generator.below(2) == 0, generator.below(1 << 30))
        var id = Int64(share) % max(state.dataset.lastID, 1) + 1
        if isAsked, case .details(let ids) = asked.target, !ids.isEmpty {
            id = ids[share % ids.count]
        }
        return state.dataset.touch(id) ? id : nil
    }
}

extension ERPLimiter {
    /// How long an arrival must wait, after the requests of somebody else; nil when it is admitted.
    fileprivate mutating func refusal(
        _ share: Double?, _ others: [Int64], at now: Int64
    ) -> Int64? {
        if let share { scale(to: share) }
        for time in others { _ = admit(at: time) }
        if case .refused(let waitNs) = admit(at: now) { return waitNs }
        return nil
    }
}
