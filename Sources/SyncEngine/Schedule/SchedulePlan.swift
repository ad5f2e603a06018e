package import SyncCore

/// Says which runs are due, and when to look again: schedules, what is known of their runs and the
/// time in, decisions out.
///
/// One store has one run at a time, whoever started it. The caller starts what is due, and writes
/// down in `Progress` what it did; the plan remembers nothing.
package struct SchedulePlan: Sendable {
    /// What is known of the runs of one schedule.
    package struct Progress: Sendable, Equatable {
        /// When its last run was started; nil when none ever was.
        package var lastStarted: LogTime?
        /// When a run of it was last passed over (`Verdict.skip`).
        package var lastSkipped: LogTime?

        package init(lastStarted: LogTime? = nil, lastSkipped: LogTime? = nil) {
            self.lastStarted = lastStarted
            self.lastSkipped = lastSkipped
        }
    }

    /// What is known of the store's one engine.
    package enum Occupation: Sendable, Equatable {
        /// A run is under way.
        case running
        /// None is; the last one ended then, if that is known.
        case idle(since: LogTime?)
    }

    package enum Verdict: Sendable, Equatable {
        /// Start it now: its time has come.
        case start
        /// Start it now: it waited for the end of another run.
        case startQueued
        /// Start it now, for all times that nobody was there for.
        case catchUp
        /// Another run is under way: don't, say so, and note it in `lastSkipped`.
        case skip
    }

    package struct Due: Sendable, Equatable {
        package let name: String
        /// The time that has come, without jitter; of several that were missed, the first.
        package let due: LogTime
        package let verdict: Verdict
    }

    /// A start no later than this is on time.
    private static let onTimeNs: Int64 = 60 * .nsPerSecond

    package let schedules: [Schedule]
    /// Since when somebody is there to start runs: a schedule that never ran is due after it.
    package let since: LogTime

    package init(_ schedules: [Schedule], since: LogTime) {
        self.schedules = schedules
        self.since = since
    }

    /// What is due now: at most one run to start, and those that are passed over.
    ///
    /// Of several, the one that was due first starts; of one moment, the one whose next time is
    /// furthest, because that would be missed for longest; then the one that is configured first.
    package func due(
        _ progress: [String: Progress], _ occupation: Occupation, now: LogTime
    ) -> [Due] {
        var candidates: [(schedule: Schedule, due: LogTime, next: LogTime?)] = []
        for schedule in schedules {
            guard let due = pending(schedule, progress[schedule.name], occupation, now: now),
                schedule.start(of: due) <= now
            else { continue }
            candidates.append((schedule, due, schedule.next(after: now)))
        }
        let order = candidates.enumerated().sorted { left, right in
            let (first, second) = (left.element, right.element)
            if first.due != second.due { return first.due < second.due }
            let ends = (first.next?.rawValue ?? .max, second.next?.rawValue ?? .max)
            return ends.0 != ends.1 ? ends.0 > ends.1 : left.offset < right.offset
        }.map(\.element)
        var isFree = occupation != .running
        var found: [Due] = []
        for (schedule, due, _) in order {
            if isFree {
                let verdict = verdict(schedule, due, occupation, now: now)
                found.append(Due(name: schedule.name, due: due, verdict: verdict))
                isFree = false
            } else if schedule.overlap == .skip {
                found.append(Due(name: schedule.name, due: due, verdict: .skip))
            }
        }
        return found
    }

    /// When to look again, unless the run that is under way ends before; nil when nothing is to
    /// come.
    ///
    /// To be asked when what was due is noted in `progress`.
    package func nextWake(
        _ progress: [String: Progress], _ occupation: Occupation, now: LogTime
    ) -> LogTime? {
        schedules.compactMap { schedule -> LogTime? in
            guard let due = pending(schedule, progress[schedule.name], occupation, now: now) else {
                return nil
            }
            let start = schedule.start(of: due)
            if start > now { return start }
            // One that waits is woken by the end of the run.
            return occupation == .running && schedule.overlap == .queue ? nil : now
        }.min()
    }

    /// The first time of a schedule that has not been dealt with, past or to come.
    private func pending(
        _ schedule: Schedule, _ progress: Progress?, _ occupation: Occupation, now: LogTime
    ) -> LogTime? {
        let handled = [progress?.lastStarted, progress?.lastSkipped].compactMap { $0 }.max()
        // After a clock that was wrong, "later than now" is no reason to wait until then.
        var base = min(handled ?? since, now)
        if schedule.catchUp || hasWaited(schedule, occupation, now: now) {
            return schedule.next(after: base)
        }
        base = max(base, now.adding(ns: -Self.onTimeNs - schedule.jitterSeconds * .nsPerSecond))
        var due = schedule.next(after: base)
        while let missed = due, now.since(schedule.start(of: missed)) > Self.onTimeNs {
            due = schedule.next(after: missed)
        }
        return due
    }

    /// Whether a run may be late because it waited for the end of another one.
    private func hasWaited(_ schedule: Schedule, _ occupation: Occupation, now: LogTime) -> Bool {
        guard schedule.overlap == .queue else { return false }
        switch occupation {
        case .running: return true
        case .idle(let end): return end.map { now.since($0) <= Self.onTimeNs } ?? false
        }
    }

    private func verdict(
        _ schedule: Schedule, _ due: LogTime, _ occupation: Occupation, now: LogTime
    ) -> Verdict {
        let start = schedule.start(of: due)
        if hasWaited(schedule, occupation, now: now), case .idle(let end?) = occupation,
            end >= start
        {
            return .startQueued
        }
        return now.since(start) <= Self.onTimeNs ? .start : .catchUp
    }
}
