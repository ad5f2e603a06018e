import SyncCore
import TestSupport
import Testing

@Suite struct AlertTests {
    private static let stream = CoreHarness.stream

    private static func rules(_ change: (inout AlertRules) -> Void) -> AlertRules {
        var rules = AlertRules()
        rules.channels = [AlertRules.Channel(name: "pager")]
        change(&rules)
        return rules
    }

    private static let failures = rules { $0.failed = true }

    /// A store whose stream is watched.
    private func watched() -> CoreHarness {
        var core = CoreHarness()
        core.look(AlertRules())
        return core
    }

    @Test func withoutALookNothingIsRemembered() {
        var core = CoreHarness()
        core.lose()
        #expect(core.control[Self.stream].alerts == nil)
    }

    @Test func aFailureIsRaisedOnceAndIsOverWithTheNextGoodRun() {
        var core = watched()
        core.lose()
        core.look(Self.failures)
        core.look(Self.failures)
        core.lose()
        core.look(Self.failures)
        #expect(core.count(.alertRaised) == 1)
        #expect(core.control[Self.stream].alerts?.firing.map(\.rule) == [.failed])
        core.succeed()
        core.look(Self.failures)
        core.look(Self.failures)
        #expect(core.count(.alertRecovered) == 1)
        #expect(core.control[Self.stream].alerts?.firing == [])
    }

    @Test func aRunThatWasStoppedSaysNothingOfTheOneBefore() {
        var core = watched()
        core.lose()
        core.look(Self.failures)
        core.request(.full)
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm)), stream: Self.stream)
        core.finish(with: FakeAPI(1...3))
        #expect(core.finished.last?.outcome == .interrupted)
        core.look(Self.failures)
        #expect(core.count(.alertRecovered) == 0)
    }

    @Test func aLookThatChangesNothingIsNoEvent() {
        var core = watched()
        let events = core.log.count
        core.look(Self.failures)
        core.look(AlertRules())
        #expect(core.log.count == events)
    }

    @Test func aRuleThatIsTakenOutEndsItsAlert() {
        var core = watched()
        core.lose()
        core.look(Self.failures)
        core.look(Self.rules { $0.partial = true })
        #expect(core.control[Self.stream].alerts?.firing == [])
        #expect(core.count(.alertRecovered) == 1)
    }

    @Test(arguments: [(59, 0), (60, 1)])
    func noSuccessIsRaisedAtItsTimeAndNotBefore(seconds: Int64, raised: Int) {
        let rules = Self.rules { $0.noSuccessMs = 60_000 }
        var core = watched()
        core.now = core.now.adding(ms: seconds * 1_000)
        core.look(rules)
        #expect(core.count(.alertRaised) == raised)
    }

    @Test func successIsCountedFromTheLastCompletedRun() {
        let rules = Self.rules { $0.noSuccessMs = 60_000 }
        var core = watched()
        core.now = core.now.adding(ms: 50_000)
        core.succeed()
        core.now = core.now.adding(ms: 59_999)
        core.look(rules)
        #expect(core.count(.alertRaised) == 0)
        core.now = core.now.adding(ms: 1)
        core.look(rules)
        #expect(core.count(.alertRaised) == 1)
    }

    @Test func recordsThatAreParkedForLongAreToldUntilNoneIs() throws {
        let rules = Self.rules { $0.parkedMs = 10_000 }
        var core = watched()
        var api = FakeAPI(1...3)
        api.poison = [2]
        core.request()
        core.finish(with: api)
        try #require(core.control[Self.stream].counts.parked == 1)
        core.look(rules)
        #expect(core.count(.alertRaised) == 0)
        core.now = core.now.adding(ms: 10_000)
        core.look(rules)
        #expect(core.count(.alertRaised) == 1)
        let row = try #require(core.row("2"))
        core.feed(
            .queueDropped(
                QueueDropped(
                    records: [QueuedRecord(ordinal: row.ordinal, id: row.id, was: .parked)],
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: Self.stream)
        core.now = core.now.adding(ms: 10_000)
        core.look(rules)
        #expect(core.count(.alertRecovered) == 1)
    }

    @Test(arguments: [(1, 2, 0), (2, 40, 0), (3, 40, 1), (2, 2, 1)])
    func refusalsAreToldBeyondTheirShareAndNeverOfOne(
        refused: UInt64, requests: UInt64, raised: Int
    ) {
        var core = watched()
        var counters = RunCounters()
        counters.listRequests = requests
        counters.rateLimited = refused
        core.end(.completed, counters: counters)
        core.look(Self.rules { $0.rateLimitedPpm = 50_000 })
        #expect(core.count(.alertRaised) == raised)
    }

    @Test func aTotalIsComparedOnceARun() {
        let rules = Self.rules { $0.expensesMovedPpm = 200_000 }
        var core = watched()
        core.succeed()
        core.look(rules, expenses: "100", movedPpm: nil)
        core.look(rules, expenses: "120", movedPpm: 200_000)
        #expect(core.count(.alertRaised) == 0)
        core.look(rules, expenses: "145", movedPpm: 208_333)
        #expect(core.count(.alertRaised) == 1)
        #expect(core.control[Self.stream].alerts?.expenses?.total == "145")
        core.look(rules)
        #expect(core.count(.alertRecovered) == 0)
        core.look(rules, expenses: "145", movedPpm: 0)
        #expect(core.count(.alertRecovered) == 1)
    }

    @Test func aReminderComesAfterItsTimeAndNamesItsNumber() {
        let rules = Self.rules {
            $0.failed = true
            $0.remindMs = 5_000
        }
        var core = watched()
        core.lose()
        for _ in 0..<11 {
            core.look(rules)
            core.now = core.now.adding(ms: 1_000)
        }
        let reminders = core.log.compactMap { logged in
            if case .alertRaised(let event) = logged.event { event.reminder } else { nil }
        }
        #expect(reminders == [0, 1, 2])
        #expect(core.control[Self.stream].alerts?.alerts.count == 1)
    }

    @Test func channelsAreToldWhatTheyAskFor() {
        let rules = Self.rules {
            $0.failed = true
            $0.channels = [
                AlertRules.Channel(name: "all"),
                AlertRules.Channel(name: "partial", rules: [.partial]),
                AlertRules.Channel(name: "silent", rules: [.failed], tellsRecovery: false),
            ]
        }
        var core = watched()
        core.lose()
        core.look(rules)
        #expect(core.pending == ["all", "silent"])
        core.succeed()
        core.look(rules)
        #expect(core.pending == ["all"])
    }

    @Test func whatIsToldIsForgottenAndWhatIsNotIsTriedAgain() throws {
        var core = watched()
        core.lose()
        core.look(Self.failures)
        let notice = try #require(core.control[Self.stream].alerts?.alerts.first?.notice)
        core.deliver(notice, isDelivered: false)
        #expect(core.pending == ["pager"])
        #expect(core.control[Self.stream].alerts?.alerts.first?.pending.first?.failures == 1)
        core.deliver(notice, isDelivered: true)
        #expect(core.pending == [])
        let events = core.log.count
        core.deliver(notice, isDelivered: true)
        #expect(core.log.count == events, "nobody waits for it")
        core.succeed()
        core.look(Self.failures)
        let over = try #require(core.control[Self.stream].alerts?.alerts.first?.notice)
        core.deliver(over, isDelivered: true)
        #expect(core.control[Self.stream].alerts?.alerts == [])
    }

    @Test func aChannelThatIsGoneIsWaitedForNoLonger() {
        var core = watched()
        core.lose()
        core.look(Self.failures)
        #expect(core.pending == ["pager"])
        core.look(
            Self.rules {
                $0.failed = true
                $0.channels = []
            })
        #expect(core.pending == [])
        #expect(core.control[Self.stream].alerts?.firing.count == 1)
    }

    @Test(arguments: [(0, 0), (1, 0), (2, 60), (3, 120), (8, 3_600), (40, 3_600)])
    func triesGetRarer(failures: UInt32, seconds: Int64) {
        var pending = PendingDelivery(channel: "pager")
        pending.failures = failures
        pending.triedAt = LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond)
        let due = pending.triedAt.adding(ms: seconds * 1_000)
        #expect(pending.isDue(at: due))
        if seconds > 0 {
            #expect(!pending.isDue(at: due.adding(ms: -1)))
            #expect(pending.isDue(at: pending.triedAt.adding(ms: -1)), "a clock that was set back")
        }
    }

    @Test func aTextIsOneLineWithoutControls() throws {
        var core = watched()
        core.end(
            .failed, text: "a\nb\u{1B}[31m\u{202E}c" + String(repeating: "x", count: 2_000))
        core.look(Self.failures)
        let text = try #require(core.control[Self.stream].alerts?.alerts.first?.text)
        #expect(text.hasPrefix("run r4 failed: a b [31m c"))
        #expect(text.unicodeScalars.count == 500)
    }
}

extension CoreHarness {
    fileprivate mutating func look(
        _ rules: AlertRules, expenses: String? = nil, movedPpm: UInt64? = nil
    ) {
        feed(
            .alertsEvaluated(
                AlertsEvaluated(rules: rules, expenses: expenses, movedPpm: movedPpm)),
            stream: Self.stream)
    }

    fileprivate mutating func lose() {
        request(.full)
        while let request = wire.first { answer(request, .failure(.auth, status: 401)) }
    }

    fileprivate mutating func succeed() {
        request(.full)
        finish(with: FakeAPI(1...3))
    }

    /// Ends a run as an event says it, whatever led to that.
    fileprivate mutating func end(
        _ outcome: RunOutcome, text: String = "", counters: RunCounters = RunCounters()
    ) {
        let ended = RunCompleted(
            outcome: outcome, reason: nil, text: text, resumeAt: nil, counters: counters,
            durationNs: 1, floorNs: 0)
        fold(
            LoggedEvent(
                position: control.position.next, time: now, stream: Self.stream,
                run: Position(4), cause: .none, startsStep: true, event: .runCompleted(ended)))
    }

    fileprivate mutating func deliver(_ notice: Position, isDelivered: Bool) {
        feed(
            .alertDelivered(
                AlertDelivered(
                    notice: notice, channel: "pager", isDelivered: isDelivered, attempts: 1,
                    text: "")), stream: Self.stream)
    }

    /// The channels that are still to be told of something.
    fileprivate var pending: [String] {
        control[Self.stream].alerts?.alerts.flatMap { $0.pending.map(\.channel) } ?? []
    }
}
