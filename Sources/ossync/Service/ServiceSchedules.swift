import EventLog
import Projections
import SyncCore
import SyncEngine

/// The schedules of a service, and what became of their times.
struct ServiceSchedules {
    private var configured: [Configuration.Schedule]
    private var plan: SchedulePlan
    private var progress: [String: SchedulePlan.Progress] = [:]
    /// When the last run ended, whoever asked for it.
    var lastEnd: LogTime?
    private var lastLook: LogTime?

    /// - Throws: exit 2 where a time zone's file is gone.
    init(_ configuration: Configuration, now: LogTime) throws {
        configured = configuration.schedules
        plan = SchedulePlan(try configured.map { try $0.plan() }, since: now)
    }

    /// Takes another configuration; a schedule that keeps its name keeps what is known of it.
    mutating func change(to configuration: Configuration, now: LogTime) throws {
        let new = try ServiceSchedules(configuration, now: now)
        let known = configured.map(\.name)
        // One that is new has missed nothing; the others go on from where they were.
        for name in new.configured.map(\.name) where !known.contains(name) {
            progress[name, default: SchedulePlan.Progress()].lastSkipped = now
        }
        configured = new.configured
        plan = SchedulePlan(new.plan.schedules, since: plan.since)
    }

    /// Finds in the log when each schedule was started last, by whatever service it was then.
    mutating func recall(_ log: EventLog, _ session: Session) throws {
        var missing = Set(configured.map(\.name))
        guard !missing.isEmpty else { return }
        var filter = EventFilter()
        filter.types = [.runRequested]
        var found: [String: LogTime] = [:]
        let search = try session.readHistory(log) { try $0.search(filter) }
        try search.forEach(backwards: true, bodies: .none) { event, _ in
            guard case .runRequested(let request) = event.event, let name = request.schedule,
                missing.remove(name) != nil
            else { return true }
            found[name] = event.time
            return !missing.isEmpty
        }
        for (name, time) in found { progress[name] = .init(lastStarted: time) }
    }

    /// What people are told at the start.
    var words: String {
        guard !configured.isEmpty else { return "no schedules, only what is asked for" }
        return configured.map { "\($0.name) \($0.timingText)" }.joined(separator: ", ")
    }

    // MARK: Times

    func due(_ occupation: SchedulePlan.Occupation, now: LogTime) -> [SchedulePlan.Due] {
        plan.due(progress, occupation, now: now)
    }

    func nextWake(_ occupation: SchedulePlan.Occupation, now: LogTime) -> LogTime? {
        plan.nextWake(progress, occupation, now: now)
    }

    /// Whether a second has passed: times are in whole seconds.
    mutating func isTimeToLook(_ now: LogTime) -> Bool {
        if let lastLook, abs(now.since(lastLook)) < .nsPerSecond { return false }
        lastLook = now
        return true
    }

    /// Notes that a due run is made.
    mutating func begin(
        _ due: SchedulePlan.Due, now: LogTime
    ) -> Configuration.Schedule? {
        progress[due.name, default: SchedulePlan.Progress()].lastStarted = now
        return configured.first { $0.name == due.name }
    }

    /// Notes that a due run is not made.
    mutating func passOver(_ due: SchedulePlan.Due, now: LogTime) {
        let before = progress[due.name]?.lastSkipped
        progress[due.name, default: SchedulePlan.Progress()].lastSkipped = max(before ?? now, now)
    }
}
