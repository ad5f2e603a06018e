import SyncCore
import TestSupport
import Testing

@Suite struct ListTests {
    private func page(_ ids: [Int], total: UInt64?, next: UInt8) -> SourceAnswer {
        let records = ids.map {
            ListedRecord(
                id: RecordID("\($0)"), fingerprint: Fingerprint(high: UInt64($0), low: 1),
                body: [0x7B, 0x7D])
        }
        return SourceAnswer(
            exchange: Exchange(status: 200),
            content: .page(
                PageAnswer(
                    records: records, next: PageCursor(bytes: [next], display: "page \(next)"),
                    total: total)))
    }

    @Test func aTotalThatSaysMoreThanCameEndsPartialAndKeepsTheMark() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request(.incremental, RunOptions(noDetails: true))
        var pages = 0
        core.finish(with: api) { _, _ in
            pages += 1
            return pages == 1
                ? self.page(Array(1...10), total: 20, next: 2)
                : self.page([10, 11, 12, 13, 14, 15, 16, 17, 18, 19], total: 20, next: 3)
        }
        #expect(core.finished.last?.reason == .drift)
        #expect(core.finished.last?.exitCode == 3)
        #expect(core.control[CoreHarness.stream].highWaterMark == nil)
        #expect(core.control[CoreHarness.stream].counts.total == 19)
    }

    @Test func aRepeatedPageIsAStall() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request()
        core.finish(with: api) { _, _ in self.page(Array(1...10), total: nil, next: 9) }
        #expect(core.finished.last?.reason == .stalled)
        #expect(core.finished.last?.exitCode == 1)
    }

    @Test func anIdTwiceOnAPageIsOneRecord() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request(.incremental, RunOptions(noDetails: true))
        core.finish(with: api) { _, _ in self.page([1, 2, 2, 3], total: nil, next: 2) }
        #expect(core.control[CoreHarness.stream].counts.total == 3)
        #expect(core.control[CoreHarness.stream].counts.pending == 3)
    }

    @Test func aWordAmongNumbersIsRefusedByName() {
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], page([1, 2], total: nil, next: 2))
        let odd = ListedRecord(
            id: RecordID("A-3"), fingerprint: Fingerprint(high: 3, low: 3), body: [0x7B, 0x7D])
        core.answer(
            core.wire[0],
            SourceAnswer(
                exchange: Exchange(status: 200),
                content: .page(PageAnswer(records: [odd], next: nil, total: nil))))
        #expect(core.control[CoreHarness.stream].lastError?.contains("A-3") == true)
        #expect(core.control[CoreHarness.stream].counts.total == 2)
    }

    @Test func numericOrderIsByLengthThenBytes() {
        let order = IDOrder.numeric
        let sorted = ["9", "10", "99", "100"].map { RecordID($0) }
        for (left, right) in zip(sorted, sorted.dropFirst()) {
            #expect(order.precedes(left, right))
            #expect(!order.precedes(right, left))
        }
        for text in ["01", "-1", "1.0", "1e3", "", "x"] { #expect(!order.admits(RecordID(text))) }
        #expect(order.admits(RecordID("0")))
        #expect(order.admits(RecordID("12345678901234567890123456789012345678901234")))
    }

    @Test func identitiesAreBytesNotLetters() {
        #expect(RecordID("\u{E9}") != RecordID("e\u{301}"))
    }
}
