import SyncCore
import TestSupport
import Testing

@Suite struct ListTests {
    private func page(_ ids: [Int], total: UInt64?, next: UInt8?) -> SourceAnswer {
        page(ids: ids.map { "\($0)" }, total: total, next: next)
    }

    private func page(ids: [String], total: UInt64?, next: UInt8?) -> SourceAnswer {
        let records = ids.map { id in
            let hash = id.utf8.reduce(0) { $0 &* 257 &+ UInt64($1) }
            return ListedRecord(
                id: RecordID(id), fingerprint: Fingerprint(high: hash, low: 1),
                body: [0x7B, 0x7D])
        }
        return SourceAnswer(
            exchange: Exchange(status: 200),
            content: .page(
                PageAnswer(
                    records: records,
                    next: next.map { PageCursor(bytes: [$0], display: "\($0)") },
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

    @Test func aRowThatCameTwiceEndsNoListBeforeItsLastPage() {
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true))
        let pages = [[1, 1] + Array(2...10), Array(11...20), [21]]
        var next = 0
        core.finish(with: FakeAPI([])) { _, _ in
            defer { next += 1 }
            return self.page(next < 3 ? pages[next] : [], total: 21, next: UInt8(next + 1))
        }
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.finished.last?.reason == nil)
        #expect(core.control[CoreHarness.stream].counts.total == 21)
        #expect(core.control[CoreHarness.stream].highWaterMark?.text == "21")
    }

    @Test func aRowThatCameTwiceEndsNoKeysetListBeforeItsLastPage() {
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true), policy: keyset)
        let pages: [([Int], UInt64)] = [
            (Array(1...10), 21), ([11, 11] + Array(12...20), 11), ([21], 1),
        ]
        var next = 0
        core.finish(with: FakeAPI([])) { _, _ in
            defer { next += 1 }
            return self.page(pages[next].0, total: pages[next].1, next: UInt8(next + 1))
        }
        #expect(core.finished.last?.reason == nil)
        #expect(core.control[CoreHarness.stream].counts.total == 21)
        #expect(core.finished.last?.counters.listRequests == 3)
    }

    /// It counts something else.
    @Test(arguments: [3, 12]) func aTotalThatSaysLessThanComesEndsNoList(total: UInt64) {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.incremental, RunOptions(noDetails: true))
        var page = 0
        core.finish(with: api) { _, _ in
            defer { page += 1 }
            let ids = (1...25).dropFirst(page * 10).prefix(10)
            return self.page(Array(ids), total: total, next: UInt8(page + 1))
        }
        #expect(core.control[CoreHarness.stream].counts.total == 25)
        #expect(core.finished.last?.counters.listRequests == 4)
    }

    @Test func aRepeatedPageIsAStall() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request()
        core.finish(with: api) { _, _ in self.page(Array(1...10), total: nil, next: 9) }
        #expect(core.finished.last?.reason == .stalled)
        #expect(core.finished.last?.exitCode == 1)
        #expect(core.finished.last?.text.contains("repeats itself") == true)
        #expect(core.finished.last?.text.contains("list.paging: are type, pageParam") == true)
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

    /// A cache answered page 2 with page 1: the page that wasn't seen is asked for again.
    @Test func aRunThatGoesOnAfterAStallAsksForTheRepeatedPageAgain() {
        var core = CoreHarness()
        var api = FakeAPI(1...30)
        api.givesTotal = false
        let options = RunOptions(noDetails: true)
        core.request(.incremental, options)
        var pages = 0
        core.finish(with: api) { _, _ in
            pages += 1
            return self.page(Array(1...10), total: nil, next: UInt8(pages))
        }
        #expect(core.finished.last?.reason == .stalled)
        core.request(.resume, options)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].counts.total == 30)
    }

    @Test func aListThatGoesRoundIsAStall() {
        var core = CoreHarness()
        let api = FakeAPI(1...30)
        core.request(.incremental, RunOptions(noDetails: true))
        var pages = 0
        core.finish(with: api) { _, _ in
            defer { pages += 1 }
            let first = pages % 3 * 10 + 1
            return self.page(Array(first..<first + 10), total: nil, next: UInt8(pages + 1))
        }
        #expect(core.finished.last?.reason == .stalled)
        #expect(core.finished.last?.text.contains("look at list.id") == true)
        #expect(core.finished.last?.text.contains("list.paging") == true)
        #expect(pages == 7)
        #expect(core.control[CoreHarness.stream].highWaterMark == nil)
    }

    /// On a newest-first list, pages that were seen come again as new rows push them down.
    @Test func aListThatEndsDoesNotGoRound() {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(.full, RunOptions(noDetails: true))
        let pages = [[1, 2, 3], [1, 2], [2, 3]]
        var next = 0
        core.finish(with: api) { _, _ in
            defer { next += 1 }
            return self.page(pages[next], total: nil, next: next == 2 ? nil : UInt8(next + 1))
        }
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].pass == nil)
    }

    @Test func pagesPushedDownByNewRowsAreNoStall() {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(.full, RunOptions(noDetails: true))
        let pages = [[40, 39], [38, 37], [39, 38], [38, 37], [36, 35], []]
        var next = 0
        core.finish(with: api) { _, _ in
            defer { next += 1 }
            return self.page(pages[next], total: nil, next: UInt8(next + 1))
        }
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].counts.total == 6)
    }

    private var keyset: Policy {
        var policy = Policy.small
        policy.paging = .idAfter
        return policy
    }

    @Test(arguments: [[30, 29, 28], [1, 2, 4, 3]])
    func keysetPagingRefusesAListThatIsNotSortedById(ids: [Int]) {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(policy: keyset)
        core.finish(with: api) { _, _ in self.page(ids, total: 30, next: 1) }
        #expect(core.finished.last?.reason == .idOrder)
        #expect(core.finished.last?.exitCode == 2)
        #expect(core.finished.last?.text.contains("sorted") == true)
        #expect(core.finished.last?.counters.listRequests == 1)
        #expect(core.control[CoreHarness.stream].highWaterMark == nil)
    }

    @Test func keysetPagingRefusesAPageBelowItsCursor() {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(policy: keyset)
        var pages = 0
        core.finish(with: api) { _, _ in
            defer { pages += 1 }
            return self.page(pages == 0 ? [5, 6] : [4, 7], total: nil, next: UInt8(pages + 1))
        }
        #expect(core.finished.last?.reason == .idOrder)
    }

    /// A server that does not know the filter begins at the beginning.
    @Test(arguments: [[2, 4], [3, 4]])
    func keysetPagingRefusesAFirstPageThatIsNotAboveTheMark(ids: [Int]) {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(.incremental, RunOptions(noDetails: true), policy: keyset)
        core.answer(core.wire[0], page([1, 2, 3], total: nil, next: 1))
        core.answer(core.wire[0], page([], total: nil, next: 2))
        #expect(core.control[CoreHarness.stream].highWaterMark == RecordID("3"))
        core.request(.incremental, RunOptions(noDetails: true), policy: keyset)
        core.finish(with: api) { _, _ in self.page(ids, total: nil, next: 1) }
        #expect(core.finished.last?.reason == .idOrder)
        #expect(core.finished.last?.counters.seen == 0)
    }

    /// Each page's total is that of the rest; the first one's is that of the pass.
    @Test func aKeysetPassThatBroughtFewerThanItsFirstTotalEndsPartial() {
        var core = CoreHarness()
        let api = FakeAPI([])
        core.request(.incremental, RunOptions(noDetails: true), policy: keyset)
        let pages: [([Int], UInt64)] = [([1, 2, 3], 9), ([7, 8, 9], 3), ([], 0)]
        var next = 0
        core.finish(with: api) { _, _ in
            defer { next += 1 }
            return self.page(pages[next].0, total: pages[next].1, next: UInt8(next + 1))
        }
        #expect(core.finished.last?.reason == .drift)
        #expect(core.control[CoreHarness.stream].highWaterMark == nil)
        #expect(core.control[CoreHarness.stream].lastTotal == 9)
    }

    @Test func idsWithoutAnOrderAreRefusedBeforeTheListIsWalked() {
        for paging in [PagingKind.page, .idAfter] {
            var policy = keyset
            policy.paging = paging
            policy.incremental = paging.isKeyset ? .none : .idAfter
            var core = CoreHarness()
            let api = FakeAPI([])
            core.request(policy: policy)
            core.finish(with: api) { _, _ in
                self.page(ids: ["b", "a", "c"], total: 30, next: 1)
            }
            #expect(core.finished.last?.reason == .idOrder)
            #expect(core.finished.last?.counters.listRequests == 1)
            #expect(core.control[CoreHarness.stream].idOrder == nil)
            policy.idOrder = .lexicographic
            let again = RunRequested(
                mode: .full, options: RunOptions(), policy: policy, seed: 1,
                requester: Requester(pid: 1, host: "h", user: "u"))
            #expect(refusal(core.control, again, stream: CoreHarness.stream) == nil)
        }
    }

    /// The mark and the order in which details are asked for stand on it.
    @Test func theOrderOfIDsThatAStoreHasIsKept() {
        var core = CoreHarness()
        core.request()
        core.finish(with: FakeAPI(1...25))
        #expect(core.control[CoreHarness.stream].idOrder == .numeric)
        for (wanted, isRefused) in [(IDOrder.numeric, false), (.lexicographic, true)] {
            var policy = Policy.small
            policy.idOrder = wanted
            let again = RunRequested(
                mode: .incremental, options: RunOptions(), policy: policy, seed: 1,
                requester: Requester(pid: 1, host: "h", user: "u"))
            let refused = refusal(core.control, again, stream: CoreHarness.stream)
            #expect((refused != nil) == isRefused)
            #expect(refused?.hint.contains("idOrder: numeric") ?? true)
        }
    }

    @Test func aStoreWithoutAnOrderOfIdsRefusesIdAfter() {
        var core = CoreHarness()
        let api = FakeAPI([])
        var policy = Policy.small
        policy.incremental = .none
        core.request(.incremental, RunOptions(noDetails: true), policy: policy)
        var pages = 0
        core.finish(with: api) { _, _ in
            defer { pages += 1 }
            return self.page(ids: pages == 0 ? ["b", "a"] : [], total: 2, next: 1)
        }
        let idAfter = RunRequested(
            mode: .incremental, options: RunOptions(), policy: .small, seed: 1,
            requester: Requester(pid: 1, host: "h", user: "u"))
        let refused = refusal(core.control, idAfter, stream: CoreHarness.stream)
        #expect(refused?.text.contains("no order") == true)
    }

    /// Another query has its own records below the mark.
    @Test func theHighWaterMarkHoldsForTheQueryThatEarnedIt() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request()
        core.finish(with: api)
        var other = Policy.small
        other.pinned = [PinnedKey(key: "list.path", value: "/os?status=any")]
        core.request(.incremental, policy: other)
        #expect(core.control[CoreHarness.stream].pass?.filter == .all)
        core.finish(with: api)
        #expect(core.finished.last?.counters.seen == 25)
        core.request(.incremental, policy: other)
        #expect(core.control[CoreHarness.stream].pass?.filter == .idAfter(RecordID("25")))
    }

    /// Django REST framework answers so when rows were deleted meanwhile.
    @Test func notFoundPastTheFirstPageIsTheEndOfAListWhoseTotalIsKnown() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request()
        core.finish(with: api) { request, _ in
            guard case .list(let cursor, _) = request.kind, cursor != nil else { return nil }
            return .failure(.notFound, status: 404)
        }
        #expect(core.finished.last?.reason == .drift)
        #expect(core.control[CoreHarness.stream].pass == nil)
        #expect(core.control[CoreHarness.stream].counts.synced == 10)
        core.request()
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].counts.synced == 20)
    }

    @Test func notFoundWithoutATotalIsAFailure() {
        var core = CoreHarness()
        var api = FakeAPI(1...20)
        api.givesTotal = false
        core.request()
        core.finish(with: api) { request, _ in
            guard case .list(let cursor, _) = request.kind, cursor != nil else { return nil }
            return .failure(.notFound, status: 404)
        }
        #expect(core.finished.last?.outcome == .failed)
        #expect(core.control[CoreHarness.stream].pass != nil)
    }

    @Test func aPageTakenInPartRaisesTheHighestIdByWhatWasTaken() {
        var core = CoreHarness()
        let api = FakeAPI(1...20)
        core.request(.incremental, RunOptions(noDetails: true, maxRecords: 4))
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].pass?.highest == RecordID("4"))
    }

    @Test func anIncrementalRunThatFinishesAnOpenPassThenAsksWhatIsNew() {
        var core = CoreHarness()
        var api = FakeAPI(1...25)
        core.request(.full, RunOptions(noDetails: true, maxRecords: 20))
        core.finish(with: api)
        core.request(.incremental)
        while core.control[CoreHarness.stream].pass?.filter == .all {
            core.answer(core.wire[0], api.answer(core.wire[0]))
        }
        #expect(core.control[CoreHarness.stream].pass?.filter == .idAfter(RecordID("25")))
        api.add(26)
        core.finish(with: api)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.control[CoreHarness.stream].highWaterMark == RecordID("26"))
        #expect(core.control[CoreHarness.stream].counts.synced == 26)
    }

    @Test func resumeFinishesTheOpenPassAndAsksForNoMore() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.full, RunOptions(noDetails: true, maxRecords: 20))
        core.finish(with: api)
        core.request(.resume)
        core.finish(with: api)
        #expect(core.finished.last?.counters.listRequests == 1)
        #expect(core.count(.passOpened) == 1)
    }

    @Test func resumeThatGivesUpThePassBeginsItAnew() {
        var core = CoreHarness()
        let api = FakeAPI(1...25)
        core.request(.full, RunOptions(noDetails: true, maxRecords: 10))
        core.finish(with: api)
        var moved = Policy.small
        moved.pinned = [PinnedKey(key: "list.path", value: "/orders")]
        core.request(.resume, RunOptions(abandon: true), policy: moved)
        #expect(core.count(.passAbandoned) == 1)
        #expect(core.control.invocation?.mode == .full)
        core.finish(with: api)
        #expect(core.control[CoreHarness.stream].counts.synced == 25)
    }

    @Test func aTotalThatChangesWhileTheListIsWalkedIsDrift() {
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true))
        core.answer(core.wire[0], page(Array(1...10), total: 20, next: 2))
        core.answer(core.wire[0], page(Array(11...19), total: 19, next: 3))
        #expect(core.finished.last?.reason == .drift)
        #expect(core.finished.last?.text == "the list's total changed while it was walked")
        #expect(core.control[CoreHarness.stream].highWaterMark == nil)
    }

    /// The later one of the two is the record.
    @Test func anIdTwiceOnAPageWithTwoHeadersIsOneRecordWithTheSecond() {
        var core = CoreHarness()
        core.request(.incremental, RunOptions(noDetails: true))
        let records = [(1, 1), (2, 1), (2, 2), (2, 2), (3, 1)].map { id, version in
            ListedRecord(
                id: RecordID("\(id)"),
                fingerprint: Fingerprint(high: UInt64(id), low: UInt64(version)),
                body: [0x7B, 0x7D])
        }
        core.answer(
            core.wire[0],
            SourceAnswer(
                exchange: Exchange(status: 200),
                content: .page(PageAnswer(records: records, next: nil, total: nil))))
        #expect(core.rows.count == 3)
        #expect(core.row("2")?.headerFingerprint == Fingerprint(high: 2, low: 2))
        #expect(core.row("3")?.ordinal == Ordinal(2))
        #expect(core.seen.allSatisfy { core.rows[$0.ordinal] != nil })
        #expect(core.control[CoreHarness.stream].nextOrdinal == Ordinal(3))
        #expect(core.control[CoreHarness.stream].counts.pending == 3)
        let end = core.finished.last
        #expect((end?.counters.new, end?.counters.changed) == (3, 1))
        #expect(end?.counters.unchanged == 1)
    }

    @Test func anEmptyListIsDoneAfterOneRequest() {
        var core = CoreHarness()
        core.request()
        core.finish(with: FakeAPI([]))
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.finished.last?.counters.requests == 1)
        #expect(core.control[CoreHarness.stream].idOrder == nil)
    }

    @Test(arguments: [
        (["a", "ab", "b"], IDOrder.lexicographic), (["b", "a"], IDOrder.none),
        (["9", "10"], IDOrder.numeric),
    ])
    func theFirstPageSaysHowIdsAreOrdered(ids: [String], order: IDOrder) {
        var policy = Policy.small
        policy.incremental = .none
        var core = CoreHarness()
        core.request(.full, RunOptions(noDetails: true), policy: policy)
        core.answer(core.wire[0], page(ids: ids, total: nil, next: 2))
        #expect(core.control[CoreHarness.stream].idOrder == order)
    }

    @Test func aPageWhosePlaceIsThatOfTheOneBeforeIsAStall() {
        var core = CoreHarness()
        core.request()
        core.answer(core.wire[0], page([1, 2], total: nil, next: 2))
        core.answer(core.wire[0], page([3, 4], total: nil, next: 2))
        #expect(core.finished.last?.reason == .stalled)
        #expect(core.finished.last?.text.contains("does not move") == true)
        #expect(core.finished.last?.text.contains("list.paging: are type, pageParam") == true)
    }
}
