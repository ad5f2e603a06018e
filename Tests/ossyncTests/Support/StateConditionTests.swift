import SyncCore
import Testing

@testable import ossync

/// Conditions on the state, as people write them.
@Suite struct StateConditionTests {
    private func state(
        parked: UInt64 = 0, pending: UInt64 = 0, mark: String? = nil,
        total: (sum: String, records: UInt64)? = nil
    ) -> StateValues {
        var stream = StreamState(id: StreamID(1), name: "os")
        stream.counts.parked = parked
        stream.counts.pending = pending
        stream.highWaterMark = mark.map { RecordID($0) }
        var control = ControlState()
        control.streams = [stream]
        return StateValues(control, "os", total: total)
    }

    private func holds(_ text: String, _ state: StateValues) throws -> Bool {
        try StateCondition(text).holds(state)
    }

    @Test func numbersAreComparedExactly() throws {
        let state = state(parked: 3, total: ("999999999999999999999.10", 4))
        for (text, expected) in [
            ("queue.parked > 0", true), ("queue.parked>=3", true), ("queue.parked > 3", false),
            ("queue.parked < 3", false), ("queue.parked<=3", true), ("queue.parked = 3", true),
            ("queue.parked == 3.0", true), ("queue.parked != 3", false),
            ("expenses.total = 999999999999999999999.1", true),
            ("expenses.total > 999999999999999999999.09", true),
            ("expenses.total < 999999999999999999999.1", false), ("expenses.records = 4", true),
            ("records.total = 3", true), ("records.failed = 3", true),
        ] {
            #expect(try holds(text, state) == expected, "\(text)")
        }
    }

    @Test func textsAreEqualOrNot() throws {
        let state = state(mark: "4711")
        for (text, expected) in [
            ("state.phase = idle", true), ("state.phase != 'details'", true),
            ("state.highWaterMark = 4711", true), ("state.highWaterMark = '4711'", true),
            ("state.highWaterMark = 4712", false), ("state.lastError = null", true),
            ("state.lastError != null", false), ("state.run = \"\"", false),
        ] {
            #expect(try holds(text, state) == expected, "\(text)")
        }
    }

    @Test func whatIsNotThereIsNeitherLessNorMore() throws {
        #expect(try !holds("expenses.total < 1000", state()))
        #expect(try !holds("expenses.total >= 0", state()))
        #expect(try holds("expenses.total = null", state()))
        #expect(try !holds("state.highWaterMark = ''", state()))
    }

    @Test func andBindsCloserThanOr() throws {
        let state = state(parked: 1, pending: 5)
        #expect(try holds("queue.parked = 1 or queue.parked = 2 and queue.pending = 9", state))
        #expect(try !holds("queue.parked = 2 and queue.pending = 5 or queue.pending = 9", state))
        #expect(try holds("queue.parked = 2 and queue.pending = 9 or queue.pending = 5", state))
    }

    @Test func itSaysWhetherItNeedsTheColumns() throws {
        #expect(try StateCondition("queue.parked > 0 or expenses.total > 1").needsTotals)
        #expect(try !StateCondition("queue.parked > 0").needsTotals)
    }

    @Test(arguments: [
        "", "queue.parked", "queue.parked >", "> 3", "queue.parked > 0 and", "or", "nothing = 3",
        "queue.parked ~ 3", "queue.parked > 3 3", "state.phase > idle", "state.phase = 'idle",
        "queue.parked > 0 & 1", "queue.parked = = 3",
    ])
    func whatIsNoConditionIsAUsageError(text: String) {
        #expect {
            try StateCondition(text)
        } throws: {
            ($0 as? CommandFailure)?.exitCode == ExitCode.usage
        }
    }

    @Test func everyNameHasAValueOrNothing() throws {
        for (name, _) in StateValues.names { _ = try state().value(name) }
    }
}
