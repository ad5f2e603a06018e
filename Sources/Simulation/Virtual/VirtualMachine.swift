internal import EventLog
internal import LMDB
internal import RESTSource
internal import Records
internal import SyncCore
internal import SyncEngine

/// The machine on which the engine runs: starts it, feeds it, crashes it, reboots.
///
/// It does what the real loop does, in virtual time: waits for an answer or a wake, hands the
/// inputs that are ready to `Engine.process`, and performs the effects.
final class VirtualMachine {
    /// How an invocation came to its end.
    enum End: Equatable {
        case finished(RunCompleted)
        case crashed
    }

    private enum Crash: CaseIterable {
        case beforeCommit, afterCommit, afterEffects
    }

    let plan: SimulationPlan
    let clock: VirtualClock
    let erp: SimulatedERP
    let store: String
    private(set) var wire: VirtualWire
    private(set) var coverage = SimulationCoverage()
    private(set) var crashCount = 0
    /// Steps so far, over all processes.
    private(set) var stepCount = 0
    private let pinned: [PinnedKey]
    private let apiIdentity: String
    private var generator: SeededGenerator
    private var log: EventLog?
    private var engine: Engine?
    private var wake: LogTime?
    private var finished: RunCompleted?
    private var nextCrash: Int
    private var cancelsLeft: Int
    private var diskFillsLeft: Int
    private var suspendsLeft: Int
    private var wallStepLeftNs: Int64
    private var isRecovering = false
    /// The wall clock was set forward and no anchor says so yet.
    private var isUnanchored = false

    static let streamName = "os"
    /// More steps than any invocation of any plan needs.
    private static let mostSteps = 10_000
    static let stream = StreamID(1)

    init(_ plan: SimulationPlan, store: String) throws {
        self.plan = plan
        self.store = store
        clock = VirtualClock(startNs: plan.startNs, driftPPM: plan.bootDriftPPM)
        erp = SimulatedERP(plan.erpConfiguration)
        let configuration = try plan.restConfiguration(token: erp.token)
        pinned = configuration.pinnedKeys
        apiIdentity = configuration.identity
        wire = try VirtualWire(plan, clock, token: erp.token)
        generator = SeededGenerator(plan.seed, 0x0553, 0)
        nextCrash = 1 + generator.below(2 * plan.crashGap)
        cancelsLeft = plan.cancels
        diskFillsLeft = plan.diskFills
        suspendsLeft = plan.suspends
        wallStepLeftNs = plan.wallStepNs
        try EventLog.create(store: store, durability: .none)
    }

    /// Lends the log while no engine runs.
    func withLog<Result>(_ body: (EventLog) throws -> Result) throws -> Result {
        precondition(engine == nil, "the engine holds the log")
        return try body(try EventLog.open(store: store, .write, durability: .none))
    }

    /// Runs one invocation to its end, or to a crash.
    ///
    /// - Throws: `SimulationViolation` when the run hangs or is refused; what the engine throws.
    func invoke(_ mode: RunMode, _ options: RunOptions) throws -> End {
        let engine = try start()
        // Whoever runs it again has mended the token.
        try wire.authorize(erp.token)
        let request = RunRequested(
            mode: mode, options: options, policy: plan.policy(pinned: pinned),
            seed: generator.next(), requester: Requester(pid: 1, host: "simulated", user: "nobody"))
        if let refused = refusal(engine.control, request, stream: knownStream(engine)) {
            throw SimulationViolation(0, "the run was refused: \(refused.text)")
        }
        var inputs: [Input] = [.fact(.runRequested(request), stream: Self.stream)]
        if engine.control.inFlightAllowed.map({ $0 < plan.concurrency }) ?? false {
            inputs.append(Self.storage(allowing: UInt16(plan.concurrency)))
        }
        return try run(engine, inputs)
    }

    /// Puts records back into the queue, as `queue retry` does.
    ///
    /// - Returns: false when the process crashed at it.
    func retry(_ records: [QueuedRecord]) throws -> Bool {
        let requester = Requester(pid: 2, host: "simulated", user: "nobody")
        let event = QueueRetried(records: records, requester: requester)
        let engine = try start()
        let inputs = engine.startInputs(apiIdentity: apiIdentity, stream: Self.streamName)
        let isAlive = try process(
            engine, inputs + [.fact(.queueRetried(event), stream: Self.stream)])
        if isAlive { coverage.count(.retriedByHand, records.count) }
        stop()
        return isAlive
    }

    private func knownStream(_ engine: Engine) -> StreamID {
        engine.control.stream(named: Self.streamName)?.id ?? .none
    }

    private func start() throws -> Engine {
        let log = try EventLog.open(store: store, .write, durability: .none)
        let engine = try Engine(log: log, clock: clock)
        self.log = log
        self.engine = engine
        wake = nil
        finished = nil
        return engine
    }

    private func stop() {
        engine = nil
        log = nil
    }

    private func run(_ engine: Engine, _ first: [Input]) throws -> End {
        let starting = engine.startInputs(apiIdentity: apiIdentity, stream: Self.streamName)
        guard try process(engine, starting + first) else { return .crashed }
        isRecovering = false
        let firstStep = stepCount
        while finished == nil {
            guard stepCount - firstStep < Self.mostSteps else {
                throw SimulationViolation(
                    0, "the run does not converge: \(Self.mostSteps) steps were not enough")
            }
            let inputs = try awaitInputs(engine)
            guard try process(engine, inputs) else { return .crashed }
        }
        stop()
        guard let finished else { return .crashed }
        guard wire.awaited.isEmpty else {
            throw SimulationViolation(2, "the run ended with requests in flight")
        }
        return .finished(finished)
    }

    /// Lets time go by until there is something to tell the engine.
    private func awaitInputs(_ engine: Engine) throws -> [Input] {
        while true {
            let wakeNs = wake.map { clock.trueTime(atBootNs: engine.control.bootNs(at: $0)) }
            guard var next = [wakeNs, wire.nextNs].compactMap({ $0 }).min() else {
                throw SimulationViolation(0, "the engine waits for nothing: the run hangs")
            }
            // Timers are late, and answers that come close together are taken together.
            if generator.below(4) == 0 { next += Int64(generator.below(20)) * .nsPerMs }
            if suspendsLeft > 0, generator.below(20) == 0 { next = suspend() }
            clock.advance(toNs: max(next, clock.nowNs))
            var inputs = wire.deliver(erp)
            if inputs.count > 1 { coverage.count(.answersTogether) }
            if cancelsLeft > 0, generator.below(40) == 0 {
                cancelsLeft -= 1
                coverage.count(.cancelled)
                let signal: StopReason = generator.below(2) == 0 ? .sigint : .sigterm
                inputs.append(
                    .fact(
                        .cancelRequested(CancelRequested(signal: signal)), stream: Self.stream))
            }
            if diskFillsLeft > 0, generator.below(10) == 0 {
                diskFillsLeft -= 1
                inputs.append(Self.storage(allowing: UInt16(generator.below(3))))
            }
            if !inputs.isEmpty || wakeNs.map({ $0 <= clock.nowNs }) ?? false { return inputs }
        }
    }

    /// Puts the machine to sleep until the time that is returned: the boot clock goes on, and all
    /// timers are late.
    private func suspend() -> Int64 {
        suspendsLeft -= 1
        coverage.count(.suspend)
        let end = clock.nowNs + Int64(1 + generator.below(plan.suspendMs)) * .nsPerMs
        wire.sleep(untilNs: end)
        return end
    }

    private static func storage(allowing requests: UInt16) -> Input {
        .fact(
            .storageMeasured(
                StorageMeasured(
                    freeBytes: UInt64(requests) << 26, inFlightAllowed: requests)), stream: .none)
    }

    /// One step of the engine's loop; false when the process crashed at it.
    private func process(_ engine: Engine, _ inputs: [Input]) throws -> Bool {
        stepCount += 1
        stepWall(engine.control.clock)
        let crash = drawCrash()
        if crash == .beforeCommit {
            die(.crashBeforeCommit)
            return false
        }
        let effects = try engine.process(inputs)
        isUnanchored = isWallAhead(of: engine.control.clock)
        if crash == .afterCommit {
            die(.crashAfterCommit)
            return false
        }
        wake = nil
        for effect in effects { try perform(effect) }
        if crash == .afterEffects {
            die(.crashAfterEffects)
            return false
        }
        return true
    }

    /// Whether the wall clock is further ahead of an anchor than is let pass.
    private func isWallAhead(of anchor: ClockAnchored?) -> Bool {
        let now = clock.read()
        guard let anchor else { return false }
        return now.wall.since(anchor.time(atBootNs: now.bootNs)) > ClockAnchored.slackNs
    }

    /// Sets the wall clock when its time has come.
    ///
    /// Only in a boot that has an anchor: one that jumps forward across a reboot is more than the
    /// limiter can know.
    private func stepWall(_ anchor: ClockAnchored?) {
        if clock.isLost, anchor?.bootID == clock.read().bootID, generator.below(20) == 0 {
            clock.findTime()
            isUnanchored = isWallAhead(of: anchor)
        }
        guard wallStepLeftNs != 0, stepCount >= plan.wallStepAt,
            anchor?.bootID == clock.read().bootID
        else { return }
        clock.stepWall(byNs: wallStepLeftNs)
        wallStepLeftNs = 0
        coverage.count(.wallStep)
        isUnanchored = isWallAhead(of: anchor)
    }

    private func perform(_ effect: Effect) throws {
        switch effect {
        case .send(let request):
            guard let log, try isDurable(request, log) else {
                throw SimulationViolation(
                    2, "request \(request.intent.rawValue) was sent before its intent was durable")
            }
            wire.send(request)
        case .wake(let time): wake = time
        case .finish(let completed): finished = completed
        }
    }

    /// Whether the log holds the intent of a request, as it is sent.
    private func isDurable(_ request: SourceRequest, _ log: EventLog) throws -> Bool {
        guard
            case .requestIntended(let event)? = try log.snapshot().event(at: request.intent)?.event
        else { return false }
        return event.request(intent: request.intent) == request
    }

    private func drawCrash() -> Crash? {
        guard crashCount < plan.crashes, stepCount >= nextCrash else { return nil }
        // Now and then the next process doesn't survive its first step either.
        let isSoon = generator.below(plan.isStorm ? 2 : 4) == 0
        nextCrash = stepCount + 1 + (isSoon ? 0 : generator.below(2 * plan.crashGap))
        return Crash.allCases[generator.below(Crash.allCases.count)]
    }

    private func die(_ kind: SimulationCoverage.Kind) {
        coverage.count(kind)
        if isRecovering { coverage.count(.crashInRecovery) }
        isRecovering = true
        crashCount += 1
        stop()
        wire.loseClient()
        rest(mostMs: plan.isStorm || generator.below(3) == 0 ? 100 : 2 * plan.pauseMs)
        let reboots = Double(generator.below(1_000)) < plan.rebootShare * 1_000
        if reboots, !isUnanchored { reboot() }
    }

    /// Lets the time between two invocations go by.
    func rest(mostMs: Int) {
        pass(Int64(generator.below(mostMs + 1)) * .nsPerMs)
    }

    /// Lets time go by in which no engine runs; what is on the wire arrives.
    func pass(_ ns: Int64) {
        clock.advance(toNs: clock.nowNs.saturatingAdd(max(ns, 0)))
        _ = wire.deliver(erp)
    }

    private func reboot() {
        coverage.count(.reboot)
        // Virtual machines are up again in no time.
        let uptimeMs = generator.below(plan.isStorm || generator.below(2) == 0 ? 200 : 5_000)
        let downMs = generator.below(plan.isStorm || generator.below(2) == 0 ? 200 : 5_000)
        pass(Int64(uptimeMs + downMs) * .nsPerMs)
        clock.reboot(uptimeNs: Int64(uptimeMs) * .nsPerMs)
        if plan.losesTime {
            coverage.count(.lostTime)
            clock.loseTime()
        }
    }

    func draw(below bound: Int) -> Int { generator.below(bound) }
}
