import SyncCore

@testable import Simulation

/// What the suites about waits tell an auditor, event by event.
protocol AuditedWaits {
    var auditor: WaitAuditor { get set }
    var violations: Violations { get set }
    var position: Position { get set }
    var nowNs: Int64 { get set }
}

extension AuditedWaits {
    /// - Returns: its position.
    @discardableResult
    mutating func take(_ event: Event, startsStep: Bool = true) -> Position {
        position = position.next
        var found = violations
        auditor.take(
            LoggedEvent(event, at: position, nowNs: nowNs, startsStep: startsStep),
            nowNs: nowNs, &found)
        violations = found
        return position
    }

    mutating func ask() -> Position {
        take(.requestIntended(RequestIntended(target: .list(cursor: nil, filter: .all))))
    }

    mutating func pass(seconds: Int64) { nowNs += seconds * .nsPerSecond }

    mutating func wait(seconds: Int64, onlyRetries: Bool = false) {
        auditor.check(
            waitUntil: nowNs + seconds * .nsPerSecond, nowNs: nowNs, onlyRetries: onlyRetries,
            &violations)
    }
}
