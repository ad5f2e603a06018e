import SyncCore
import Testing

/// The small values that everything else is made of.
@Suite struct ValueTests {
    @Test func sumsAndProductsStayWithinTheType() {
        #expect(Int64.max.saturatingAdd(1) == .max)
        #expect(Int64.min.saturatingAdd(-1) == .min)
        #expect(Int64(3).saturatingAdd(-5) == -2)
        #expect(Int64.max.saturatingMultiply(2) == .max)
        #expect(Int64.min.saturatingMultiply(-2) == .max)
        #expect(Int64.max.saturatingMultiply(-2) == .min)
        #expect(Int64(-3).saturatingMultiply(5) == -15)
    }

    @Test func aMomentIsHeldAtTheEndsOfTime() {
        let last = LogTime(nanoseconds: .max)
        #expect(last.adding(ms: 1) == last)
        #expect(last.adding(ns: 1) == last)
        #expect(last.since(LogTime(nanoseconds: .min)) == .max)
        #expect(LogTime(rawValue: 7) == LogTime(nanoseconds: 7))
    }

    @Test func numbersOfThingsAreOrderedAsNumbers() {
        #expect(Position(rawValue: 9) == Position(9))
        #expect(Position(9) < Position(10))
        #expect(StreamID(rawValue: 9) == StreamID(9))
        #expect(StreamID(9) < StreamID(10) && !(StreamID(10) < StreamID(10)))
        #expect(Ordinal(rawValue: 9) == Ordinal(9))
        #expect(Ordinal(9) < Ordinal(10))
    }

    @Test func recordsWithoutDetailsAreAllThatAreNotSynced() {
        var counts = RecordCounts()
        (counts.synced, counts.pending, counts.retrying) = (5, 4, 3)
        (counts.parked, counts.dropped) = (2, 1)
        #expect(counts.total == 15)
        #expect(counts.withoutDetails == 10)
        #expect(counts.waiting == 7)
    }

    @Test func withoutAnAnchorTheBootClockIsTheLogsOwn() {
        let control = ControlState()
        #expect(control.time(atBootNs: 5) == LogTime(nanoseconds: 5))
        #expect(control.bootNs(at: LogTime(nanoseconds: 5)) == 5)
    }

    /// A row says this only where it was damaged.
    @Test(arguments: [RecordState.unknown, .synced])
    func aQueueEntryInNoStateOfTheQueueHasNoPlace(state: RecordState) {
        var row = RecordRow(
            ordinal: Ordinal(0), id: RecordID("1"), headerFingerprint: Fingerprint(high: 0, low: 0),
            headerPosition: Position(1), generation: 1)
        row.queue = QueueEntry(state: state, isChange: false)
        #expect(row.queueClass == nil)
        #expect(row.queueKey(order: .numeric) == nil)
    }

    @Test func underNoOrderNoIdentityComesFirst() {
        let (one, two) = (RecordID("1"), RecordID("2"))
        #expect(!IDOrder.none.precedes(one, two) && !IDOrder.none.precedes(two, one))
        #expect(IDOrder.none.greater(one, two) == nil)
        #expect(IDOrder.numeric.greater(one, two) == two)
        #expect(IDOrder.numeric.greater(two, one) == two)
        #expect(IDOrder.numeric.greater(nil, one) == one)
        #expect(IDOrder.numeric.greater(one, nil) == one)
    }

    @Test func aNumberWithLeadingZerosIsNone() {
        for text in ["0", "7", "10"] { #expect(IDOrder.numeric.admits(RecordID(text))) }
        for text in ["", "07", "00", "-1", "1.0", "x"] {
            #expect(!IDOrder.numeric.admits(RecordID(text)))
        }
    }
}
