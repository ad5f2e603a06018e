import SyncCore
import Testing

@testable import Simulation

/// Details that are asked for in another order, and batches that are not full, are found.
@Suite struct QueueAuditorTests {
    private var auditor: QueueAuditor
    private var violations = Violations()
    private var position = Position.none

    init() {
        var plan = SimulationScenario.calm.plan(seed: 1)
        plan.batch = 2
        plan.identities = ERPIdentities()
        auditor = QueueAuditor(plan)
    }

    private mutating func take(_ event: Event) {
        position = position.next
        auditor.take(LoggedEvent(event, at: position), &violations)
    }

    private mutating func list(_ numbers: [UInt32], was: RecordState = .unknown) {
        let entries = numbers.map {
            PageFetched.Entry(
                ordinal: Ordinal($0), id: RecordID("\($0)"), was: was,
                fingerprint: Fingerprint(high: 0, low: 0), body: [])
        }
        take(
            .pageFetched(
                PageFetched(
                    intent: position, exchange: Exchange(status: 200), pass: 1, generation: 1,
                    next: nil, total: nil, rows: UInt32(numbers.count),
                    taken: UInt32(numbers.count), partlyTaken: false,
                    firstSeen: UInt32(numbers.count), digest: 0, idOrder: nil, highest: nil,
                    entries: entries, unchanged: [])))
    }

    private mutating func ask(_ numbers: UInt32...) {
        let asked = numbers.map {
            RequestIntended.Asked(ordinal: Ordinal($0), id: RecordID("\($0)"))
        }
        take(.requestIntended(RequestIntended(target: .detail(asked))))
    }

    private mutating func fail(_ number: UInt32) {
        let record = QueuedRecord(
            ordinal: Ordinal(number), id: RecordID("\(number)"), was: .pending)
        take(
            .detailsRequeued(
                DetailsRequeued(
                    intent: position, kind: .attempt, parts: [[record]], due: .zero, error: nil)))
    }

    @Test mutating func theNewestNewOnesFirstIsRight() {
        list([1, 2], was: .synced)
        list([3, 4, 5])
        ask(5, 4)
        ask(3, 2)
        ask(1)
        #expect(violations.found.isEmpty)
    }

    @Test mutating func anOlderOneFirstIsFound() {
        list([3, 4, 5])
        ask(4, 3)
        #expect(violations.found.map(\.invariant) == [8])
    }

    @Test mutating func aChangedOneBeforeANewOneIsFound() {
        list([5, 6], was: .synced)
        list([4])
        ask(6, 5)
        #expect(violations.found.map(\.invariant) == [8])
    }

    @Test mutating func aBatchThatIsNotFullIsFound() {
        list([3, 4, 5])
        ask(5)
        #expect(violations.found.map(\.invariant) == [10])
    }

    @Test mutating func aFailedOneBeforeOneThatWaitsIsFound() {
        list([4, 5])
        ask(5, 4)
        fail(5)
        list([6])
        ask(5)
        #expect(violations.found.map(\.invariant) == [8])
    }

    @Test mutating func whatSomebodyPutBackIsNotJudged() {
        list([4, 5])
        let requester = Requester(pid: 1, host: "", user: "")
        let record = QueuedRecord(ordinal: Ordinal(5), id: RecordID("5"), was: .pending)
        take(.queueRetried(QueueRetried(records: [record], requester: requester)))
        ask(4, 5)
        #expect(violations.found.isEmpty)
    }
}
