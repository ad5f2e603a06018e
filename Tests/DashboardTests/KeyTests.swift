import Dashboard
import Testing

@Suite struct KeyTests {
    private func press(
        _ keys: [Key], _ snapshot: Snapshot = Samples.busy, ownsSync: Bool = false
    ) -> (state: ViewState, actions: [Action]) {
        var state = ViewState()
        state.ownsSync = ownsSync
        let actions = keys.compactMap { state.handle($0, snapshot, page: 10) }
        return (state, actions)
    }

    @Test(arguments: [
        ("2", Action.health), ("3", .sync(.incremental)), ("4", .sync(.resume)),
        ("5", .sync(.detailsOnly)), ("6", .sync(.headersOnly)), ("7y", .sync(.full)),
        ("s", .stop), ("q", .quit(.leavingSync)),
    ])
    func keysAskForActions(keys: String, action: Action) {
        #expect(press(.typed(keys)).actions == [action])
    }

    @Test func aFullSyncIsAskedAbout() {
        #expect(press(.typed("7")).actions.isEmpty)
        #expect(press(.typed("7n")).actions.isEmpty)
        #expect(press([.character("7"), .escape, .character("y")]).actions.isEmpty)
        // What is no answer leaves the question standing, and does nothing else.
        #expect(press(.typed("73")).actions.isEmpty)
        #expect(press(.typed("73y")).actions == [.sync(.full)])
    }

    @Test func quittingAsksWhileASyncOfItsOwnRuns() {
        #expect(press(.typed("q"), ownsSync: true).actions.isEmpty)
        #expect(press(.typed("ql"), ownsSync: true).actions == [.quit(.leavingSync)])
        #expect(press(.typed("qs"), ownsSync: true).actions == [.quit(.stoppingSync)])
        let (state, actions) = press(.typed("qn"), ownsSync: true)
        #expect(actions.isEmpty && state.dialog == nil)
    }

    @Test func tabAndArrowsGoRound() {
        #expect(press([.tab]).state.view == .events)
        #expect(press([.left]).state.view == .projections)
        #expect(press(Array(repeating: .right, count: 7)).state.view == .overview)
        #expect(press([.backTab, .tab]).state.view == .overview)
        #expect(press([.tab, .tab, .character("1")]).state.view == .overview)
        #expect(press([.tab, .tab, .escape]).state.view == .overview)
    }

    @Test func aFilterTakesEveryKeyUntilItIsDone() {
        let (typing, actions) = press([.tab] + .typed("/q3 s7"))
        #expect(actions.isEmpty)
        #expect(typing.filter == "q3 s7" && typing.isTyping)
        let (mended, _) = press([.tab] + .typed("/ab") + [.backspace, .enter])
        #expect(mended.filter == "a" && !mended.isTyping)
        #expect(press([.tab] + .typed("/ab") + [.escape]).state.filter == "")
        // It belongs to its page, and esc takes it away before it leaves the page.
        let (kept, _) = press([.tab] + .typed("/ab") + [.enter, .tab, .backTab])
        #expect(kept.filter == "ab")
        let (gone, _) = press([.tab] + .typed("/ab") + [.enter, .escape])
        #expect(gone.filter == "" && gone.view == .events)
        #expect(!press(.typed("/")).state.isTyping)
    }

    @Test func recordsOfTheQueueAreRetriedAndDropped() {
        let queue: [Key] = [.tab, .tab]
        #expect(press(queue + .typed("r")).actions == [.retry(id: "5689")])
        #expect(press(queue + [.end] + .typed("r")).actions == [.retry(id: "5660")])
        #expect(press(queue + [.down] + .typed("dy")).actions == [.drop(id: "5688")])
        #expect(press(queue + .typed("dn")).actions.isEmpty)
        // Of the rows that are shown.
        let filtered = queue + .typed("/parked") + [.enter]
        #expect(press(filtered + .typed("r")).actions == [.retry(id: "5660")])
        #expect(press(.typed("r")).actions.isEmpty)
        #expect(press(queue + .typed("r"), Samples.empty).actions.isEmpty)
    }

    @Test func theSelectionStaysWithinTheRows() {
        var state = ViewState.after([.tab, .end])
        let short = Samples.empty
        #expect(state.handle(.up, short, page: 10) == nil)
        #expect(state.handle(.enter, short, page: 10) == nil)
        #expect(state.dialog == nil)
        let (last, _) = press([.tab] + Array(repeating: .pageDown, count: 50) + [.enter])
        guard case .details(let lines) = last.dialog else {
            Issue.record("no details")
            return
        }
        #expect(lines.first == "position: @12286")
    }

    @Test func aPauseEndsWithThePage() {
        #expect(press([.character(" ")]).state.isPaused)
        #expect(!press(.typed("  ")).state.isPaused)
        #expect(press([.tab, .character(" "), .down, .enter]).state.isPaused)
        #expect(!press([.tab, .character(" "), .tab]).state.isPaused)
    }

    @Test func helpAndDetailsCloseByAnyKey() {
        let (state, actions) = press(.typed("?q"))
        #expect(state.dialog == nil && actions.isEmpty)
        #expect(press([.character("?"), .resize]).state.dialog == .help)
    }
}
