import SyncCore
import TestSupport

/// A server's limit on arrivals: slides, stands still, or fills drop by drop.
struct ServerWindow {
    enum Kind: CaseIterable {
        case sliding
        /// Counts from one multiple of its period to the next.
        case fixed
        case tokenBucket
    }

    let kind: Kind
    let requests: Int
    let periodNs: Int64
    private let phaseNs: Int64
    private var times: [Int64] = []
    private var tokens: Double
    private var lastNs: Int64 = 0

    init(_ kind: Kind, _ window: RateWindow, phaseNs: Int64) {
        self.kind = kind
        self.phaseNs = phaseNs
        requests = window.requests
        periodNs = window.periodNs
        tokens = Double(window.requests)
    }

    /// How long from `now` until it admits one; 0 when it does so now.
    mutating func waitNs(_ now: Int64) -> Int64 {
        switch kind {
        case .sliding:
            guard times.count >= requests else { return 0 }
            return max(times[times.count - requests] + periodNs - now, 0)
        case .fixed:
            let start = now - (now - phaseNs) % periodNs
            return times.count { $0 >= start } < requests ? 0 : start + periodNs - now
        case .tokenBucket:
            let drops = Double(now - lastNs) * Double(requests) / Double(periodNs)
            tokens = min(Double(requests), tokens + drops)
            lastNs = now
            let missing = max(1 - tokens, 0) * Double(periodNs) / Double(requests)
            return tokens >= 1 ? 0 : Int64(missing) + 1
        }
    }

    mutating func take(_ now: Int64) {
        tokens -= 1
        times.append(now)
        if times.count > 2 * requests { times.removeFirst() }
    }
}

/// A sync of `records` details, one a request, from a server with limits of its own.
struct LimitRace {
    var core = CoreHarness()
    private(set) var refusals = 0
    private(set) var lastAdmittedNs: Int64 = 0
    /// What was admitted since, by window.
    private(set) var arrivals: [Int64] = []
    private let startNs: Int64
    private let policy: Policy
    private let api: FakeAPI
    private let namesWait: Bool
    /// The process ends each time so many requests were answered.
    private let crashEvery: Int?
    /// Of so many requests one is refused for no reason, with a second to wait.
    private let strayEvery: Int?
    private var windows: [ServerWindow]
    private var random: SeededGenerator
    private var events: [Event] = []

    /// Something that happens at the server or at the client.
    private struct Event {
        let timeNs: Int64
        let request: SourceRequest
        /// Nil until the server has seen it; then its wait, 0 where it was admitted.
        let waitNs: Int64?
        let answerNs: Int64
    }

    init(
        configured: [RateWindow], server: [ServerWindow], records: Int = 1_000, seed: UInt64,
        namesWait: Bool = true, crashEvery: Int? = nil, strayEvery: Int? = nil,
        concurrency: Int = 5
    ) {
        var policy = Policy.small
        policy.limits = LimitPolicy(windows: configured)
        policy.pageSize = records
        policy.detail = DetailPolicy(batch: 1, concurrency: concurrency)
        self.policy = policy
        api = FakeAPI(1...records, pageSize: records)
        windows = server
        random = SeededGenerator(seed: seed)
        self.namesWait = namesWait
        self.crashEvery = crashEvery
        self.strayEvery = strayEvery
        startNs = core.now.rawValue
    }

    private mutating func latencyNs() -> Int64 {
        let base = Int64.random(in: 150...1_200, using: &random)
        let isSpike = Int.random(in: 0..<50, using: &random) == 0
        return (base + (isSpike ? Int64.random(in: 1_000...6_000, using: &random) : 0)) * .nsPerMs
    }

    /// Runs to the end.
    mutating func run() {
        core.request(.incremental, RunOptions(patienceMs: .max / 4), policy: policy, seed: 11)
        var sent: Set<Position> = []
        var answered = 0
        while core.control.invocation != nil {
            for request in core.wire where sent.insert(request.intent).inserted { send(request) }
            let next = events.min { $0.timeNs < $1.timeNs }
            if let wake = core.wake, wake.rawValue < next?.timeNs ?? .max {
                core.now = max(core.now, wake)
                core.feedTime()
                continue
            }
            guard let next, let index = events.firstIndex(where: { $0.timeNs == next.timeNs })
            else { return }
            events.remove(at: index)
            core.now = max(core.now, LogTime(nanoseconds: next.timeNs))
            guard let waitNs = next.waitNs else {
                arrive(next)
                continue
            }
            guard core.wire.contains(next.request) else { continue }
            answer(next.request, waitNs)
            answered += 1
            if let crashEvery, answered % crashEvery == 0 { crash() }
        }
    }

    private mutating func send(_ request: SourceRequest) {
        let (now, latency) = (core.now.rawValue, latencyNs())
        events.append(
            Event(
                timeNs: now + latency * Int64.random(in: 2...8, using: &random) / 10,
                request: request, waitNs: nil, answerNs: now + latency))
    }

    private mutating func arrive(_ event: Event) {
        var waitNs: Int64 = 0
        for index in windows.indices { waitNs = max(waitNs, windows[index].waitNs(event.timeNs)) }
        if let strayEvery, waitNs == 0, Int.random(in: 0..<strayEvery, using: &random) == 0 {
            waitNs = .nsPerSecond
        }
        if waitNs == 0 {
            for index in windows.indices { windows[index].take(event.timeNs) }
            lastAdmittedNs = event.timeNs
            arrivals.append(event.timeNs)
        }
        events.append(
            Event(
                timeNs: event.answerNs, request: event.request, waitNs: waitNs,
                answerNs: event.answerNs))
    }

    private mutating func answer(_ request: SourceRequest, _ waitNs: Int64) {
        guard waitNs > 0 else {
            core.answer(request, api.answer(request))
            return
        }
        refusals += 1
        let seconds = (waitNs + .nsPerSecond - 1) / .nsPerSecond
        core.answer(request, .limited(waitMs: namesWait ? seconds * 1_000 : nil))
    }

    private mutating func crash() {
        core.now = core.now.adding(ms: 50)
        core.start()
        core.request(.resume, RunOptions(patienceMs: .max / 4), policy: policy)
    }

    /// How long it took, in terms of the soonest that its server would have admitted.
    func ratio(floorOf windows: [RateWindow]) -> Double {
        var floor = FloorTracker(slots: SlotHistory(), startNs: 0)
        for _ in arrivals { floor.count(windows: windows) }
        return Double(lastAdmittedNs - startNs) / Double(floor.floorNs)
    }
}
