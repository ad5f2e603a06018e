import SyncCore
import SyncEngine
import TestSupport
import Testing

private func time(_ text: String) throws -> LogTime {
    try #require(LogTime(rfc3339: "2026-11-28T\(text)Z"))
}

@Suite struct SchedulePlanTests {
    private typealias Progress = SchedulePlan.Progress

    private func every(
        _ minutes: Int64, _ name: String = "quarter", jitter: Int64 = 0,
        overlap: Schedule.Overlap = .skip, catchUp: Bool = true
    ) -> Schedule {
        Schedule(
            name: name, timing: .every(seconds: minutes * 60), jitterSeconds: jitter,
            overlap: overlap, catchUp: catchUp)
    }

    /// Name, due time and verdict, as `quarter 10:15 start`.
    private func due(
        _ schedules: [Schedule], started: String? = nil, skipped: String? = nil,
        _ occupation: SchedulePlan.Occupation = .idle(since: nil), since: String = "09:59:00",
        now: String
    ) throws -> [String] {
        let progress = Progress(
            lastStarted: try started.map(time), lastSkipped: try skipped.map(time))
        let plan = SchedulePlan(schedules, since: try time(since))
        let all = Dictionary(uniqueKeysWithValues: schedules.map { ($0.name, progress) })
        return plan.due(all, occupation, now: try time(now)).map {
            "\($0.name) \($0.due.rfc3339().dropFirst(11).prefix(5)) \($0.verdict)"
        }
    }

    private func wake(
        _ schedules: [Schedule], started: String? = nil,
        _ occupation: SchedulePlan.Occupation = .idle(since: nil), now: String
    ) throws -> String? {
        let plan = SchedulePlan(schedules, since: try time("09:59:00"))
        let progress = Progress(lastStarted: try started.map(time))
        let all = Dictionary(uniqueKeysWithValues: schedules.map { ($0.name, progress) })
        let wake = plan.nextWake(all, occupation, now: try time(now))
        return wake.map { String($0.rfc3339().dropFirst(11).prefix(8)) }
    }

    @Test func everyCountsFromTheEpochWheneverItWasStarted() throws {
        #expect(try due([every(15)], now: "09:59:59") == [])
        #expect(try due([every(15)], now: "10:00:00") == ["quarter 10:00 start"])
        #expect(try due([every(15)], started: "10:00:07", now: "10:14:59") == [])
        #expect(
            try due([every(15)], started: "10:00:07", now: "10:15:00") == ["quarter 10:15 start"])
        #expect(try wake([every(15)], started: "10:03:00", now: "10:03:00") == "10:15:00")
    }

    @Test func missedRunsAreCaughtUpOnce() throws {
        let missed = try due([every(15)], started: "06:00:00", now: "10:07:00")
        #expect(missed == ["quarter 06:15 catchUp"])
        #expect(try due([every(15)], started: "10:07:00", now: "10:07:01") == [])
        #expect(try wake([every(15)], started: "10:07:00", now: "10:07:01") == "10:15:00")
    }

    @Test func withoutCatchUpMissedRunsAreForgotten() throws {
        let schedule = every(15, catchUp: false)
        #expect(try due([schedule], started: "06:00:00", now: "10:07:00") == [])
        #expect(try wake([schedule], started: "06:00:00", now: "10:07:00") == "10:15:00")
        // A wake-up that is a little late is none that was missed.
        #expect(
            try due([schedule], started: "10:00:00", now: "10:15:40") == ["quarter 10:15 start"])
        #expect(try due([schedule], started: "10:00:00", now: "10:16:01") == [])
        let late = every(15, jitter: 600, catchUp: false)
        for minute in 15..<30 {
            let found = try due([late], started: "10:00:00", now: "10:\(minute):30")
            #expect(!found.contains { $0.hasSuffix("catchUp") })
        }
    }

    @Test func skipPassesOverATimeAndTellsIt() throws {
        #expect(
            try due([every(15)], started: "10:00:00", .running, now: "10:15:00")
                == ["quarter 10:15 skip"])
        #expect(
            try due(
                [every(15)], started: "10:00:00", skipped: "10:15:00", .running, now: "10:20:00")
                == [])
        #expect(
            try due(
                [every(15)], started: "10:00:00", skipped: "10:15:00",
                .idle(since: try time("10:21:00")), now: "10:21:00") == [])
    }

    @Test(arguments: [true, false])
    func queueWaitsForTheEndOnce(catchUp: Bool) throws {
        let schedule = every(15, overlap: .queue, catchUp: catchUp)
        #expect(try due([schedule], started: "10:00:00", .running, now: "10:47:00") == [])
        #expect(try wake([schedule], started: "10:00:00", .running, now: "10:47:00") == nil)
        let ended = SchedulePlan.Occupation.idle(since: try time("10:47:00"))
        #expect(
            try due([schedule], started: "10:00:00", ended, now: "10:47:01")
                == ["quarter 10:15 startQueued"])
        #expect(try due([schedule], started: "10:47:01", ended, now: "10:47:02") == [])
    }

    @Test func oneRunAtATimeAndTheRarerOneFirst() throws {
        let quarter = every(15)
        let hour = every(60, "hour")
        #expect(
            try due([quarter, hour], now: "10:00:00") == ["hour 10:00 start", "quarter 10:00 skip"])
        let waiting = every(15, overlap: .queue)
        #expect(try due([waiting, hour], now: "10:00:00") == ["hour 10:00 start"])
        #expect(
            try due([quarter, every(15, "other")], now: "10:00:00")
                == ["quarter 10:00 start", "other 10:00 skip"])
    }

    @Test func aClockThatWasAheadHoldsNothingUp() throws {
        #expect(try due([every(15)], started: "23:00:00", now: "10:00:00") == [])
        #expect(try wake([every(15)], started: "23:00:00", now: "10:00:01") == "10:15:00")
    }

    @Test func jitterIsTheSameAfterARestartAndEndsBeforeTheNextTime() throws {
        let schedule = every(15, jitter: 120)
        var delays: Set<Int64> = []
        var at = try time("00:00:00")
        for _ in 0..<200 {
            at = try #require(schedule.next(after: at))
            let start = schedule.start(of: at)
            #expect(start == every(15, jitter: 120).start(of: at))
            #expect(start >= at && start.since(at) <= 120 * .nsPerSecond)
            delays.insert(start.since(at) / .nsPerSecond)
        }
        #expect(delays.count > 60 && delays.max() ?? 0 > 100 && delays.min() ?? 99 < 20)
        let wide = every(1, jitter: 3_600)
        for _ in 0..<200 {
            at = try #require(wide.next(after: at))
            #expect(wide.start(of: at) < (try #require(wide.next(after: at))))
        }
        let other = every(15, "other", jitter: 120)
        let noon = try time("12:00:00")
        #expect(
            (Int64(0)..<10).contains {
                let due = noon.adding(ms: $0 * 900_000)
                return other.start(of: due) != schedule.start(of: due)
            })
    }

    @Test func aRunWithJitterStartsAtItsOwnMoment() throws {
        let schedule = every(15, jitter: 120)
        let due = try time("10:15:00")
        let start = schedule.start(of: due)
        try #require(start > due)
        let plan = SchedulePlan([schedule], since: due.adding(ms: -1_000))
        #expect(plan.due([:], .idle(since: nil), now: start.adding(ns: -1)) == [])
        #expect(plan.nextWake([:], .idle(since: nil), now: due) == start)
        #expect(plan.due([:], .idle(since: nil), now: start).map(\.verdict) == [.start])
    }

    /// Whatever the times, at most one run is started at once, and a day of wake-ups starts each
    /// time once.
    @Test func aDayOfWakeUpsStartsEachTimeOnce() throws {
        let schedules = [every(15, jitter: 60), every(60, "hour", overlap: .queue)]
        var generator = SeededGenerator(seed: 5)
        let plan = SchedulePlan(schedules, since: try time("00:00:00"))
        var progress: [String: Progress] = [:]
        var occupation = SchedulePlan.Occupation.idle(since: nil)
        var (now, end) = (try time("00:00:00"), LogTime?.none)
        var started: [String: Int] = [:]
        let last = try time("23:59:00")
        while now < last {
            let found = plan.due(progress, occupation, now: now)
            let starts = found.filter { $0.verdict != .skip }
            #expect(starts.count <= 1 && (starts.isEmpty || occupation != .running))
            for one in found where one.verdict == .skip {
                progress[one.name, default: Progress()].lastSkipped = now
            }
            if let one = starts.first {
                progress[one.name, default: Progress()].lastStarted = now
                started[one.name, default: 0] += 1
                occupation = .running
                end = now.adding(ms: Int64(generator.below(1_000_000)))
            }
            let wake = try #require(
                [plan.nextWake(progress, occupation, now: now), end].compactMap { $0 }.min())
            try #require(wake > now || end == now)
            now = wake
            if let over = end, over <= now {
                occupation = .idle(since: over)
                end = nil
            }
        }
        // The hourly one waits, and so is never left out.
        #expect(started["hour"] == 23)
        #expect((40...95).contains(started["quarter"] ?? 0))
    }
}
