import SyncCore
import Testing

@testable import Simulation

/// Records that are given up, charged or asked alone for no reason are found.
@Suite struct AttemptAuditorTests {
    private var auditor = AttemptAuditor(
        RetryPolicy(attempts: 2, baseMs: 0, multiplier: 1, maxMs: 0))
    private var violations = Violations()
    private var position = Position.none

    private static let error = RecordError(code: "x", text: "x")

    private mutating func take(_ event: Event, isStopping: Bool = false) {
        position = position.next
        auditor.take(
            LoggedEvent(event, at: position),
            isStopping: isStopping, &violations)
    }

    private func queued(_ number: UInt32) -> QueuedRecord {
        QueuedRecord(ordinal: Ordinal(number), id: RecordID("\(number)"), was: .pending)
    }

    /// - Returns: the intent.
    @discardableResult
    private mutating func ask(_ numbers: [UInt32], isAlone: Bool = false) -> Position {
        let asked = numbers.map {
            RequestIntended.Asked(ordinal: Ordinal($0), id: RecordID("\($0)"))
        }
        take(.requestIntended(RequestIntended(target: .detail(asked), isAlone: isAlone)))
        return position
    }

    /// Asks, and lets it fail.
    private mutating func fail(
        _ numbers: [UInt32], _ failure: FailureClass = .server, status: UInt16 = 500
    ) -> Position {
        let intent = ask(numbers)
        take(
            .requestFailed(
                RequestFailed(
                    intent: intent, exchange: Exchange(status: status),
                    answer: FailureAnswer(failure, code: "x", text: "x"))))
        return intent
    }

    private mutating func crash(_ number: UInt32, times: Int, isAlone: Bool = false) -> Position {
        var intent = Position.none
        for _ in 0..<times {
            intent = ask([number], isAlone: isAlone)
            take(
                .requestAbandoned(
                    RequestAbandoned(intent: intent, ordinals: [Ordinal(number)])))
        }
        return intent
    }

    private mutating func requeue(
        _ intent: Position, _ kind: DetailsRequeued.Kind, _ parts: [[UInt32]]
    ) {
        let parts = parts.map { $0.map(queued) }
        take(
            .detailsRequeued(
                DetailsRequeued(
                    intent: intent, kind: kind, parts: parts, due: .zero, error: nil)))
    }

    private mutating func park(_ intent: Position, _ number: UInt32, attempts: UInt16) {
        take(
            .recordParked(
                RecordParked(
                    record: queued(number), intent: intent, attempts: attempts, error: Self.error)))
    }

    private var texts: [String] { violations.found.map(\.text) }

    @Test mutating func whatIsRightIsBelieved() {
        let batch = fail([1, 2])
        requeue(batch, .whole, [[1, 2]])
        let again = fail([1, 2])
        requeue(again, .split, [[1], [2]])
        requeue(fail([1]), .attempt, [[1]])
        requeue(fail([1], .unavailable, status: 503), .postponed, [[1]])
        park(fail([1]), 1, attempts: 2)
        park(fail([2], .notFound, status: 404), 2, attempts: 1)
        _ = crash(3, times: 3)
        park(crash(3, times: 3, isAlone: true), 3, attempts: 0)
        #expect(texts == [])
    }

    @Test mutating func aRecordThatIsParkedTooEarlyIsFound() {
        park(fail([1]), 1, attempts: 1)
        #expect(texts.contains { $0.contains("after 1 attempts of 2") })
    }

    @Test mutating func aRecordThatIsParkedTooLateIsFound() {
        requeue(fail([1]), .attempt, [[1]])
        requeue(fail([1]), .attempt, [[1]])
        #expect(texts.contains { $0.contains("though it failed 2 times") })
    }

    @Test mutating func aBatchWhoseRecordsAreParkedIsFound() {
        park(fail([1, 2]), 1, attempts: 1)
        #expect(texts.contains { $0.contains("not after a request for it alone") })
    }

    @Test(arguments: [
        (FailureClass.server, UInt16(503)), (.network, 0), (.auth, 401), (.server, 429),
    ])
    mutating func aRecordThatIsChargedForWhatIsNobodysFaultIsFound(
        failure: FailureClass, status: UInt16
    ) {
        requeue(fail([1], failure, status: status), .attempt, [[1]])
        #expect(texts.contains { $0.contains("none is to blame") })
        park(fail([1], failure, status: status), 1, attempts: 2)
        #expect(texts.contains { $0.contains("nobody's fault") })
    }

    @Test mutating func aSuspectThatIsParkedTooEarlyIsFound() {
        _ = crash(1, times: 3)
        park(crash(1, times: 1, isAlone: true), 1, attempts: 0)
        #expect(texts.contains { $0.contains("after 4 crashes") })
    }

    @Test mutating func aSuspectThatIsNotAskedAloneIsFound() {
        _ = crash(1, times: 3)
        ask([1])
        #expect(texts.contains { $0.contains("asked for beside others at") })
        ask([2], isAlone: true)
        #expect(texts.contains { $0.contains("beside one that may crash") })
    }

    @Test mutating func aFailureThatIsChargedToNobodyIsFound() {
        requeue(fail([1]), .returned, [[1]])
        ask([1])
        #expect(texts.contains { $0.contains("and the run goes on") })
    }

    @Test mutating func aParkedRecordThatIsAskedForIsFound() {
        park(fail([1], .notFound, status: 410), 1, attempts: 1)
        ask([1])
        #expect(texts.contains { $0.contains("though parked") })
    }
}
