internal import EventLog
internal import LMDB
internal import Projections
internal import RESTSource
internal import Records
internal import SyncCore
internal import SyncEngine

/// The machine on which the engine runs: starts it, feeds it, crashes it, reboots.
///
/// It does what the real loop does, in virtual time: waits for an answer or a wake, hands the
/// inputs that are ready to `Engine.process`, and performs the effects.
final class VirtualMachine {
    let plan: SimulationPlan
    let clock: VirtualClock
    let erp: SimulatedERP
    let store: String
    let disk: DiskFaults?
    var wire: VirtualWire
    var coverage = SimulationCoverage()
    var crashes: CrashSchedule
    /// Steps so far, over all processes.
    var stepCount = 0
    /// The plan with what people have changed of the configuration since.
    var configured: SimulationPlan
    let apiIdentity: String
    var generator: SeededGenerator
    let projection: RecordProjection

    // The process: gone with a crash, or the end of an invocation.
    var log: EventLog?
    var engine: Engine?
    var projector: RecordProjector?
    var index: HistoryProjector?
    var isRunning = false
    var wake: LogTime?
    var finished: RunCompleted?
    var invocation: Invocation?

    var isRecovering = false
    /// Points passed by the last process that died, and by those that recovered from it.
    var recovery: Range<Int>?
    /// The wall clock was set forward, and nothing that came after that is durable.
    var isUnanchored = false
    /// The durable events since the last check, as the engine told of them.
    var history: [LoggedEvent] = []
    /// Those whose waits are not judged yet.
    var unjudged: [LoggedEvent] = []
    var waits: WaitAuditor
    var alerts = AlertAuditor()
    /// What is watched, and who is told, by the configuration.
    var watched = AlertRules()
    /// The true time of the last step: what a dead process left durable is of then.
    var steppedNs: Int64
    /// What the wall clock said then.
    var steppedWall: LogTime
    /// The last call that changed files left something that a loss of power takes back.
    var wasUnsynced = false
    /// The last position that is known to be durable.
    var acknowledged = Position.none
    var cancelsLeft: Int
    var diskFillsLeft: Int
    var suspendsLeft: Int
    var diskErrorsLeft: Int
    var projectionFaultsLeft: Int
    var hands: Hands
    var upkeep = Upkeep()
    /// How often its files were damaged, so that it can't be read.
    var projectionDamages = 0
    /// The projection can't be gone on with: whoever needs it next has to make it anew.
    var isProjectionSpoiled = false
    var wallStepLeftNs: Int64

    static let streamName = "os"
    static let stream = StreamID(1)
    /// More steps than any invocation of any plan needs.
    private static let mostSteps = 10_000

    /// - Parameters:
    ///   - store: a folder that is there, for the store.
    ///   - disk: nil where nothing can be made to fail below LMDB.
    ///   - crashes: when the process dies; by the plan unless something else is wanted.
    init(
        _ plan: SimulationPlan, store: String, disk: DiskFaults?, crashes: CrashSchedule? = nil
    ) throws {
        self.plan = plan
        self.store = store
        self.disk = disk
        self.crashes = crashes ?? CrashSchedule(plan)
        clock = VirtualClock(startNs: plan.startNs, driftPPM: plan.bootDriftPPM)
        waits = WaitAuditor(plan)
        steppedNs = clock.nowNs
        steppedWall = clock.read().wall
        erp = SimulatedERP(plan.erpConfiguration)
        configured = plan
        apiIdentity = try plan.restConfiguration(token: erp.token).identity
        wire = try VirtualWire(plan, clock, token: erp.token)
        generator = SeededGenerator(plan.seed, 0x0553, 0)
        projection = RecordProjection(
            name: Self.streamName, mapping: try SimulationPlan.mapping())
        cancelsLeft = plan.cancels
        diskFillsLeft = plan.diskFills
        suspendsLeft = plan.suspends
        diskErrorsLeft = disk == nil ? 0 : plan.diskErrors
        projectionFaultsLeft = plan.projectionFaults
        wallStepLeftNs = plan.wallStepNs
        hands = Hands(plan)
        if plan.isSynced { disk?.remember() }
    }

    deinit { disk?.forget() }

    private var inbox: Inbox { Inbox(StoreFolder(store)) }

    var projections: String { StoreFolder(store).projections }

    func draw(below bound: Int) -> Int { generator.below(bound) }

    /// Runs one invocation to its end, or to a crash.
    ///
    /// - Throws: `SimulationViolation` when the run hangs or is refused; what the engine throws.
    func invoke(_ mode: RunMode, _ options: RunOptions) throws -> Invocation {
        let before = try start()
        let first = history.count
        invocation = Invocation(
            mode: mode, options: options, policy: try policy(), before: before,
            startNs: clock.nowNs,
            startBootNs: clock.read().bootNs, arrivalsBefore: wire.arrivals.count)
        let end = try run(mode, options)
        let after = try withLog { _, control in control }
        guard var done = invocation else {
            throw SimulationViolation(0, "the invocation is lost")
        }
        invocation = nil
        done.end = end
        done.after = after
        done.events = Array(history[first...])
        return done
    }

    private func run(_ mode: RunMode, _ options: RunOptions) throws -> Invocation.End {
        guard let engine else { return .crashed }
        // Whoever runs it again has mended the token.
        try wire.configure(configured, token: erp.token)
        let request = try allowed(mode, options, engine)
        invocation?.options = request.options
        invocation?.policy = request.policy
        var inputs = startInputs(engine) + beginning(engine)
        inputs.append(.fact(.runRequested(request), stream: Self.stream))
        if engine.control.inFlightAllowed.map({ $0 < configured.concurrency }) ?? false {
            inputs.append(Self.storage(allowing: UInt16(configured.concurrency)))
        }
        if let end = try process(engine, inputs) { return end }
        hasRecovered()
        let firstStep = stepCount
        while finished == nil {
            guard stepCount - firstStep < Self.mostSteps else {
                throw SimulationViolation(
                    0, "the run does not converge: \(Self.mostSteps) steps were not enough")
            }
            let answers = try awaitInputs(engine)
            try askMeanwhile(engine)
            let asked = try inbox.turn(engine)
            let inputs = try asked.inputs + answers + engine.dictionaryInput()
            stepWall(engine.control.clock)
            if diesOfAnswer(engine, inputs) { return .crashed }
            if let end = try process(engine, inputs) { return end }
            // What a process that died has left there was done, or is still to be done.
            inbox.finish(asked)
            coverage.count(.doneMeanwhile, asked.inputs.count)
            if mode != .health, generator.below(16) == 0, try !follow() { return .crashed }
        }
        guard let finished else { return .crashed }
        guard wire.awaited.isEmpty else {
            throw SimulationViolation(2, "the run ended with requests in flight")
        }
        // The command catches the projection up, unless it was a check of the health; what happens
        // to it then, the run is over.
        if mode == .health { stop() } else if try follow() { stop() }
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
            invocation?.note(inputs)
            if let signal = drawSignal() { inputs.append(signal) }
            if diskFillsLeft > 0, generator.below(10) == 0 {
                diskFillsLeft -= 1
                inputs.append(Self.storage(allowing: UInt16(generator.below(3))))
            }
            if !inputs.isEmpty || wakeNs.map({ $0 <= clock.nowNs }) ?? false { return inputs }
        }
    }

    private func drawSignal() -> Input? {
        guard cancelsLeft > 0, generator.below(40) == 0 else { return nil }
        cancelsLeft -= 1
        coverage.count(.cancelled)
        let signal: StopReason = generator.below(2) == 0 ? .sigint : .sigterm
        invocation?.signals.append(signal)
        return .fact(.cancelRequested(CancelRequested(signal: signal)), stream: Self.stream)
    }

    private static func storage(allowing requests: UInt16) -> Input {
        .fact(
            .storageMeasured(
                StorageMeasured(
                    freeBytes: UInt64(requests) << 26, inFlightAllowed: requests)), stream: .none)
    }
}

extension Invocation {
    /// Counts what the wire told the client.
    fileprivate mutating func note(_ inputs: [Input]) {
        for case .answered(_, let answer) in inputs {
            if case .limited = answer.content { refusals += 1 }
        }
    }
}
