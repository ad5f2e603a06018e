package import SyncCore

/// What the log tells of requests and limits, event by event.
///
/// It folds the control state along with the events, so it must be given every event after the one
/// that the first state stands at.
package struct RateFold: Sendable {
    /// What came of the requests to one endpoint.
    package struct EndpointFigures: Sendable, Equatable {
        package var requests: UInt64 = 0
        /// Refused for a limit: 429, or what the source takes for it.
        package var refused: UInt64 = 0
        /// Without an answer that can be used, or without any.
        package var failed: UInt64 = 0
    }

    /// Why no request was sent.
    package enum WaitReason: String, Sendable, CaseIterable {
        /// Our own limits.
        case budget
        /// After a refusal.
        case cooldown
        /// After failures of the API as a whole.
        case failure
        /// Until a record that failed is tried again.
        case retry
    }

    package struct WaitFigures: Sendable, Equatable {
        package var count: UInt64 = 0
        package var ns: Int64 = 0
    }

    private var control: ControlState
    package private(set) var windows: [RateWindowFold]
    package private(set) var endpoints: [Endpoint: EndpointFigures] = [:]
    package private(set) var waits: [WaitReason: WaitFigures] = [:]
    package private(set) var timeline = RateTimeline()
    /// Of the first and the last request.
    package private(set) var firstAt: LogTime?
    package private(set) var lastAt: LogTime?
    /// The first and the last refusal.
    package private(set) var firstRefusal: Position?
    package private(set) var lastRefusal: Position?
    /// Something was learned of a window that isn't among `windows`: it was configured once.
    private var isLessonOfAnother = false
    private var waitUntil = LogTime.zero

    /// - Parameters:
    ///   - control: the state before the first event.
    ///   - windows: the limits that the requests are held against.
    package init(after control: ControlState, _ windows: [RateWindow]) {
        self.control = control
        self.windows = windows.map { window in
            let known = control.limiter.learned.first { $0.periodNs == window.periodNs }
            return RateWindowFold(
                window,
                lesson: known.map {
                    RateWindowFold.Lesson(
                        requests: UInt64(max($0.requests, 0)), position: $0.position)
                })
        }
    }

    package var position: Position { control.position }

    /// All endpoints together.
    package var total: EndpointFigures {
        endpoints.values.reduce(into: EndpointFigures()) {
            $0.requests += $1.requests
            $0.refused += $1.refused
            $0.failed += $1.failed
        }
    }

    package func advice(_ window: RateWindowFold) -> RateAdvice {
        window.advice(
            refused: total.refused,
            isLessonElsewhere: isLessonOfAnother
                || windows.contains { $0.window != window.window && $0.lesson != nil })
    }

    // MARK: Folding

    package mutating func take(_ event: LoggedEvent) {
        switch event.event {
        case .requestIntended(let intent): send(intent, event.time)
        case .rateLimited(let refusal): refuse(refusal, event)
        case .pageFetched, .detailsFetched, .healthChecked: answer(event)
        case .requestFailed(let failure):
            count(failure.intent) { $0.failed += 1 }
            // Whatever was wrong with it: what answers so has let it in.
            if failure.exchange.status != 0 { answer(event) }
        case .requestAbandoned(let abandoned): count(abandoned.intent) { $0.failed += 1 }
        case .backoffApplied(let backoff): wait(backoff, event.time)
        case .limitLearned(let lesson): learn(lesson, event.position)
        case .limitsForgotten: for index in windows.indices { windows[index].forgetLesson() }
        default: break
        }
        apply(event, to: &control)
    }

    private mutating func count(_ intent: Position, _ change: (inout EndpointFigures) -> Void) {
        guard let endpoint = control.request(intent)?.endpoint else { return }
        change(&endpoints[endpoint, default: EndpointFigures()])
    }

    private mutating func send(_ intent: RequestIntended, _ time: LogTime) {
        endpoints[intent.endpoint, default: EndpointFigures()].requests += 1
        if let due = intent.due { waited(until: min(due, time)) }
        for index in windows.indices { windows[index].send(time.rawValue) }
        timeline.take(time.rawValue, isRefusal: false)
        firstAt = firstAt ?? time
        lastAt = time
    }

    /// A request was sent at a moment that was waited for: since the event before it nothing
    /// happened, and what a backoff forbade is counted as that.
    ///
    /// - Parameter time: the moment that was waited for; a late timer is no limit's doing.
    private mutating func waited(until time: LogTime) {
        guard let invocation = control.invocation else { return }
        let begin = max(control.time, waitUntil)
        let ns = time.since(begin)
        guard ns > 0 else { return }
        let now = control.bootNs(at: control.time)
        let free = control.limiter.earliest(
            windows: invocation.policy.limits.windows, held: control.inFlight.count, now: now)
        let reason: WaitReason = free.map { $0 > now } ?? true ? .budget : .retry
        waits[reason, default: WaitFigures()].count += 1
        waits[reason, default: WaitFigures()].ns += ns
    }

    private mutating func wait(_ backoff: BackoffApplied, _ time: LogTime) {
        let reason: WaitReason = backoff.kind == .cooldown ? .cooldown : .failure
        let ns = max(backoff.until.since(max(time, waitUntil)), 0)
        waits[reason, default: WaitFigures()].count += 1
        waits[reason, default: WaitFigures()].ns =
            (waits[reason]?.ns ?? 0).saturatingAdd(ns)
        waitUntil = max(waitUntil, backoff.until)
    }

    private mutating func learn(_ lesson: LimitLearned, _ position: Position) {
        let same = windows.indices.filter { windows[$0].window.periodNs == lesson.periodNs }
        let named = same.filter { windows[$0].window.name == lesson.window }
        // One that was renamed is still the same limit.
        for index in named.isEmpty ? same : named { windows[index].learn(lesson, at: position) }
        if same.isEmpty, lesson.kind != .suspected { isLessonOfAnother = true }
    }

    private mutating func refuse(_ refusal: RateLimited, _ event: LoggedEvent) {
        count(refusal.intent) { $0.refused += 1 }
        // With the request, whenever the answer came: of that one it is the refusal.
        let sent = control.request(refusal.intent).map { control.time(atBootNs: $0.sentNs) }
        timeline.take(min(sent ?? event.time, event.time).rawValue, isRefusal: true)
        firstRefusal = firstRefusal ?? event.position
        lastRefusal = event.position
    }

    private mutating func answer(_ event: LoggedEvent) {
        guard let intent = event.event.answeredIntent, let request = control.request(intent) else {
            return
        }
        let sent = control.time(atBootNs: request.sentNs)
        for index in windows.indices {
            windows[index].accept(
                intent, sentNs: min(sent, event.time).rawValue, answeredNs: event.time.rawValue)
        }
    }
}
