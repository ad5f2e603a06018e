import FaultyDisk
import SyncCore
import Testing

@testable import Simulation

/// What a run says of itself is compared with what it did.
@Suite struct OutcomeCheckerTests {
    private let plan = SimulationScenario.calm.plan(seed: 5)
    private let invocation: Invocation
    private let completed: RunCompleted
    private let records: Int

    init() throws {
        let folder = try ScratchFolder("outcomes")
        let machine = try VirtualMachine(
            plan, store: try folder.make("store"), disk: .interposed)
        invocation = try machine.invoke(.incremental, RunOptions())
        records = machine.erp.ids.count
        guard case .finished(let completed) = invocation.end else {
            throw SimulationViolation(0, "a calm run doesn't finish")
        }
        self.completed = completed
    }

    private func found(_ change: (inout Invocation) -> Void, records: Int? = nil) -> [String] {
        var changed = invocation
        change(&changed)
        var checker = OutcomeChecker(plan)
        var violations = Violations()
        checker.check(
            changed, records: records ?? self.records, since: .none, &violations)
        return violations.found.map(\.text)
    }

    /// The same end, told otherwise.
    private func told(
        _ outcome: RunOutcome = .completed, _ reason: StopReason? = nil,
        resumeAt: LogTime? = nil, counters: RunCounters? = nil, durationNs: Int64? = nil
    ) -> (inout Invocation) -> Void {
        let end = RunCompleted(
            outcome: outcome, reason: reason, text: completed.text, resumeAt: resumeAt,
            counters: counters ?? completed.counters,
            durationNs: durationNs ?? completed.durationNs, floorNs: completed.floorNs)
        return { invocation in
            invocation.end = .finished(end)
            guard let last = invocation.events.popLast() else { return }
            invocation.events.append(
                LoggedEvent(
                    position: last.position, time: last.time, stream: last.stream, run: last.run,
                    cause: last.cause, startsStep: last.startsStep, event: .runCompleted(end)))
        }
    }

    @Test func aRunThatTellsTheTruthIsBelieved() {
        #expect(found { _ in } == [])
        #expect(completed.outcome == .completed)
    }

    @Test(arguments: [
        StopReason.nothingToResume, .max, .budget, .maxDuration, .patience, .parked, .sigint,
        .sigterm, .auth, .unavailable, .unusable, .idOrder, .diskFull,
    ])
    func aReasonThatNothingGaveIsFound(reason: StopReason) {
        #expect(found(told(reason.outcome, reason)) != [])
    }

    @Test func anOutcomeThatIsNotTheReasonsIsFound() {
        #expect(found(told(.partial)).contains { $0.contains("the outcome of this reason") })
    }

    @Test func countersAndTimesThatAreWrongAreFound() {
        var counters = completed.counters
        counters.listRequests += 1
        #expect(found(told(counters: counters)).contains { $0.contains("requests") })
        counters = completed.counters
        counters.rateLimited += 1
        #expect(found(told(counters: counters)).contains { $0.contains("refusals") })
        let longer = told(durationNs: completed.durationNs + 1)
        #expect(found(longer).contains { $0.contains("the clock says") })
        #expect(found(told(resumeAt: .zero)).contains { $0.contains("when to go on") })
    }

    @Test func aRunThatSaysItCompletedThoughSomethingIsLeftIsFound() {
        #expect(
            found {
                $0.after.streams[0].counts.synced -= 1
                $0.after.streams[0].counts.pending += 1
            }.contains { $0.contains("wait for their details") })
        #expect(found({ _ in }, records: records + 1).contains { $0.contains("it knows") })
        #expect(
            found { $0.events.removeAll { $0.event.type == .passCompleted } }
                .contains { $0.contains("walked no list") })
    }

    @Test func aRunThatGaveARecordUpAndSaysNothingIsFound() throws {
        let parked = RecordParked(
            record: QueuedRecord(ordinal: Ordinal(0), id: RecordID("1"), was: .retrying),
            intent: Position(1), attempts: 5, error: RecordError(code: "x", text: "x"))
        let texts = found { invocation in
            invocation.after.streams[0].counts.synced -= 1
            invocation.after.streams[0].counts.parked += 1
            guard let last = invocation.events.last else { return }
            invocation.events.insert(
                LoggedEvent(
                    position: last.position, time: last.time, stream: last.stream, run: last.run,
                    cause: last.cause, startsStep: false, event: .recordParked(parked)), at: 1)
        }
        #expect(texts.contains { $0.contains("it gave 1 records up") })
    }

    @Test func aRunThatOverlookedASignalIsFound() {
        let texts = found { invocation in
            guard let last = invocation.events.last else { return }
            invocation.events.insert(
                LoggedEvent(
                    position: last.position, time: last.time, stream: last.stream, run: last.run,
                    cause: last.cause, startsStep: true,
                    event: .cancelRequested(CancelRequested(signal: .sigint))), at: 1)
        }
        #expect(texts.contains { $0.contains("told to stop") })
    }

    /// A wall clock that is set after a run was stopped makes its words no lie.
    @Test func aWallClockThatIsSetWhileARunEndsIsNoViolation() throws {
        var plan = plan
        plan.limits = LimitPolicy(
            windows: [RateWindow(name: "w", requests: 1, periodNs: 60 * .nsPerSecond)])
        let folder = try ScratchFolder("outcomes")
        let machine = try VirtualMachine(
            plan, store: try folder.make("store"), disk: .interposed)
        var invocation = try machine.invoke(.incremental, RunOptions(patienceMs: 1))
        let stop = try #require(
            invocation.events.firstIndex {
                if case .runStopping(let stop) = $0.event { stop.reason == .budget } else { false }
            })
        let time = invocation.events[stop].time
        let set = ClockAnchored(
            bootID: invocation.after.clock?.bootID ?? "",
            bootNs: invocation.after.bootNs(at: time), wall: time.adding(ns: -3_600 * .nsPerSecond),
            isEngineStart: false)
        invocation.after.clock = set
        invocation.events.insert(
            LoggedEvent(
                position: invocation.after.position, time: set.wall, stream: .none, run: .none,
                cause: .none, startsStep: true, event: .clockAnchored(set)), at: stop + 1)
        var checker = OutcomeChecker(plan)
        var violations = Violations()
        checker.check(invocation, records: 0, since: .none, &violations)
        #expect(violations.found.map(\.text).filter { $0.contains("no window is full") } == [])
    }
}
