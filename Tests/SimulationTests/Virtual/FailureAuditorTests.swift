import SyncCore
import Testing

@testable import Simulation

/// Waits that don't follow from the failures in a row are found, and runs that give up too early or
/// too late.
@Suite struct FailureAuditorTests {
    private static let plan = SimulationScenario.calm.plan(seed: 1)
    private var auditor = FailureAuditor(
        RetryPolicy(attempts: 2, baseMs: 1_000, multiplier: 2, maxMs: 60_000))
    private var violations = Violations()
    private var position = Position.none
    private var nowNs: Int64 = 0

    /// - Returns: its position.
    @discardableResult
    private mutating func take(_ event: Event, startsStep: Bool = true) -> Position {
        position = position.next
        auditor.take(
            LoggedEvent(event, at: position, nowNs: nowNs, startsStep: startsStep),
            MachineClocks(Self.plan), nowNs: nowNs, &violations)
        return position
    }

    private mutating func ask(_ target: RequestIntended.Target) -> Position {
        nowNs += 100 * .nsPerSecond
        return take(.requestIntended(RequestIntended(target: target)))
    }

    private mutating func fail(_ intent: Position, _ failure: FailureClass) {
        take(
            .requestFailed(
                RequestFailed(
                    intent: intent, exchange: Exchange(status: 500),
                    answer: FailureAnswer(failure, code: "x", text: "x"))))
    }

    private mutating func fail(_ target: RequestIntended.Target, _ failure: FailureClass) {
        fail(ask(target), failure)
    }

    private mutating func answer() {
        take(
            .detailsFetched(
                DetailsFetched(
                    intent: ask(details([])), exchange: Exchange(status: 200), results: [])))
    }

    private mutating func backOff(waitMs: Int64, step: UInt32) {
        take(
            .backoffApplied(
                BackoffApplied(
                    kind: .failure, until: LogTime(nanoseconds: nowNs).adding(ms: waitMs),
                    waitMs: waitMs, step: step)), startsStep: false)
    }

    private mutating func stop(_ reason: StopReason) {
        take(.runStopping(RunStopping(reason: reason, text: "x")), startsStep: false)
    }

    /// Begins another invocation, so that the step before it is over.
    private mutating func begin() {
        take(
            .runRequested(
                RunRequested(
                    mode: .full, options: RunOptions(), policy: Self.plan.policy(pinned: []),
                    seed: 1,
                    requester: Requester(pid: 1, host: "simulated", user: "nobody"))))
    }

    private static let page = RequestIntended.Target.list(cursor: nil, filter: .all)

    private func details(_ numbers: [UInt32]) -> RequestIntended.Target {
        .detail(
            numbers.map { RequestIntended.Asked(ordinal: Ordinal($0), id: RecordID("\($0)")) })
    }

    private mutating func requeue(_ intent: Position, _ number: UInt32) {
        let record = QueuedRecord(
            ordinal: Ordinal(number), id: RecordID("\(number)"), was: .pending)
        take(
            .detailsRequeued(
                DetailsRequeued(
                    intent: intent, kind: .attempt, parts: [[record]], due: .zero, error: nil)),
            startsStep: false)
    }

    @Test(arguments: [FailureClass.unavailable, .network])
    mutating func anAPIThatIsNotThereIsWaitedForUntilTheAttemptsAreUsedUp(failure: FailureClass) {
        fail(Self.page, failure)
        backOff(waitMs: 1_050, step: 1)
        answer()
        fail(details([1]), failure)
        backOff(waitMs: 1_000, step: 1)
        fail(details([1]), failure)
        stop(.unavailable)
        begin()
        #expect(violations.found == [])
    }

    @Test mutating func backoffsThatDoNotFollowFromTheFailuresAreFound() {
        fail(Self.page, .unavailable)
        backOff(waitMs: 1_101, step: 1)
        answer()
        fail(Self.page, .unavailable)
        backOff(waitMs: 2_000, step: 2)
        answer()
        backOff(waitMs: 1_000, step: 1)
        #expect(violations.found.count == 3)
    }

    @Test mutating func aStepThatDoesNotGrowIsFound() {
        auditor = FailureAuditor(
            RetryPolicy(attempts: 5, baseMs: 1_000, multiplier: 2, maxMs: 60_000))
        fail(Self.page, .server)
        backOff(waitMs: 1_000, step: 1)
        fail(Self.page, .unusable)
        backOff(waitMs: 1_000, step: 1)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aFailureWithoutABackoffIsFound() {
        fail(Self.page, .timeout)
        begin()
        fail(details([1]), .unavailable)
        begin()
        #expect(violations.found.map(\.invariant) == [10, 10])
    }

    @Test mutating func failuresThatWereOnTheWireTogetherAreOne() {
        let (first, second) = (ask(details([1])), ask(details([2])))
        fail(first, .unavailable)
        backOff(waitMs: 1_000, step: 1)
        fail(second, .unavailable)
        #expect(violations.found == [])
        stop(.unavailable)
        #expect(violations.found.count == 1)
    }

    @Test mutating func aRunThatEndsTooEarlyIsFound() {
        fail(Self.page, .unusable)
        stop(.unusable)
        begin()
        fail(Self.page, .unavailable)
        backOff(waitMs: 1_000, step: 1)
        answer()
        fail(Self.page, .unavailable)
        stop(.unavailable)
        #expect(violations.found.map(\.invariant) == [0, 0])
    }

    @Test mutating func aRunThatGoesOnForTooLongIsFound() {
        fail(Self.page, .auth)
        begin()
        fail(Self.page, .notFound)
        begin()
        fail(Self.page, .unavailable)
        backOff(waitMs: 1_000, step: 1)
        fail(Self.page, .unavailable)
        backOff(waitMs: 2_000, step: 2)
        #expect(violations.found.map(\.invariant) == [10, 10, 8])
    }

    @Test mutating func aRunThatEndsForAnotherReasonIsFound() {
        fail(Self.page, .auth)
        stop(.unavailable)
        begin()
        stop(.unusable)
        #expect(violations.found.map(\.invariant) == [0, 0])
    }

    @Test mutating func recordsThatFailForTheFirstTimeShowAnOutage() {
        for number in 1...7 as ClosedRange<UInt32> {
            let intent = ask(details([number]))
            fail(intent, .server)
            requeue(intent, number)
            if number >= 2 { backOff(waitMs: 1_000 << Int64(number - 2), step: number - 1) }
        }
        fail(details([8]), .server)
        stop(.unavailable)
        begin()
        #expect(violations.found == [])
    }

    @Test mutating func recordsThatFailAgainShowNoOutageOnceOthersWereFetched() {
        take(
            .detailsFetched(
                DetailsFetched(
                    intent: ask(details([9])), exchange: Exchange(status: 200),
                    results: [
                        DetailsFetched.Result(
                            ordinal: Ordinal(9), id: RecordID("9"), was: .pending, outcome: .same)
                    ])))
        for _ in 1...9 {
            let intent = ask(details([1]))
            fail(intent, .server)
            requeue(intent, 1)
        }
        #expect(violations.found == [])
        stop(.unavailable)
        #expect(violations.found.count == 1)
    }
}
