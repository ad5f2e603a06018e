internal import SyncCore

/// One random history of requests: latencies, timeouts, crashes, reboots and steps of the clock,
/// under windows that a server enforces too.
///
/// The server's arrivals are checked: no window, however placed, may see more than it admits, and
/// none of the usual servers (sliding, fixed at any phase, token bucket) may refuse one.
package struct LimiterSchedule {
    /// What went wrong.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    /// What happened, so that a campaign can tell whether everything did.
    package struct Figures: Sendable {
        package var requests = 0
        package var crashes = 0
        package var reboots = 0
        package var wallSteps = 0
        package var timeouts = 0
        /// Requests that arrived after the client had given them up.
        package var lateArrivals = 0
        /// Whether the limiter kept slots in buckets.
        package var isBucketed = false
    }

    private struct Pending {
        let request: SourceRequest
        let answerNs: Int64
        let isTimeout: Bool
    }

    private let windows: [RateWindow]
    private let boundMs: Int64
    private let concurrency: Int
    private let travelMs: Int
    private let spikes: Int
    private let crashes: Int
    private let reboots: Int
    private let wallSteps: Int
    private let seed: UInt64
    private var random: SeededGenerator
    private let clock: VirtualClock
    private var core: PureCore
    private var pending: [Pending] = []
    private var arrivals: [Int64] = []
    private var figures = Figures()
    /// The wall clock was set forward, and no event says so yet: a reboot now is outside of what
    /// the limiter can know.
    private var isUnanchored = false

    private static let startNs: Int64 = 1_767_225_600 * .nsPerSecond
    private static let prepared = PureCore(
        records: 40, reading: VirtualClock(startNs: startNs).read())
    /// One in so many has a window that counts more slots than are kept one by one.
    private static let largeSeeds: UInt64 = 1_000
    private let mostSteps: Int

    package init(seed: UInt64) {
        var random = SeededGenerator(seed, 0x0554, 0)
        self.seed = seed
        let isLarge = seed % Self.largeSeeds == 0
        windows = isLarge ? Self.largeWindows(&random) : Self.windows(&random)
        boundMs = Int64(1 + random.below(random.below(2) == 0 ? 200 : 10_000))
        concurrency = 1 + random.below(6)
        travelMs = 1 + random.below(random.below(3) == 0 ? 2_000 : 200)
        spikes = random.below(2) == 0 ? random.below(30) : 0
        crashes = random.below(2) == 0 ? random.below(25) : 0
        reboots = random.below(2) == 0 ? random.below(100) : 0
        wallSteps = random.below(3) == 0 ? random.below(10) : 0
        clock = VirtualClock(
            startNs: Self.startNs,
            driftPPM: random.below(3) == 0 ? Int64(random.below(121)) - 60 : 0)
        if isLarge {
            // The window is full when the first slots run out, and once more.
            let records = (windows.last?.requests ?? 0) * 3 / 2 + random.below(500)
            core = PureCore(records: records, reading: VirtualClock(startNs: Self.startNs).read())
            mostSteps = 20 * records
        } else {
            core = Self.prepared
            mostSteps = 2_000
        }
        self.random = random
    }

    private static func windows(_ random: inout SeededGenerator) -> [RateWindow] {
        let isReal = random.below(4) == 0
        let short = RateWindow(
            name: "minute", requests: isReal ? 20 : 1 + random.below(8),
            periodNs: isReal ? 60 * .nsPerSecond : Int64(100 + random.below(5_000)) * .nsPerMs)
        guard random.below(2) == 0 else { return [short] }
        let long = RateWindow(
            name: "hour", requests: short.requests * (1 + random.below(4)),
            periodNs: short.periodNs * Int64(2 + random.below(20)))
        return [short, long]
    }

    /// A short window that paces the requests, and a long one whose slots go into buckets.
    private static func largeWindows(_ random: inout SeededGenerator) -> [RateWindow] {
        let long = SlotHistory.exactCapacity + 1 + random.below(4_000)
        let short = 20 + random.below(200)
        let periodNs = Int64(500 + random.below(1_500)) * .nsPerMs
        // As long as the short windows take to fill it, or up to half as long again.
        let share = 100 + random.below(50)
        return [
            RateWindow(name: "second", requests: short, periodNs: periodNs),
            RateWindow(
                name: "hour", requests: long,
                periodNs: periodNs * Int64(long / short + 1) / 100 * Int64(share)),
        ]
    }

    /// - Throws: what the server saw and must not.
    package mutating func run() throws(Violation) -> Figures {
        clock.advance(toNs: clock.nowNs + 3_600 * .nsPerSecond)
        core.start(clock.read())
        begin()
        var steps = 0
        while !core.isFinished {
            steps += 1
            guard steps < mostSteps else { throw violation("it does not come to an end") }
            send()
            try wait()
            if random.below(1_000) < wallSteps { stepWall() }
            if random.below(1_000) < crashes { crash() }
        }
        figures.isBucketed = !core.control.limiter.slots.buckets.isEmpty
        try check()
        return figures
    }

    private func violation(_ text: String) -> Violation {
        Violation(description: "schedule \(seed): \(text)")
    }

    private mutating func begin() {
        let policy = Policy(
            limits: LimitPolicy(windows: windows, deliveryBoundMs: boundMs), paging: .page,
            pageSize: 1_000, detail: DetailPolicy(batch: 1, concurrency: concurrency),
            retry: RetryPolicy(attempts: 3, baseMs: 1, multiplier: 1, maxMs: 10))
        core.begin(
            .detailsOnly, RunOptions(patienceMs: .max / 4), policy, seed: seed, clock.read())
        isUnanchored = false
    }

    private mutating func send() {
        for request in core.sent {
            figures.requests += 1
            let isSpike = random.below(100) < spikes
            let travel = isSpike ? random.below(Int(boundMs)) : random.below(travelMs)
            // Never later than the delivery bound after it was sent.
            let arrival = min(Int64(travel), boundMs) * .nsPerMs
            let back = Int64(random.below(travelMs)) * .nsPerMs
            let isTimeout = isSpike && random.below(2) == 0
            let answer = isTimeout ? Int64(random.below(travelMs)) * .nsPerMs : arrival + back
            arrivals.append(clock.nowNs + arrival)
            if isTimeout {
                figures.timeouts += 1
                if answer < arrival { figures.lateArrivals += 1 }
            }
            pending.append(
                Pending(
                    request: request, answerNs: clock.nowNs + answer, isTimeout: isTimeout))
        }
        core.sent = []
    }

    /// Lets time go by until something happens.
    private mutating func wait() throws(Violation) {
        let wakeNs = core.wake.map { clock.trueTime(atBootNs: core.control.bootNs(at: $0)) }
        let next = pending.indices.min { pending[$0].answerNs < pending[$1].answerNs }
        guard let timeNs = [wakeNs, next.map { pending[$0].answerNs }].compactMap({ $0 }).min()
        else {
            if core.isFinished { return }
            throw violation("nothing is waited for")
        }
        // A suspended machine wakes up late.
        let late = random.below(200) == 0 ? Int64(random.below(100_000)) * .nsPerMs : 0
        clock.advance(toNs: max(timeNs + late, clock.nowNs))
        if let next, pending[next].answerNs <= clock.nowNs {
            let item = pending.remove(at: next)
            core.answer(
                item.request, item.isTimeout ? PureCore.timeout : PureCore.detail, clock.read())
        } else {
            core.tellTime(clock.read())
        }
        isUnanchored = false
    }

    private mutating func stepWall() {
        figures.wallSteps += 1
        let mostMs = random.below(2) == 0 ? 990 : 30_000
        clock.stepWall(byNs: Int64(random.below(2 * mostMs) - mostMs) * .nsPerMs)
        isUnanchored = true
    }

    private mutating func crash() {
        figures.crashes += 1
        pending = []
        clock.advance(toNs: clock.nowNs + Int64(random.below(500)) * .nsPerMs)
        if random.below(100) < reboots, !isUnanchored {
            figures.reboots += 1
            let uptimeMs = random.below(random.below(2) == 0 ? 200 : 20_000)
            clock.advance(toNs: clock.nowNs + Int64(uptimeMs + random.below(3_000)) * .nsPerMs)
            clock.reboot(uptimeNs: Int64(uptimeMs) * .nsPerMs)
        }
        core.start(clock.read())
        begin()
    }

    private mutating func check() throws(Violation) {
        arrivals.sort()
        for window in windows {
            let most = arrivals.mostInWindow(ofNs: window.periodNs)
            guard most <= window.requests else {
                throw violation(
                    "\(most) arrivals in \(window.periodNs) ns, which admits \(window.requests)")
            }
        }
        let phase = Int64(random.below(1_000_000))
        for kind in 0..<3 {
            var server = ERPLimiter(
                windows.map { limit($0, kind, phase: phase) }, refusedCount: false)
            for arrival in arrivals where server.admit(at: arrival) != .accepted {
                throw violation("server of kind \(kind) refuses the arrival at \(arrival)")
            }
        }
    }

    private func limit(_ window: RateWindow, _ kind: Int, phase: Int64) -> ERPLimit {
        let seconds = Double(window.periodNs) / 1e9
        switch kind {
        case 0: return ERPLimit(requests: window.requests, seconds: seconds)
        case 1:
            return ERPLimit(
                requests: window.requests, seconds: seconds,
                kind: .fixed(phaseNs: window.periodNs / 1_000_000 * phase))
        default:
            return ERPLimit(requests: window.requests, seconds: seconds, kind: .tokenBucket)
        }
    }
}
