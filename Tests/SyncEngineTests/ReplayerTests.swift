import EventLog
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// A log replayed over a scratch store, each decision made anew.
@Suite struct ReplayerTests {
    private var policy: Policy {
        var policy = Policy.small
        policy.limits = LimitPolicy(
            windows: [RateWindow(name: "minute", requests: 3, periodNs: 60 * .nsPerSecond)])
        policy.detail = DetailPolicy(batch: 3, concurrency: 2)
        return policy
    }

    /// Runs with failures, waits for the limits, an engine that is gone, and a clock that is set.
    private func makeLog() throws -> EngineFixture {
        var api = FakeAPI(1...23)
        api.poison = [7]
        let first = try EngineFixture()
        try first.process(first.starting(policy: policy))
        try first.finish(with: api, steps: 6)
        let folder = first.folder
        let clock = first.clock
        return try later(folder, clock, api)
    }

    private func later(
        _ folder: TemporaryFolder, _ clock: ManualClock, _ api: FakeAPI
    ) throws -> EngineFixture {
        clock.advance(seconds: 5)
        let second = try EngineFixture(folder, clock: clock)
        try second.process(second.starting(.resume, policy: policy))
        try second.finish(with: api, steps: 4)
        clock.setWall(by: 90_000)
        try second.finish(with: api)
        try second.process(second.starting(.full, policy: policy))
        try second.finish(with: api)
        return second
    }

    private func replay(
        _ log: EventLog, through end: Position = Position(.max), verifies: Bool = true
    ) throws -> (replayer: Replayer, divergences: [Divergence], steps: Int) {
        let replayer = Replayer(try ScratchStore(), comparesTexts: true)
        var divergences: [Divergence] = []
        var steps = 0
        try log.replay(replayer, through: end, verifies: verifies) { step, _ in
            if !step.events.isEmpty { steps += 1 }
            if let divergence = step.divergence { divergences.append(divergence) }
            return true
        }
        return (replayer, divergences, steps)
    }

    @Test func theSameRulesDecideTheSameFromTheSameFacts() throws {
        let fixture = try makeLog()
        let (replayer, divergences, steps) = try replay(fixture.log)
        #expect(divergences == [])
        #expect(replayer.control == fixture.engine.control)
        var recorded = 0
        var due = 0
        try fixture.log.snapshot().forEachEvent(after: .none) { event in
            if event.startsStep { recorded += 1 }
            if case .requestIntended(let intent) = event.event, intent.due != nil { due += 1 }
            return true
        }
        #expect(steps == recorded)
        #expect(due >= 3, "the limits made it wait")
    }

    @Test func itStopsWhereItIsTold() throws {
        let fixture = try makeLog()
        let end = fixture.engine.control.position
        for position in stride(from: 1, through: end.rawValue, by: 5).map({ Position($0) }) {
            let (replayer, divergences, _) = try replay(fixture.log, through: position)
            #expect(divergences == [])
            #expect(replayer.control.position == position)
            var control = ControlState()
            try fixture.log.snapshot().forEachEvent(after: .none) { event in
                guard event.position <= position else { return false }
                apply(event, to: &control)
                return true
            }
            #expect(replayer.control == control)
        }
    }

    @Test func aWaitThatWouldEndAtAnotherMomentIsFound() throws {
        let fixture = try makeLog()
        var changed: Position?
        let other = try fixture.log.rewritten { event in
            guard changed == nil, case .requestIntended(let intent) = event.event,
                let due = intent.due
            else { return nil }
            changed = event.position
            return .requestIntended(
                RequestIntended(
                    target: intent.target, charges: intent.charges, isAlone: intent.isAlone,
                    due: due.adding(ns: 1)))
        }
        let (_, divergences, _) = try replay(other)
        #expect(divergences.map(\.position) == [changed])
        #expect(divergences.first?.isOfOtherRules == false)
    }

    @Test func earlierRulesRecordedNoWaits() throws {
        let fixture = try makeLog()
        let other = try fixture.log.rewritten { event in
            switch event.event {
            case .runRequested(let request):
                .runRequested(request.with(deciderVersion: 4))
            case .requestIntended(let intent):
                .requestIntended(
                    RequestIntended(
                        target: intent.target, charges: intent.charges, isAlone: intent.isAlone))
            default: nil
            }
        }
        #expect(try replay(other).divergences == [])
    }

    @Test func anAlteredLimitShowsAsRequestsThatWouldBeSentBefore() throws {
        let fixture = try makeLog()
        let other = try fixture.log.rewritten { event in
            guard case .runRequested(let request) = event.event else { return nil }
            var policy = request.policy
            policy.limits.windows = [
                RateWindow(name: "minute", requests: 4, periodNs: 60 * .nsPerSecond)
            ]
            return .runRequested(request.with(policy: policy))
        }
        let found = try replay(other).divergences
        let first = try #require(found.first)
        #expect(first.recorded == [], "the log goes on without a request here")
        #expect(first.decidedEvent?.event.type == .requestIntended)
        #expect(found.count > 1, "the rest is counted")
    }

    @Test func anotherBackoffIsFoundWithTheFieldThatDiffers() throws {
        let fixture = try makeLog()
        var changed: [Position] = []
        let other = try fixture.log.rewritten { event in
            guard case .detailsRequeued(let requeued) = event.event, requeued.due > .zero else {
                return nil
            }
            changed.append(event.position)
            return .detailsRequeued(
                DetailsRequeued(
                    intent: requeued.intent, kind: requeued.kind, parts: requeued.parts,
                    due: requeued.due.adding(ms: 1), error: requeued.error))
        }
        let found = try replay(other).divergences
        #expect(!changed.isEmpty)
        #expect(Set(changed).isSubset(of: Set(found.map(\.position))))
        #expect(found.first?.recordedEvent?.event.type == .detailsRequeued)
        #expect(found.first?.decidedEvent?.event.type == .detailsRequeued)
    }

    /// What a log contradicts itself about is told before anything is decided about it.
    @Test func aLogThatContradictsItselfIsDamaged() throws {
        let fixture = try makeLog()
        let other = try fixture.log.rewritten { event in
            guard case .streamDeclared = event.event else { return nil }
            return .storageMeasured(StorageMeasured(freeBytes: 1, inFlightAllowed: 1))
        }
        for verifies in [true, false] {
            let replayer = Replayer(try ScratchStore())
            let error = #expect(throws: EventLogError.self) {
                try other.replay(replayer, verifies: verifies) { _, _ in true }
            }
            guard case .corrupt? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    /// A run's first step is decided by its own rules, and not by those of the run before it.
    @Test func aRunOfOtherRulesIsJudgedAsSuchFromItsFirstStepOn() throws {
        let fixture = try makeLog()
        let other = try fixture.log.rewritten { event in
            switch event.event {
            case .runRequested(let request):
                .runRequested(request.with(deciderVersion: Decider.version + 1))
            case .runStarted: .runStarted(RunStarted(mode: .health))
            default: nil
            }
        }
        let found = try replay(other).divergences
        #expect(!found.isEmpty)
        let ofThese = found.filter { !$0.isOfOtherRules }
        #expect(ofThese == [])
    }

    @Test func otherWordsAreNoDivergence() throws {
        let fixture = try makeLog()
        let other = try fixture.log.rewritten { event in
            guard case .runCompleted(let completed) = event.event else { return nil }
            return .runCompleted(
                RunCompleted(
                    outcome: completed.outcome, reason: completed.reason, text: "other words",
                    resumeAt: completed.resumeAt, counters: completed.counters,
                    durationNs: completed.durationNs, floorNs: completed.floorNs))
        }
        #expect(!(try replay(other).divergences.isEmpty))
        var count = 0
        try other.replay(Replayer(ScratchStore())) { step, _ in
            if step.divergence != nil { count += 1 }
            return true
        }
        #expect(count == 0)
    }
}
