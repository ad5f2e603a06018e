import EventLog
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// The sums over a log are those of its events, however they were put together.
@Suite struct LogTotalsTests {
    private let driver: StoreDriver
    private let plain: PlainHistory

    init() throws {
        driver = try StoreDriver()
        try driver.makeHistory()
        plain = PlainHistory(events: driver.events)
    }

    private func totals() throws -> LogTotals { try driver.history().read { $0.totals } }

    @Test func answersAreCountedByWhatTheyAre() throws {
        var answers: [LogTotals.Answer: UInt64] = [:]
        for event in driver.events {
            guard event.event.answeredIntent != nil else { continue }
            let answer = LogTotals.Answer(
                stream: event.stream, endpoint: try #require(plain.endpoint(event)),
                status: event.event.exchange?.status)
            answers[answer, default: 0] += 1
        }
        let found = try totals()
        #expect(found.answers == answers)
        let statuses = Set(answers.keys.map(\.status))
        #expect(statuses.isSuperset(of: [200, 429, 500, nil]))
        #expect(Set(answers.keys.map(\.stream)) == [StreamID(1), StreamID(2)])
        let sent = driver.events.count { $0.event.type == .requestIntended }
        #expect(found.answers.values.reduce(0, +) == UInt64(sent))
        let timed = found.durations.values.reduce(0) { $0 + $1.count }
        let abandoned = driver.events.count { $0.event.type == .requestAbandoned }
        #expect(timed == UInt64(sent - abandoned) && abandoned > 0)
    }

    @Test func recordsAreThoseOfTheRuns() throws {
        var counters = RunCounters()
        try driver.history().read { history in
            try history.forEachRun { run in
                counters.add(run.counters)
                return true
            }
        }
        let records = try totals().records.values
        #expect(records.reduce(0) { $0 + $1.headers } == counters.new + counters.changed)
        #expect(records.reduce(0) { $0 + $1.details } == counters.detailed)
        #expect(counters.changed > 0 && counters.detailed > 0)
    }

    @Test func eachInvocationEndsOnce() throws {
        let ended = driver.events.count {
            $0.event.type == .runCompleted || $0.event.type == .runInterrupted
        }
        let runs = try totals().runs
        #expect(runs.values.reduce(0, +) == UInt64(ended))
        #expect(
            runs[.init(stream: StreamID(1), mode: .full, outcome: .interrupted)] == 1)
        #expect(runs[.init(stream: StreamID(2), mode: .full, outcome: .completed)] == 1)
    }

    /// The newest success of any mode is what `status` calls completed; to have found nothing to
    /// resume is none.
    @Test func successIsWhatTheStateCallsCompleted() throws {
        let successes = try totals().successes
        for stream in driver.control.streams {
            let newest = successes.filter { $0.key.stream == stream.id }.values.max()
            #expect(newest == stream.lastCompletedAt)
        }
        #expect(!successes.keys.contains { $0.mode == .health || $0.mode == .resume })
        try driver.request(.health)
        try driver.finish(with: FakeAPI([]))
        #expect(try totals().successes == successes)
        #expect(
            try totals().runs[.init(stream: StreamID(1), mode: .health, outcome: .completed)] == 1)
    }

    /// A process that is gone waits for nothing.
    @Test func waitsAreThoseOfEnginesThatRan() throws {
        let waited = try totals().waitNs
        #expect(waited[.cooldown, default: 0] >= 60 * .nsPerSecond)
        #expect(waited[.cooldown, default: 0] < 70 * .nsPerSecond)
        #expect(waited[.budget] == nil)
        for isGone in [false, true] {
            let driver = try StoreDriver()
            try driver.request(.full)
            try driver.answer(try #require(driver.wire.first), .limited(waitMs: 60_000))
            driver.now = driver.now.adding(ms: 30_000)
            try driver.feed(
                .clockAnchored(
                    ClockAnchored(
                        bootID: "boot-1", bootNs: 30 * .nsPerSecond, wall: driver.now,
                        isEngineStart: isGone)))
            let waited = try driver.history().read { $0.totals.waitNs }
            #expect(waited == (isGone ? [:] : [.cooldown: 30 * .nsPerSecond]))
        }
    }

    /// With what is stored, with what only a reader indexed, and over more events later.
    @Test func theyGoOnFromSegmentToSegment() throws {
        var whole = LogTotals()
        var control = ControlState()
        for event in driver.events {
            whole.take(event, plain.endpoint(event), before: control)
            apply(event, to: &control)
        }
        #expect(try totals() == whole)
        let history = try driver.history()
        try history.catchUp()
        let standing = try #require(try history.standing())
        #expect(standing.rows >= 4)
        #expect(try totals() == whole)
        // Another process writes the index: a reader makes several segments of the rest.
        let holder = LockHolder(driver.projections)
        try driver.sync(.full, FakeAPI(1...200))
        for event in driver.events where event.position > control.position {
            whole.take(event, PlainHistory(events: driver.events).endpoint(event), before: control)
            apply(event, to: &control)
        }
        #expect(try totals() == whole)
        #expect(try history.standing() == standing)
        #expect(control.position.rawValue - standing.position.rawValue > 3 * 32)
        withExtendedLifetime(holder) {}
    }

    @Test func whatIsStoredIsReadAgain() throws {
        var totals = try totals()
        totals.waitNs = [.budget: 1, .failure: .max]
        totals.successes[.init(stream: StreamID(9), mode: .resume)] = LogTime(nanoseconds: -5)
        totals.durations[.init(stream: StreamID(9), endpoint: .health)] = DurationHistogram()
        totals.durations[.init(stream: StreamID(9), endpoint: .health)]?.add(us: 1 << 40)
        let bytes = totals.encoded
        #expect(totals.encoded == bytes)
        try bytes.withUnsafeBytes { bytes in
            var reader = FieldReader(bytes)
            let read = try LogTotals(&reader)
            #expect(read == totals)
            for end in 1..<bytes.count {
                var cut = FieldReader(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
                #expect((try? LogTotals(&cut)) != totals)
            }
        }
    }

    @Test(
        arguments: [
            (0, 0), (5_000, 0), (5_001, 1), (999_999, 7), (1_000_000, 7), (1_000_001, 8),
            (120_000_000, 13), (120_000_001, 14), (.max, 14),
        ] as [(UInt64, Int)])
    func aSpanTakesWhatIsNoLongerThanItsBound(us: UInt64, index: Int) {
        var histogram = DurationHistogram()
        histogram.add(us: us)
        #expect(histogram.counts.firstIndex(of: 1) == index)
        #expect(histogram.count == 1 && histogram.sumUs == us)
        histogram.add(us: 1)
        #expect(histogram.sumUs == us.saturatingAdd(1))
    }
}
