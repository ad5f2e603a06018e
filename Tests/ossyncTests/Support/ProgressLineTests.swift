import SyncCore
import Testing

@testable import ossync

/// What a waiting person reads.
@Suite struct ProgressLineTests {
    private let now = LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond)
    private let minute = RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)
    private let hour = RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond)

    private func state(windows: [RateWindow], _ change: (inout ControlState) -> Void)
        -> ControlState
    {
        var control = ControlState()
        control.streams = [StreamState(id: StreamID(1), name: "os")]
        let policy = Policy(
            limits: LimitPolicy(windows: windows), paging: .page, pageSize: 1_000,
            detail: DetailPolicy(batch: 5, concurrency: 5))
        control.invocation = InvocationState(
            request: Position(4), stream: StreamID(1), mode: .full, options: RunOptions(),
            policy: policy, seed: 1, startedNs: now.rawValue,
            floor: FloorTracker(slots: SlotHistory(), startNs: now.rawValue))
        change(&control)
        return control
    }

    private func pass(distinct: UInt64, rows: UInt64, total: UInt64?) -> PassState {
        var pass = PassState(
            number: 1, generation: 1, mode: .full, run: Position(4), filter: .all, pinned: [],
            openedAt: Position(5))
        pass.distinct = distinct
        pass.rows = rows
        pass.total = total
        return pass
    }

    @Test func withoutARunThereIsNoLine() {
        #expect(ProgressLine.text(ControlState(), wake: nil, now: now) == "")
    }

    @Test func listingSaysHowFarTheListIs() {
        let control = state(windows: [minute, hour]) { control in
            control[StreamID(1)].pass = pass(distinct: 4_000, rows: 4_000, total: 10_000)
            control.limiter.slots = SlotHistory(times: [now.rawValue - 1, now.rawValue - 2])
        }
        // 6 pages and 1,200 batches are left; 2 slots are held.
        #expect(
            ProgressLine.text(control, wake: nil, now: now)
                == "list 4,000/10,000 40% | minute 2/20 | hour 2/600 | ETA 2 h (\(clock(7_200)))")
    }

    /// The time of the day depends on where the machine is.
    private func clock(_ seconds: Int64) -> String { now.adding(ms: seconds * 1_000).localClock }

    @Test func aNarrowTerminalIsShownWhatMattersMost() {
        let control = state(windows: [minute, hour]) { control in
            control[StreamID(1)].counts.synced = 50
            control[StreamID(1)].counts.pending = 50
            control.limiter.slots = SlotHistory(times: [now.rawValue - 30 * .nsPerSecond])
        }
        let line = { (columns: Int) in
            ProgressLine.text(
                control, wake: now.adding(ms: 30_040), now: now, columns: columns)
        }
        #expect(line(80).hasSuffix("| next in 30.0s | ETA 0 s (\(clock(0)))"))
        #expect(line(72).hasSuffix("| next in 30.0s | ETA 0 s"))
        #expect(line(62) == "details 50/100 50% | minute 1/20 | hour 1/600 | next in 30.0s")
        #expect(line(40) == "details 50/100 50% | next in 30.0s")
        #expect(line(20) == "details 50/100 50% |")
        for columns in 1..<90 { #expect(line(columns).count <= columns) }
    }

    @Test func aListWithoutATotalSaysWhatCame() {
        let control = state(windows: []) { control in
            control[StreamID(1)].pass = pass(distinct: 3_000, rows: 3_000, total: nil)
        }
        #expect(ProgressLine.text(control, wake: nil, now: now) == "list 3,000 records")
    }

    @Test func waitingForTheBudgetSaysWhenItGoesOn() {
        let control = state(windows: [minute]) { control in
            control[StreamID(1)].counts.synced = 50
            control[StreamID(1)].counts.pending = 50
            control.limiter.slots = SlotHistory(
                times: (0..<20).map { now.rawValue - 30 * .nsPerSecond + $0 })
        }
        let line = ProgressLine.text(
            control, wake: now.adding(ms: 30_040), now: now)
        #expect(
            line == "details 50/100 50% | minute 20/20 | next in 30.0s | ETA 30 s (\(clock(30)))")
    }

    @Test func coolingDownAfterA429SaysSo() {
        let control = state(windows: [minute]) { control in
            control[StreamID(1)].counts.synced = 100
            control.limiter.cooldownUntilNs = now.rawValue + 95 * .nsPerSecond
        }
        let line = ProgressLine.text(control, wake: now.adding(ms: 95_000), now: now)
        #expect(line == "details 100/100 100% | minute 0/20 | cooling down 1 min 35 s")
        let later = ProgressLine.text(
            control, wake: now.adding(ms: 96_000), now: now.adding(ms: 95_000))
        #expect(later.contains("next in 1.0s"))
    }

    @Test func requestsInFlightHoldASlot() {
        let control = state(windows: [minute]) { control in
            control.inFlight = [
                InFlightRequest(
                    intent: Position(9), stream: StreamID(1), target: .health,
                    sentNs: 0, isAlone: false)
            ]
        }
        #expect(ProgressLine.text(control, wake: nil, now: now).contains("minute 1/20"))
    }
}
