import EventLog
import SyncCore
import Testing

@testable import Simulation

/// What is told of records and of the stream is compared with what the events say.
@Suite struct RowAuditorTests {
    private let events: [LoggedEvent]
    private let rows: [RecordRow]

    /// A sync that is troubled by a record that can't be had.
    init() throws {
        var plan = SimulationScenario.calm.plan(seed: 5)
        plan.faults.poisonIDs = [2]
        plan.faults.poisonForms = [.serverError]
        let folder = try ScratchFolder("rows")
        let machine = try VirtualMachine(plan, store: try folder.make("store"), disk: nil)
        events = try machine.invoke(.incremental, RunOptions()).events
        var rows: [RecordRow] = []
        try machine.withLog { log, _ in
            try log.snapshot().forEachRow(VirtualMachine.stream) { row in
                rows.append(row)
                return true
            }
        }
        self.rows = rows
    }

    /// - Parameter change: what a fold would get wrong of the state after the last event.
    private func found(_ change: (inout ControlState, inout RecordRow) -> Void) -> [String] {
        var (auditor, control, violations) = (RowAuditor(), ControlState(), Violations())
        for event in events.dropLast() {
            apply(event, to: &control)
            auditor.take(event, control, &violations)
        }
        var row = rows[0]
        guard let last = events.last else { return [] }
        apply(last, to: &control)
        change(&control, &row)
        auditor.take(last, control, &violations)
        auditor.compare(row, at: "in the store", &violations)
        return violations.found.map(\.text)
    }

    @Test func whatIsRightIsBelieved() {
        #expect(found { _, _ in } == [])
    }

    @Test func eachFieldThatIsWrongIsFound() {
        #expect(found { control, _ in control.streams[0].lastError = nil }.count == 1)
        #expect(found { control, _ in control.streams[0].lastCompletedAt = .zero }.count == 1)
        #expect(found { control, _ in control.streams[0].generation += 1 }.count == 1)
        #expect(found { _, row in row.attemptedAt = nil }.count == 1)
        #expect(found { _, row in row.generation += 1 }.count == 1)
        #expect(found { _, row in row.attempts += 1 }.count == 1)
        #expect(found { _, row in row.error = .absent }.count == 1)
        #expect(
            found { _, row in row.queue = QueueEntry(state: .dropped, isChange: true) }.count == 1)
    }
}
