import SyncCore
import TestSupport
import Testing

/// Events and answers that fit nothing that the state knows: what a log that was tampered with may
/// hold, and what replay is given. They are folded and recorded; nothing follows, nothing traps.
@Suite struct StrangeEventTests {
    private static let record = QueuedRecord(
        ordinal: Ordinal(3), id: RecordID("4"), was: .unknown)
    private static let exchange = Exchange(status: 200)

    private static func page(_ intent: Position) -> Event {
        .pageFetched(
            PageFetched(
                intent: intent, exchange: exchange, pass: 7, generation: 1, next: nil, total: 4,
                rows: 1, taken: 1, partlyTaken: false, firstSeen: 1, digest: 1, idOrder: .numeric,
                highest: RecordID("4"),
                entries: [
                    PageFetched.Entry(
                        ordinal: Ordinal(0), id: RecordID("4"), was: .unknown,
                        fingerprint: Fingerprint(high: 1, low: 1), body: [])
                ], unchanged: []))
    }

    private static func failure(_ intent: Position, _ failure: FailureClass) -> Event {
        .requestFailed(
            RequestFailed(
                intent: intent, exchange: exchange,
                answer: FailureAnswer(failure, code: "x", text: "odd")))
    }

    private static let answers: [Event] = [
        page(Position(1)),
        .detailsFetched(
            DetailsFetched(
                intent: Position(1), exchange: exchange,
                results: [
                    DetailsFetched.Result(
                        ordinal: Ordinal(3), id: RecordID("4"), was: .unknown,
                        outcome: .failed(RecordError(code: "x", text: "odd")))
                ])),
        .rateLimited(
            RateLimited(intent: Position(1), exchange: exchange, waitMs: nil, signal: "")),
        failure(Position(1), .network),
        .healthChecked(HealthChecked(intent: Position(1), exchange: exchange)),
    ]

    private static let others: [Event] = [
        .runStarted(RunStarted(mode: .full)),
        .runResumed(RunResumed(run: Position(9), mode: .incremental)),
        .runStopping(RunStopping(reason: .auth, text: "odd")),
        .runInterrupted(RunInterrupted(invocation: Position(9))),
        .runCompleted(
            RunCompleted(
                outcome: .completed, reason: nil, text: "", resumeAt: nil, counters: RunCounters(),
                durationNs: 0, floorNs: 0)),
        .requestIntended(RequestIntended(target: .health)),
        .requestAbandoned(RequestAbandoned(intent: Position(9), ordinals: [Ordinal(9)])),
        .detailsRequeued(
            DetailsRequeued(
                intent: Position(9), kind: .whole, parts: [[record]], due: .zero, error: nil)),
        .recordParked(
            RecordParked(record: record, intent: Position(9), attempts: 1, error: .absent)),
        .limitLearned(
            LimitLearned(
                kind: .admitted, window: "none", periodNs: 1, requests: 1, ceiling: 1,
                confirmations: 0)),
        .passAbandoned(PassAbandoned(number: 9)),
        .passCompleted(
            PassCompleted(
                number: 9, distinct: 0, total: 1, drift: "odd", highWaterMark: RecordID("1"))),
    ]

    @Test(arguments: answers + others) func anEventOfNoRunIsFolded(event: Event) {
        var core = CoreHarness()
        let position = core.control.position.next
        core.fold(
            LoggedEvent(
                position: position, time: core.now, stream: CoreHarness.stream, run: .none,
                cause: .none, startsStep: true, event: event))
        #expect(core.control.position == position)
        #expect(core.control.invocation == nil)
        // The state that it left is one to go on from.
        core.start()
        core.request(.full)
        core.finish(with: FakeAPI(4...12))
        #expect(core.finished.last?.outcome == .completed)
    }

    @Test(arguments: answers) func anAnswerToNoRequestIsRecordedAndNothingFollows(event: Event) {
        for isRunning in [false, true] {
            var core = CoreHarness()
            if isRunning { core.request() }
            let decision = decide(
                core.control, fact: event, stream: CoreHarness.stream, rows: CoreRows(),
                now: core.now)
            #expect(decision.events.map(\.event) == [event])
            #expect(decision.effects.isEmpty)
            #expect(needsToDecide(core.control, fact: event, now: core.now).ordinals.count <= 1)
        }
    }

    /// Pages are asked for while a pass is open, and answered before it closes.
    @Test func anAnswerToAPageWhosePassIsGoneEndsTheRequestOnly() {
        for answer in [Self.page, { Self.failure($0, .unusable) }] {
            var core = CoreHarness()
            core.request(.full)
            var control = core.control
            control[CoreHarness.stream].pass = nil
            let fact = answer(core.wire[0].intent)
            let decision = decide(
                control, fact: fact, stream: CoreHarness.stream, rows: CoreRows(), now: core.now)
            #expect(decision.events.first?.event == fact)
            #expect(!decision.events.contains { $0.event.type == .runStopping })
            for event in decision.events { apply(event, to: &control) }
            #expect(control.inFlight.isEmpty)
        }
    }

    @Test func anAnswerToNoRequestIsNoFact() {
        let core = CoreHarness()
        let answer = SourceAnswer(exchange: Self.exchange, content: .healthy)
        #expect(
            classify(core.control, intent: Position(99), answer: answer, rows: CoreRows()) == nil)
        let needs = needsToClassify(core.control, intent: Position(99), answer: answer)
        #expect(needs == ReadSet(stream: .none))
    }

    /// A request that the log holds without the pass, or the run, that it belongs to.
    private func orphan(_ target: RequestIntended.Target) -> CoreHarness {
        var core = CoreHarness()
        core.fold(
            LoggedEvent(
                position: core.control.position.next, time: core.now, stream: CoreHarness.stream,
                run: .none, cause: .none, startsStep: true,
                event: .requestIntended(RequestIntended(target: target))))
        return core
    }

    @Test func aPageOutsideAPassIsAFailure() throws {
        let core = orphan(.list(cursor: nil, filter: .all))
        let intent = core.control.position
        let request = SourceRequest(intent: intent, kind: .list(cursor: nil, filter: .all))
        let answer = FakeAPI(1...3).answer(request)
        #expect(needsToClassify(core.control, intent: intent, answer: answer).seenIn == 0)
        let fact = classify(core.control, intent: intent, answer: answer, rows: CoreRows())
        guard case .requestFailed(let failed)? = fact else {
            Issue.record("\(String(describing: fact))")
            return
        }
        #expect(failed.answer.code == "no-pass")
    }

    /// A pass is open, but no run: the answer of a request that was on the wire at an interruption.
    @Test func aPageOfAPassWithoutARunIsTakenWhole() throws {
        var core = CoreHarness()
        core.request(.full)
        let request = core.wire[0]
        var control = core.control
        control.invocation = nil
        let fact = classify(
            control, intent: request.intent, answer: FakeAPI(1...3).answer(request),
            rows: CoreRows())
        guard case .pageFetched(let page)? = fact else {
            Issue.record("\(String(describing: fact))")
            return
        }
        #expect(page.taken == 3)
    }

    /// Of a record that the store doesn't know.
    @Test func detailsOfAnUnknownRecordAreOfAnUnknownState() throws {
        let asked = RequestIntended.Asked(ordinal: Ordinal(3), id: RecordID("4"))
        let core = orphan(.detail([asked]))
        let intent = core.control.position
        let answer = SourceAnswer(exchange: Self.exchange, content: .details([.absent]))
        let fact = classify(core.control, intent: intent, answer: answer, rows: CoreRows())
        guard case .detailsFetched(let details)? = fact else {
            Issue.record("\(String(describing: fact))")
            return
        }
        #expect(details.results.map(\.was) == [.unknown])
        let short = SourceAnswer(exchange: Self.exchange, content: .details([]))
        guard
            case .requestFailed(let failed)? = classify(
                core.control, intent: intent, answer: short, rows: CoreRows())
        else {
            Issue.record("an answer with too few results was taken")
            return
        }
        #expect(failed.answer.code == "detail-count")
    }

    /// Positions, times and counts that don't follow: `log verify` and a start look at this.
    @Test func anEventThatDoesNotFollowDoesNotFold() {
        let core = CoreHarness()
        let logged = { (position: Position, time: LogTime, event: Event) in
            LoggedEvent(
                position: position, time: time, stream: CoreHarness.stream, run: .none,
                cause: .none, startsStep: true, event: event)
        }
        let next = core.control.position.next
        let retried = { (was: RecordState) -> Event in
            let record = QueuedRecord(ordinal: Ordinal(0), id: RecordID("1"), was: was)
            return .queueRetried(
                QueueRetried(
                    records: [record], requester: Requester(pid: 1, host: "h", user: "u")))
        }
        #expect(core.control.canFold(logged(next, core.now, retried(.unknown))))
        #expect(!core.control.canFold(logged(next, core.now, retried(.parked))))
        #expect(!core.control.canFold(logged(next.next, core.now, retried(.unknown))))
        let never = LogTime(nanoseconds: .max)
        #expect(!core.control.canFold(logged(next, never, retried(.unknown))))
    }
}
