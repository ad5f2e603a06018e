internal import EventLog
internal import Glibc
internal import LMDB
internal import Projections
internal import SyncCore
internal import SyncEngine

/// The life and death of the process that runs the engine.
extension VirtualMachine {
    /// Lends the log, and the state that it leads to, while no engine runs.
    func withLog<Result>(
        _ body: (EventLog, ControlState) throws -> Result
    ) throws -> Result {
        precondition(!isRunning, "the engine holds the log")
        let (log, engine) = try opened()
        return try body(log, engine.control)
    }

    /// The store as the next process opens it; makes it where it isn't there yet. A process that
    /// dies at that is followed by another one.
    private func opened() throws -> (EventLog, Engine) {
        if let log, let engine { return (log, engine) }
        while true {
            if let opened = try openOnce() {
                (log, engine) = opened
                try takeUnacknowledged(opened.0, opened.1.control.position)
                return opened
            }
        }
    }

    /// - Returns: nil when the process died.
    private func openOnce() throws -> (EventLog, Engine)? {
        if !StoreFolder(store).exists {
            if dies(.crashInCreation) { return nil }
            if let failure = drawDiskError(outOf: 3) {
                try createFailing(failure)
                return nil
            }
            let made: Void? = try survive(.crashInCreation) {
                try create()
            }
            guard made != nil else { return nil }
        }
        if isRecovering { try disownUnfinished() }
        if dies(.crashAtOpening) { return nil }
        if diskErrorsLeft > 0, generator.below(12) == 0 {
            diskErrorsLeft -= 1
            try openFailing()
            return nil
        }
        let opened = try survive(.crashAtOpening) {
            let log = try openLog()
            // As whoever holds the store does.
            log.removeUnfinished()
            return log
        }
        guard let log = opened else { return nil }
        let left = isRecovering ? ArchiveChecker.unfinished(store) : []
        guard left.isEmpty else {
            throw SimulationViolation(4, "whoever opens the store does not remove \(left)")
        }
        let engine = try Engine(log: log, clock: clock, sampleBytes: Self.sampleBytes)
        if dies(.crashAtOpening) { return nil }
        engine.observer = { [unowned self] events, _ in
            history += events
            unjudged += events
            acknowledged = events.last?.position ?? acknowledged
        }
        return (log, engine)
    }

    /// A compression dictionary is made of so few texts that most plans come to it.
    private static let sampleBytes = 6 << 10

    /// By its own default where it matters.
    private func openLog() throws(EventLogError) -> EventLog {
        plan.isSynced
            ? try EventLog.open(store: store, .write, mapSize: plan.mapKiB << 10)
            : try EventLog.open(
                store: store, .write, durability: .none, mapSize: plan.mapKiB << 10)
    }

    /// By its own default where it matters.
    private func create() throws(EventLogError) {
        plan.isSynced
            ? try EventLog.create(store: store)
            : try EventLog.create(store: store, durability: .none)
    }

    /// Invariant 4: what the engine said is durable is there. A commit that it didn't live to tell
    /// of, or took for failed, may be there too.
    private func takeUnacknowledged(_ log: EventLog, _ end: Position) throws {
        guard end >= acknowledged else {
            throw SimulationViolation(
                4,
                "the log ends at \(end.rawValue), though \(acknowledged.rawValue) was "
                    + "acknowledged")
        }
        guard end > acknowledged else { return }
        try log.snapshot().forEachEvent(after: acknowledged) { event in
            history.append(event)
            unjudged.append(event)
            return true
        }
        acknowledged = end
        try judgeWaits(nil)
    }

    /// - Returns: the state that the process finds.
    @discardableResult
    func start() throws -> ControlState {
        let (_, engine) = try opened()
        isRunning = true
        wake = nil
        finished = nil
        return engine.control
    }

    func stop() {
        isRunning = false
        projector = nil
        index = nil
        engine = nil
        log = nil
    }

    /// The process is gone, and with it whoever waited for an answer.
    private func die(_ kind: SimulationCoverage.Kind) {
        coverage.count(kind)
        if isRecovering { coverage.count(.crashInRecovery) }
        isRecovering = true
        recovery = crashes.passed..<crashes.passed
        end()
        let reboots = Double(generator.below(1_000)) < plan.rebootShare * 1_000
        guard reboots, !isUnanchored else { return }
        let lost = coverage[.writesLost]
        reboot()
        if coverage[.writesLost] > lost, let loss = kind.loss { coverage.count(loss) }
    }

    /// Whether the process dies at this point.
    private func dies(_ kind: SimulationCoverage.Kind) -> Bool {
        guard crashes.strikes() else { return false }
        die(kind)
        return true
    }

    /// Whether the process dies of what it reads: the details of a record that crashes it.
    func diesOfAnswer(_ engine: Engine, _ inputs: [Input]) -> Bool {
        guard !plan.crashingIDs.isEmpty else { return false }
        let isThere = inputs.contains { input in
            guard case .answered(let intent, let answer) = input,
                case .details = answer.content, let request = engine.control.request(intent)
            else { return false }
            return request.asked.contains { asked in
                plan.number(of: asked.id).map(plan.crashingIDs.contains) ?? false
            }
        }
        if isThere { die(.crashByAnswer) }
        return isThere
    }

    func end() {
        stop()
        wire.loseClient()
        rest(mostMs: plan.isStorm || generator.below(3) == 0 ? 100 : 2 * plan.pauseMs)
    }

    /// A process has got through its first step.
    func hasRecovered() {
        guard isRecovering else { return }
        isRecovering = false
        recovery = recovery.map { $0.lowerBound..<crashes.passed }
    }

    /// Does what changes files; nil when the process died in it, at one of its calls.
    func survive<Result>(
        _ kind: @autoclosure () -> SimulationCoverage.Kind, _ body: () throws -> Result
    ) throws -> Result? {
        guard let disk else { return try body() }
        // A dead process changes nothing any more, whatever it does about its failures.
        disk.arm(
            DiskFaults.Failure(
                at: crashes.distance ?? .max, error: EIO, goesOn: true,
                tears: crashes.crashes % 2 == 0))
        let result = Swift.Result { try body() }
        let report = disk.disarm()
        crashes.pass(report)
        wasUnsynced = report.isUnsynced
        if report.syncs > 0, kind() == .crashInCommit { coverage.count(.syncedCommit) }
        guard !report.isStruck else {
            die(kind())
            return nil
        }
        return try result.get()
    }

    /// What an engine begins with; the wall clock may have been set just before.
    func startInputs(_ engine: Engine) -> [Input] {
        stepWall(engine.control.clock)
        return engine.startInputs(apiIdentity: apiIdentity, stream: Self.streamName)
    }

    /// One step of the engine's loop.
    ///
    /// - Returns: how the process ended at it; nil while it lives.
    func process(_ engine: Engine, _ inputs: [Input]) throws -> Invocation.End? {
        stepCount += 1
        steppedNs = clock.nowNs
        steppedWall = clock.read().wall
        if dies(.crashBeforeCommit) { return .crashed }
        if let failure = drawDiskError() {
            return try processFailing(engine, inputs, failure)
        }
        wasUnsynced = false
        let mapBefore = try log?.environment.info().mapSize
        guard let effects = try survive(.crashInCommit, { try engine.process(inputs) }) else {
            return .crashed
        }
        if try log?.environment.info().mapSize != mapBefore { coverage.count(.mapGrown) }
        if plan.isSynced, wasUnsynced {
            throw SimulationViolation(
                4,
                "the commit at \(engine.control.position.rawValue) is not on the disk when its "
                    + "requests leave")
        }
        return try perform(effects, engine)
    }

    private func perform(_ effects: [Effect], _ engine: Engine) throws -> Invocation.End? {
        try judgeWaits(engine, effects)
        try checkParallel(engine.control, effects)
        if dies(.crashAfterCommit) { return .crashed }
        wake = nil
        for (index, effect) in effects.enumerated() {
            try perform(effect)
            let isLast = index == effects.count - 1
            if dies(isLast ? .crashAfterEffects : .crashBetweenEffects) { return .crashed }
        }
        return nil
    }

    /// Invariant 10: an engine that waits for answers only has as many requests on the wire as it
    /// may, or nothing more to ask for.
    ///
    /// Records that may have crashed the program are asked for alone: where there can be such, this
    /// says nothing.
    private func checkParallel(_ control: ControlState, _ effects: [Effect]) throws {
        let waitsForAnswers = effects.allSatisfy { effect in
            if case .send = effect { true } else { false }
        }
        guard waitsForAnswers, plan.crashes == 0, plan.crashingIDs.isEmpty, plan.diskErrors == 0,
            let invocation = control.invocation, invocation.stopping == nil,
            !invocation.options.noDetails, invocation.options.maxRecords == nil,
            let stream = control.streams.first, let detail = invocation.policy.detail,
            stream.pass == nil || invocation.mode == .detailsOnly, invocation.mode != .health
        else { return }
        let inFlight = control.inFlight
        let most = min(detail.concurrency, Int(control.inFlightAllowed ?? .max))
        let asked = inFlight.reduce(0) { $0 + $1.asked.count }
        let now = clock.read().bootNs
        let isFull = invocation.policy.limits.windows.contains { window in
            control.limiter.slots.count(in: window, now: now) + inFlight.count >= window.requests
        }
        guard inFlight.count < most, Int(stream.counts.pending) > asked, !isFull,
            control.limiter.learned.isEmpty
        else { return }
        throw SimulationViolation(
            10,
            "at \(control.position.rawValue) it waits with \(inFlight.count) of \(most) requests "
                + "on the wire, though \(Int(stream.counts.pending) - asked) records wait")
    }

    private func perform(_ effect: Effect) throws {
        switch effect {
        case .send(let request):
            guard let log, try isDurable(request, log) else {
                throw SimulationViolation(
                    2, "request \(request.intent.rawValue) was sent before its intent was durable")
            }
            invocation?.sent += 1
            wire.send(request)
        case .wake(let time): wake = time
        case .finish(let completed):
            finished = completed
            invocation?.endNs = clock.nowNs
            invocation?.endBootNs = clock.read().bootNs
        }
    }

    /// Whether the log holds the intent of a request, as it is sent.
    private func isDurable(_ request: SourceRequest, _ log: EventLog) throws -> Bool {
        guard
            case .requestIntended(let event)? = try log.snapshot().event(
                at: request.intent, bodies: .none)?.event
        else { return false }
        return event.request(intent: request.intent) == request
    }

    // MARK: Writes that fail

    /// A process that can't make the store, because a call that changes files fails, ends with an
    /// error; the next one makes it.
    private func createFailing(_ failure: DiskFaults.Failure) throws {
        disk?.arm(failure)
        let result = Result { () throws(EventLogError) in
            try create()
        }
        guard disk?.disarm().isStruck ?? false else { return }
        coverage.count(.diskFailedAtCreation)
        guard case .failure(let error) = result else { return }
        // What can't be removed of an earlier attempt is told as being in the way.
        guard case .storage = error else {
            throw SimulationViolation(0, "a write that fails at creation is told as: \(error)")
        }
    }

    /// A process that can't open the store, because a call that opens, reads or changes files
    /// fails, ends with an error that says so; the next one opens it.
    private func openFailing() throws {
        disk?.arm(
            DiskFaults.Failure(
                at: 1 + generator.below(6), error: EIO, goesOn: generator.below(2) == 0,
                tears: false, reads: true))
        let result = Result { () throws(EventLogError) in _ = try openLog() }
        guard disk?.disarm().isStruck ?? false else { return }
        coverage.count(.diskFailedAtOpening)
        guard case .failure(let error) = result else { return }
        guard case .storage(let storage) = error, storage.code == .io else {
            throw SimulationViolation(0, "a call that fails at opening is told as: \(error)")
        }
    }

    func drawDiskError(outOf chances: Int = 25) -> DiskFaults.Failure? {
        guard diskErrorsLeft > 0, generator.below(chances) == 0 else { return nil }
        diskErrorsLeft -= 1
        let isFull = generator.below(2) == 0
        return DiskFaults.Failure(
            at: 1 + generator.below(generator.below(3) == 0 ? 24 : 6), error: isFull ? ENOSPC : EIO,
            goesOn: isFull || generator.below(2) == 0, tears: generator.below(3) == 0)
    }

    /// A step whose commit may fail: then the process ends with an error, and nothing that it
    /// decided counts.
    private func processFailing(
        _ engine: Engine, _ inputs: [Input], _ failure: DiskFaults.Failure
    ) throws -> Invocation.End? {
        disk?.arm(failure)
        let result = Swift.Result { () throws(EngineError) in try engine.process(inputs) }
        guard let report = disk?.disarm() else { return nil }
        switch result {
        case .success(let effects):
            if report.isStruck {
                throw SimulationViolation(4, "a write failed, but the commit is said to be durable")
            }
            return try perform(effects, engine)
        case .failure(let error):
            // What is written in part only is told as an I/O error, whatever the reason.
            let isFull = failure.error == ENOSPC
            guard report.isStruck, case .log(.storage(let storage)) = error,
                storage.code == (isFull ? .diskFull : .io) || failure.tears && storage.code == .io,
                error.exitCode == 1
            else { throw SimulationViolation(0, "a failed write is told as: \(error)") }
            coverage.count(isFull ? .diskFull : .diskFailed)
            end()
            return .broken
        }
    }
}
