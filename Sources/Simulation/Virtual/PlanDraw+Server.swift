internal import SyncCore

/// Draws the limits and the faults of the server.
extension PlanDraw {
    /// One window or two, the second longer and with more requests; rarely none.
    mutating func windows(_ isRealistic: Bool) -> [RateWindow] {
        if chance(0.08) { return [] }
        if isRealistic {
            return one(of: Self.realWindows).map { requests, seconds in
                RateWindow(
                    name: "\(seconds) s", requests: requests, periodNs: seconds * .nsPerSecond)
            }
        }
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

    /// Requests and seconds, as APIs have them.
    private static let realWindows: [[(Int, Int64)]] = [
        [(20, 60), (600, 3_600)], [(20, 60), (600, 3_600)], [(60, 60)], [(10, 1), (300, 60)],
        [(100, 3_600)], [(30, 60), (500, 86_400)], [(5, 10), (100, 900)],
    ]

    mutating func serverLimits(_ windows: [RateWindow]) -> SimulationPlan.ServerLimits {
        guard !windows.isEmpty else { return .none }
        switch between(0, 11) {
        case 0: return .none
        case 1...4: return .sliding
        case 5, 6:
            return .fixed(
                phasesNs: windows.map { Int64(between(0, Int($0.periodNs / .nsPerMs))) * .nsPerMs })
        case 7, 8: return .tokenBucket
        default: return .stricter(share: 0.3 + share(0.6), refusedCount: chance(0.4))
        }
    }

    mutating func limitPolicy(
        _ windows: [RateWindow], _ serverLimits: SimulationPlan.ServerLimits, _ isRealistic: Bool
    ) -> LimitPolicy {
        if isRealistic {
            return LimitPolicy(
                windows: windows, cooldownMs: Int64(one(of: [5_000, 60_000])),
                backoffMultiplier: one(of: [1.5, 2]), deliveryBoundMs: 10_000)
        }
        var multipliers = [1.5, 2, 3]
        // A wait that never grows is refused for ever by a server that counts refused requests.
        if case .stricter(_, refusedCount: true) = serverLimits {} else { multipliers.append(1) }
        return LimitPolicy(
            windows: windows, cooldownMs: Int64(between(200, 5_000)),
            backoffMultiplier: one(of: multipliers),
            deliveryBoundMs: Int64(between(200, 4_000)))
    }

    /// Lowered at some arrival, and mostly raised again later.
    mutating func limitChanges(upTo last: Int) -> [ERPLimitChange] {
        guard chance(0.2) else { return [] }
        let first = between(2, max(last / 2, 2))
        let lower = ERPLimitChange(arrival: first, share: 0.2 + share(0.7))
        if chance(0.2) { return [lower] }
        return [lower, ERPLimitChange(arrival: between(first + 1, first + 1 + last), share: 1)]
    }

    /// Somebody who takes a good part of the shortest window, now and then all of it.
    mutating func secondClient(_ windows: [RateWindow], upTo last: Int) -> ERPSecondClient? {
        guard let window = windows.first, chance(0.2) else { return nil }
        return ERPSecondClient(
            burst: between(1, window.requests),
            everyNs: window.periodNs / 100 * Int64(between(30, 400)),
            phaseNs: Int64(between(0, Int(window.periodNs))), lastArrival: max(last, 2))
    }

    /// Right forms, and in every other plan some that are not.
    mutating func retryAfter() -> [ERPConfiguration.RetryAfterForm] {
        let right: [ERPConfiguration.RetryAfterForm] = [.seconds, .httpDate, .none]
        var forms = [one(of: right)]
        guard chance(0.5) else { return forms }
        forms.append(one(of: right))
        let odd = ERPConfiguration.RetryAfterForm.allCases.filter { !$0.isRight && $0 != .none }
        return forms + odd.filter { _ in chance(0.6) }
    }

    mutating func faults(records: Int, stallNs: Int64, _ isRealistic: Bool) -> ERPFaults {
        var faults = ERPFaults()
        faults.stallNs = stallNs
        faults.unavailableRetryAfterSeconds =
            chance(0.5) ? between(1, isRealistic ? 1_800 : 20) : nil
        faults.lastArrival = between(10, 30 + records)
        if chance(0.3) { faults.updateRate = share(0.2) }
        if chance(0.8) {
            // All in all up to a fifth, or nearly half, of the arrivals.
            let most = one(of: [0.02, 0.1, 0.2, 0.45])
            let kinds = ERPFault.allCases.filter { _ in chance(0.35) }
            for fault in kinds { faults[fault] = share(2 * most / Double(max(kinds.count, 1))) }
        }
        guard records > 0 else { return faults }
        if chance(0.4) {
            for _ in 0..<between(1, 6) { faults.poisonIDs.insert(Int64(between(1, records))) }
            faults.poisonForms = (0..<between(1, 4)).map { _ in one(of: Self.poisons) }
        }
        if chance(0.4) {
            for _ in 0..<between(1, 6) { faults.missingIDs.insert(Int64(between(1, records))) }
            faults.missingForms = (0..<between(1, 2)).map { _ in one(of: ERPFaults.Missing.allCases)
            }
        }
        return faults
    }

    /// What one record can be to blame for: an API that is not there, and a broken connection, are
    /// nobody's fault, and block every record alike.
    private static let poisons: [ERPFault] = [
        .serverError, .serverError, .badGateway, .gatewayTimeout, .stalled, .stalledBody, .html,
        .cutBody, .invalidJSON, .notANumber, .emptyBody, .noContent, .noRecords, .recordsObject,
        .missingID, .nullID, .floatID, .oddID,
    ]
}
