import ReadModels
import SyncCore
import Testing

/// Events as an engine would append them, with the state that they fold to.
private struct History {
    private(set) var fold: RateFold
    private var next: UInt64 = 1

    init(_ windows: [RateWindow]) { fold = RateFold(after: ControlState(), windows) }

    @discardableResult
    mutating func append(_ seconds: Double, _ event: Event) -> Position {
        let position = Position(next)
        next += 1
        fold.take(
            LoggedEvent(
                position: position, time: LogTime(nanoseconds: Int64(seconds * 1e9)),
                stream: StreamID(1), run: .none, cause: .none, startsStep: true, event: event))
        return position
    }

    mutating func begin(_ windows: [RateWindow]) {
        append(0, .streamDeclared(StreamDeclared(stream: StreamID(1), name: "os")))
        let policy = Policy(
            limits: LimitPolicy(windows: windows), paging: .page, pageSize: 1, detail: nil)
        append(
            0,
            .runRequested(
                RunRequested(
                    mode: .incremental, options: RunOptions(), policy: policy, seed: 1,
                    requester: Requester(pid: 1, host: "", user: ""))))
    }

    mutating func send(_ seconds: Double, due: Double? = nil) -> Position {
        append(
            seconds,
            .requestIntended(
                RequestIntended(
                    target: .health, due: due.map { LogTime(nanoseconds: Int64($0 * 1e9)) })))
    }

    /// A request that is answered after a tenth of a second.
    mutating func request(_ seconds: Double, status: UInt16 = 200) {
        let intent = send(seconds)
        answer(seconds + 0.1, intent, status)
    }

    mutating func answer(_ seconds: Double, _ intent: Position, _ status: UInt16) {
        let exchange = Exchange(status: status)
        append(
            seconds,
            status == 429
                ? .rateLimited(
                    RateLimited(intent: intent, exchange: exchange, waitMs: nil, signal: ""))
                : .healthChecked(HealthChecked(intent: intent, exchange: exchange)))
    }

    @discardableResult
    mutating func learn(
        _ seconds: Double, _ requests: UInt32, _ kind: LimitLearned.Kind = .refused,
        window: String = "minute"
    ) -> Position {
        append(
            seconds,
            .limitLearned(
                LimitLearned(
                    kind: kind, window: window, periodNs: 60 * .nsPerSecond, requests: requests,
                    ceiling: requests, confirmations: 0)))
    }

    var window: RateWindowFold { fold.windows[0] }
    var advice: RateAdvice { fold.advice(window) }
}

@Suite struct RateFoldTests {
    private let minute = RateWindow(name: "minute", requests: 20, periodNs: 60 * .nsPerSecond)

    @Test func thePeakIsTheFullestWindowWhereverItBegins() {
        var history = History([minute])
        // Two minutes by the clock with four and three requests; six of them within a minute.
        for second in [1, 40, 50, 59, 61, 62, 99.0] { history.request(second) }
        #expect(history.window.peak.requests == 6)
        #expect(history.window.peak.at == LogTime(nanoseconds: 99 * .nsPerSecond))
        #expect(history.window.activePeriods == 2)
        #expect(history.window.median == 3)
        #expect(history.window.usedPerMille == 175)
    }

    @Test func aWindowIsHalfOpen() {
        var history = History([minute])
        for second in [0, 60, 120.0] { history.request(second) }
        #expect(history.window.peak.requests == 1)
        history.request(179.999)
        #expect(history.window.peak.requests == 2)
    }

    @Test func thePeakIsThatOfCountingEachWindow() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<30 {
            var (history, times, now) = (History([minute]), [Double](), 0.0)
            for _ in 0..<100 {
                now += Double(generator.next() % 9_000) / 1_000
                times.append(now)
                _ = history.send(now)
            }
            let counts = times.map { end in times.count { $0 > end - 60 && $0 <= end } }
            #expect(history.window.peak.requests == UInt64(counts.max() ?? 0))
        }
    }

    @Test func onlyWhatWasSentAndAnsweredWithinTheWindowCountsAsAccepted() {
        var history = History([minute])
        let slow = history.send(0)
        for second in [10, 20, 30.0] { history.request(second) }
        history.request(40, status: 429)
        history.answer(61, slow, 200)
        #expect(history.window.peak.requests == 5)
        #expect(history.window.acceptedPeak == 3)
    }

    @Test func withoutARefusalTheLimitIsKept() {
        var history = History([minute])
        #expect(history.advice == .nothingAsked)
        for second in 0..<10 { history.request(Double(second)) }
        #expect(history.advice == .noRefusal)
    }

    @Test func whatWasLearnedIsProposed() {
        var history = History([minute])
        for second in 0..<14 { history.request(Double(second)) }
        history.request(15, status: 429)
        let lesson = history.learn(15.2, 14)
        #expect(
            history.advice == .set(14, RateWindowFold.Lesson(requests: 14, position: lesson)))
        #expect(history.window.lessons == 1)
        #expect(history.fold.endpoints[.health]?.refused == 1)
    }

    @Test func whatIsAcceptedAfterwardsCountsAndNothingBefore() {
        var history = History([minute])
        for second in 0..<19 { history.request(Double(second)) }
        history.request(19, status: 429)
        let lesson = history.learn(19.2, 12)
        for second in 0..<13 { history.request(100 + Double(second)) }
        #expect(
            history.advice == .set(13, RateWindowFold.Lesson(requests: 12, position: lesson)))
        for second in 0..<20 { history.request(300 + Double(second)) }
        #expect(history.advice == .acceptedSince(20))
    }

    @Test func aSuspicionAndAnotherWindowProposeNothing() {
        var history = History([minute])
        history.request(1)
        history.request(2, status: 429)
        history.learn(2.2, 1, .suspected)
        #expect(history.advice == .suspected)
        #expect(history.window.suspicions == 1)
        let hour = RateWindow(name: "hour", requests: 600, periodNs: 60 * .nsPerSecond)
        history = History([minute, hour])
        history.request(1)
        history.request(2, status: 429)
        history.learn(2.2, 1, window: "hour")
        #expect(history.advice == .otherWindow)
        // One that has another name by now.
        history = History([minute])
        history.request(1)
        history.request(2, status: 429)
        let lesson = history.learn(2.2, 1, window: "hour")
        #expect(history.advice == .set(1, RateWindowFold.Lesson(requests: 1, position: lesson)))
    }

    @Test func whatWasForgottenIsNotProposed() {
        var history = History([minute])
        history.request(1)
        history.request(2, status: 429)
        history.learn(2.2, 1)
        history.append(3, .limitsForgotten(LimitsForgotten(windows: ["minute"], endsWait: false)))
        #expect(history.advice == .unexplained)
    }

    @Test func waitsAreToldByTheirReason() {
        let pair = RateWindow(name: "pair", requests: 2, periodNs: 10 * .nsPerSecond)
        var history = History([pair])
        history.begin([pair])
        history.request(0)
        history.request(1)
        // The window is full until ten seconds after the first answer.
        let refused = history.send(10.5, due: 10.5)
        history.answer(10.6, refused, 429)
        history.append(
            10.6,
            .backoffApplied(
                BackoffApplied(
                    kind: .cooldown, until: LogTime(nanoseconds: 40_600_000_000), waitMs: 30_000,
                    step: 1)))
        _ = history.send(40.7, due: 40.6)
        let waits = history.fold.waits
        #expect(waits[.budget]?.ns == 9_400_000_000)
        #expect(waits[.cooldown]?.ns == 30_000_000_000)
        #expect(waits[.cooldown]?.count == 1)
        #expect(waits[.failure] == nil)
    }

    @Test func aRefusalIsWhereItsRequestIs() {
        var history = History([minute])
        history.begin([minute])
        let refused = history.send(0.5)
        history.answer(9.5, refused, 429)
        history.request(9.6)
        let all = history.fold.timeline.all
        #expect(all.first?.requests == 1 && all.first?.refused == 1)
        #expect(all.last?.refused == 0)
        #expect(all.allSatisfy { $0.refused <= $0.requests })
    }

    @Test func theTimelineStaysShort() {
        var history = History([minute])
        var total = 0
        for hour in 0..<400 {
            _ = history.send(Double(hour) * 3_600)
            total += 1
        }
        let all = history.fold.timeline.all
        #expect(all.count <= Int(RateTimeline.mostStretches))
        #expect(all.reduce(0) { $0 + $1.requests } == UInt64(total))
        #expect(history.fold.timeline.firstNs == 0)
    }
}
