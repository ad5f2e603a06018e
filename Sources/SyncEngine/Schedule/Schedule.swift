package import SyncCore

/// When a run is due, and what becomes of one that can't begin then; a pure value.
package struct Schedule: Sendable, Equatable {
    package enum Timing: Sendable, Equatable {
        /// At each multiple of so many seconds since 1970-01-01T00:00:00Z, so that no restart
        /// shifts it.
        case every(seconds: Int64)
        case cron(CronExpression, ZoneRules)
    }

    /// What becomes of a time that comes while a run is under way.
    package enum Overlap: String, Sendable {
        /// It is passed over, and told.
        case skip
        /// It waits for the end of the run; one at most does.
        case queue
    }

    package let name: String
    package let timing: Timing
    /// The longest delay of a start, in seconds.
    package let jitterSeconds: Int64
    package let overlap: Overlap
    /// Whether times that nobody was there for are made good, once for all of them.
    package let catchUp: Bool

    package init(
        name: String, timing: Timing, jitterSeconds: Int64 = 0, overlap: Overlap = .skip,
        catchUp: Bool = true
    ) {
        self.name = name
        self.timing = timing
        self.jitterSeconds = jitterSeconds
        self.overlap = overlap
        self.catchUp = catchUp
    }

    /// The next time after a moment, without jitter; nil when none follows that the log can tell.
    package func next(after moment: LogTime) -> LogTime? {
        let second = moment.rawValue.floorDivided(by: .nsPerSecond)
        let next: Int64?
        switch timing {
        case .every(let period): next = (second.floorDivided(by: period) + 1) * period
        case .cron(let expression, let zone): next = expression.next(after: second, in: zone)
        }
        guard let next, next <= Int64.max / .nsPerSecond else { return nil }
        return LogTime(nanoseconds: next * .nsPerSecond)
    }

    /// When the run of a due time starts: later by 0 to `jitterSeconds`, and before the next one is
    /// due.
    ///
    /// The delay is made of the schedule's name and the time alone, so that a restart doesn't draw
    /// another one, and schedules of one minute are spread.
    package func start(of due: LogTime) -> LogTime {
        let gap = next(after: due).map { $0.since(due) / .nsPerSecond } ?? .max
        let most = min(jitterSeconds, gap - 1)
        guard most > 0 else { return due }
        var generator = SeededGenerator(
            seed: Self.hash(name) ^ UInt64(bitPattern: due.rawValue))
        let delay = Int64(generator.next() % UInt64(most + 1))
        return due.adding(ns: delay * .nsPerSecond)
    }

    /// FNV-1a of 64 bits: the same on every machine, which `Hasher` isn't.
    package static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
