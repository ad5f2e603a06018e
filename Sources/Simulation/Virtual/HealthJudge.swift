internal import SyncCore

/// Judges what a check of the health says: it is one request at most, and nothing of a sync.
struct HealthJudge {
    private let invocation: Invocation
    private let completed: RunCompleted

    init(_ invocation: Invocation, _ completed: RunCompleted) {
        self.invocation = invocation
        self.completed = completed
    }

    func check(_ violations: inout Violations) {
        let at = invocation.after.position.rawValue
        let answers = invocation.events.count { Self.isAnswer($0.event) }
        let isHealthy = invocation.events.contains { $0.event.type == .healthChecked }
        violations.expect(
            invocation.sent <= 1 && answers <= invocation.sent, 2,
            "the check of the health that ends at \(at) sent \(invocation.sent) requests, and "
                + "had \(answers) answers")
        switch completed.reason {
        case nil:
            violations.expect(
                isHealthy, 0, "the API is said to be healthy at \(at), but nothing says so")
        case .auth, .unavailable, .unusable:
            violations.expect(
                answers == 1 && !isHealthy, 0,
                "the API is said to be \(completed.reason?.name ?? "") at \(at), but nothing failed"
            )
        case .budget, .patience, .diskFull, .sigint, .sigterm:
            break
        case .nothingToResume, .max, .maxDuration, .parked, .drift, .stalled, .idOrder:
            violations.note(
                0, "the check of the health at \(at) ends as \(completed.reason?.name ?? "")")
        }
        let (before, after) = (invocation.before.streams.first, invocation.after.streams.first)
        guard let before, let after else { return }
        violations.expect(
            before.pass?.cursor == after.pass?.cursor && before.lastPass == after.lastPass
                && before.lastRun == after.lastRun, 7,
            "the check of the health that ends at \(at) moved the sync on")
    }

    private static func isAnswer(_ event: Event) -> Bool {
        switch event {
        case .healthChecked, .rateLimited, .requestFailed: true
        default: false
        }
    }
}
