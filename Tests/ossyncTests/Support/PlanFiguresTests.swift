import SyncCore
import Testing

/// The figures that `plan` prints, for the sizes that the documentation names.
@Suite struct PlanFiguresTests {
    private func plan(
        records: UInt64?, mode: RunMode = .full, noDetails: Bool = false, givesTotal: Bool = true,
        batch: Int = 5, control: ControlState = ControlState()
    ) -> Plan {
        let limits = LimitPolicy(windows: [
            RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond),
            RateWindow(name: "hour", requests: 600, periodNs: 3_600 * .nsPerSecond),
        ])
        let policy = Policy(
            limits: limits, paging: .page, pageSize: 1_000, incremental: .idAfter,
            detail: DetailPolicy(batch: batch, concurrency: 5))
        return Plan(
            control, stream: control.streams.first, policy: policy, mode: mode,
            noDetails: noDetails, knownRecords: records, givesTotal: givesTotal,
            now: LogTime(nanoseconds: 0))
    }

    @Test func tenThousandRecordsTakeThreeHoursAndTenMinutes() {
        let plan = plan(records: 10_000)
        #expect(plan.listRequests == 10)
        #expect(plan.detailRequests == 2_000)
        #expect(plan.records == 10_000)
        #expect(plan.floorNs.map { $0 / .nsPerSecond } == 11_400)
    }

    @Test func headersAloneTakeNoTimeAtAll() {
        let plan = plan(records: 10_000, noDetails: true)
        #expect(plan.detailRequests == 0)
        #expect(plan.floorNs == 0)
    }

    @Test func aListWithoutATotalNeedsOnePageMoreToFindItsEnd() {
        #expect(plan(records: 10_000, givesTotal: false).listRequests == 11)
        #expect(plan(records: 0).listRequests == 1)
    }

    @Test func withoutASizeTheFiguresAreUnknown() {
        let plan = plan(records: nil)
        #expect(plan.listRequests == nil)
        #expect(plan.detailRequests == nil)
        #expect(plan.floorNs == nil)
    }

    @Test func slotsThatAreHeldCount() {
        var control = ControlState()
        control.limiter.slots = SlotHistory(times: (0..<20).map { Int64($0) })
        let plan = plan(records: 1_000, noDetails: true, control: control)
        #expect(plan.listRequests == 1)
        #expect((plan.floorNs ?? 0) > 59 * .nsPerSecond)
    }

    @Test func detailsAloneTakeTheQueueOnly() {
        var control = ControlState()
        control.streams = [StreamState(id: StreamID(1), name: "os")]
        control.streams[0].counts.pending = 101
        control.streams[0].counts.retrying = 4
        control.streams[0].counts.parked = 50
        let plan = plan(records: nil, mode: .detailsOnly, control: control)
        #expect(plan.listRequests == 0)
        #expect(plan.detailRequests == 21)
    }
}
