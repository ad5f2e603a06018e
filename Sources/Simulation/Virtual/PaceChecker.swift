internal import SyncCore

/// Invariant 10: once faults have stopped, a run ends as soon as the limits let it.
///
/// The floor is computed anew here, from what the server saw: the greedy schedule of as many
/// requests without latency, behind those that came before.
struct PaceChecker {
    private let plan: SimulationPlan
    /// The shortest stretch of requests that is judged, and from where on it is judged strictly.
    private static let fewRequests = 100
    private static let manyRequests = 1_000

    init(_ plan: SimulationPlan) { self.plan = plan }

    /// - Parameters:
    ///   - arrivals: all that the server saw so far.
    /// - Returns: how many requests were judged, in undisturbed stretches at the end of a run.
    func check(
        _ invocation: Invocation, _ arrivals: [ERPArrival], _ violations: inout Violations
    ) -> Int {
        guard case .finished(let completed) = invocation.end,
            completed.outcome == .completed || completed.outcome == .partial,
            let end = invocation.events.last?.time
        else { return 0 }
        // Times of the log as true times: one boot, and nobody sets its clock.
        let trueTime = { (time: LogTime) in invocation.endNs - end.since(time) }
        var start = invocation.startNs
        for event in invocation.events {
            switch event.event {
            case .requestFailed, .rateLimited, .requestAbandoned:
                start = max(start, trueTime(event.time))
            case .backoffApplied(let backoff): start = max(start, trueTime(backoff.until))
            default: break
            }
        }
        let times = arrivals.map(\.timeNs)
        let before = times.prefix { $0 <= start }
        let requests = times.count - before.count
        guard requests >= Self.fewRequests else { return 0 }
        let floor = floorNs(requests, from: start, after: Array(before))
        if start == invocation.startNs {
            // Its slots are dated at what it knows of them: a moment after their arrival.
            violations.expect(
                abs(completed.floorNs - floor) <= floor / 100 + .nsPerSecond, 10,
                "the run says that \(requests) requests take \(completed.floorNs) ns at least, "
                    + "but the limits say \(floor) ns")
        }
        let took = invocation.endNs - start
        let most = requests >= Self.manyRequests ? floor / 100 * 101 : floor / 100 * 107
        violations.expect(
            took <= most, 10,
            "\(requests) requests took \(took) ns once nothing disturbed them, but the limits "
                + "allow \(floor) ns")
        violations.expect(
            took >= floor, 3, "\(requests) requests took \(took) ns, less than \(floor) ns")
        return requests
    }

    private func floorNs(_ requests: Int, from start: Int64, after before: [Int64]) -> Int64 {
        var times = before
        var now = start
        for _ in 0..<requests {
            for window in plan.limits.windows where times.count >= window.requests {
                now = max(now, times[times.count - window.requests] + window.periodNs)
            }
            times.append(now)
        }
        return now - start
    }
}
