package import EventLog
package import SyncCore

/// What the runs of a log would have been under another policy: an estimate.
///
/// The rules of this program decide, over the state that the log had before the runs; a
/// `RecordedServer` answers. Who cut a run off, or stopped it, and a disk that was full, are left
/// out. Takes memory for all answers of the runs, without the records' texts.
package struct WhatIf: Sendable {
    /// What the runs took, all invocations added up.
    package struct Figures: Sendable, Equatable {
        package var invocations = 0
        package var durationNs: Int64 = 0
        package var counters = RunCounters()
        /// Invocations that did all that they were asked for.
        package var completed = 0

        fileprivate mutating func add(_ completed: RunCompleted) {
            invocations += 1
            durationNs += completed.durationNs
            counters.add(completed.counters)
            if completed.outcome == .completed { self.completed += 1 }
        }
    }

    package let recorded: Figures
    package let estimated: Figures
    /// What the estimate rests on, for people.
    package let assumptions: [String]

    /// - Parameters:
    ///   - first: runs that were asked for from here on; its commit is taken whole.
    ///   - last: the last event that is looked at.
    ///   - change: makes the other policy of a recorded one.
    package init(
        of log: EventLog, from first: Position, through last: Position,
        progress: (Position, Position) -> Void = { _, _ in },
        change: (Policy) throws -> Policy
    ) throws {
        let begin = try log.snapshot().commit(at: first)?.first ?? first
        var history = RecordedRuns(from: begin)
        try log.replay(Replayer(ScratchStore()), through: last, verifies: false) { step, writer in
            progress(step.control.position, last)
            try history.take(step, writer)
            return true
        }
        history.end()
        history.server.settle(history.windows)
        let estimate = Estimate(
            try Self.state(of: log, before: begin), server: history.server)
        for input in history.inputs { try estimate.take(input, change) }
        recorded = history.figures
        estimated = estimate.figures
        assumptions = history.assumptions + history.server.assumptions
    }

    private static func state(
        of log: EventLog, before begin: Position
    ) throws -> Replayer {
        let replayer = Replayer(try ScratchStore())
        guard begin > Position(1) else { return replayer }
        try log.replay(
            replayer, through: Position(begin.rawValue - 1), verifies: false
        ) { _, _ in true }
        return replayer
    }
}

/// What a stretch of a log says of its runs and of the server.
private struct RecordedRuns {
    var server = RecordedServer()
    /// Facts that did not come from the server: runs that were asked for, what people did.
    private(set) var inputs: [LoggedEvent] = []
    private(set) var windows: [RateWindow] = []
    private(set) var figures = WhatIf.Figures()
    private let begin: Position
    private var inFlight: [Position: InFlightRequest] = [:]
    /// The place in `inputs` of the run whose end is not known yet.
    private var openRun: Int?
    private var isOpen = false
    private var cutOff = 0
    private var stopped = 0

    init(from begin: Position) { self.begin = begin }

    mutating func take(_ step: Replayer.Step, _ writer: borrowing LogWriter) throws {
        for event in step.events {
            if case .requestIntended = event.event {
                inFlight[event.position] = step.control.request(event.position)
            }
            let answered = event.event.answeredIntent.flatMap { inFlight.removeValue(forKey: $0) }
            if case .requestAbandoned(let abandoned) = event.event {
                inFlight[abandoned.intent] = nil
            }
            guard event.position >= begin else { continue }
            if let request = answered {
                try server.learn(event, of: request, nowNs: event.time.rawValue) { ordinal in
                    try writer.row(ordinal, of: request.stream)
                }
            }
            take(event)
        }
    }

    private mutating func take(_ logged: LoggedEvent) {
        switch logged.event {
        case .runRequested(let request):
            openRun = inputs.count
            inputs.append(logged)
            for window in request.policy.limits.windows where !windows.contains(window) {
                windows.append(window)
            }
        case .storeBound, .streamDeclared, .queueRetried, .queueDropped, .clockAnchored:
            inputs.append(logged)
        // One that was asked for before is not estimated.
        case .runCompleted(let completed) where openRun != nil:
            figures.add(completed)
            openRun = nil
        case .runInterrupted where openRun != nil:
            cutOff += 1
            openRun = nil
        case .cancelRequested: stopped += 1
        default: break
        }
    }

    /// Leaves a run out whose end is not in the stretch: what its server would have said isn't
    /// known.
    mutating func end() {
        guard let openRun else { return }
        inputs.removeSubrange(openRun...)
        isOpen = true
    }

    var assumptions: [String] {
        var found: [String] = []
        if isOpen { found.append("the last run is left out: its end is not in the stretch") }
        if cutOff > 0 {
            found.append(
                "\(cutOff) invocations were cut off: their time and requests are not in the "
                    + "figures of the log, and they run to their end here")
        }
        if stopped > 0 { found.append("nobody stops a run, though \(stopped) were stopped") }
        return found
    }
}

/// Runs the core against a recorded server, under a clock of its own.
private final class Estimate {
    private let folded: EventLog
    private var control: ControlState
    private var server: RecordedServer
    private(set) var figures = WhatIf.Figures()
    /// The boot clock.
    private var nowNs: Int64 = 0
    private var wake: LogTime?
    /// Answers on their way, the next one last.
    private var arriving: [(ns: Int64, intent: Position, answer: SourceAnswer)] = []

    init(_ replayer: Replayer, server: RecordedServer) {
        folded = replayer.folded
        control = replayer.control
        self.server = server
        nowNs = control.bootNs(at: control.time)
    }

    /// Feeds what came from outside then, and runs until nothing is left to do.
    func take(_ logged: LoggedEvent, _ change: (Policy) throws -> Policy) throws {
        switch logged.event {
        case .clockAnchored(let anchor):
            // One clock for all of it: the first.
            guard control.clock == nil else { return }
            nowNs = anchor.bootNs
            try feed(logged.event, at: anchor.wall)
        case .runRequested(let request):
            try beginEngine(at: logged.time)
            let changed = RunRequested(
                mode: request.mode, options: request.options,
                policy: try change(request.policy), seed: request.seed,
                requester: request.requester)
            try feed(.runRequested(changed), stream: logged.stream)
            try run()
        case .queueRetried(let retried):
            let records = try queued(retried.records, logged.stream)
            guard !records.isEmpty else { return }
            try feed(
                .queueRetried(QueueRetried(records: records, requester: retried.requester)),
                stream: logged.stream)
        case .queueDropped(let dropped):
            let records = try queued(dropped.records, logged.stream)
            guard !records.isEmpty else { return }
            try feed(
                .queueDropped(QueueDropped(records: records, requester: dropped.requester)),
                stream: logged.stream)
        default: try feed(logged.event, stream: logged.stream)
        }
    }

    /// Records that people named, as they are here.
    private func queued(
        _ records: [QueuedRecord], _ stream: StreamID
    ) throws -> [QueuedRecord] {
        var needs = ReadSet(stream: stream)
        needs.ids = records.map(\.id)
        let rows = try folded.beginWrite(after: .none).rows(needs)
        return records.compactMap { record in
            guard let row = rows.byID[record.id], row.queue != nil else { return nil }
            return QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state)
        }
    }

    /// A run begins when it was asked for, or when the one before it is over.
    private func beginEngine(at time: LogTime) throws {
        nowNs = max(nowNs, control.bootNs(at: time))
        guard let clock = control.clock else { return }
        let wall = clock.time(atBootNs: nowNs)
        try feed(
            .clockAnchored(
                ClockAnchored(bootID: clock.bootID, bootNs: nowNs, wall: wall, isEngineStart: true)
            ), at: wall)
    }

    private func run() throws {
        try feed(nil)
        while control.invocation != nil {
            let wakeNs = wake.map { control.bootNs(at: $0) }
            if let next = arriving.last, next.ns <= wakeNs ?? .max {
                nowNs = max(nowNs, next.ns)
                try arrive()
            } else if let wakeNs {
                nowNs = max(nowNs, wakeNs)
            } else {
                return
            }
            try feed(nil)
        }
    }

    /// Takes all answers that have come.
    private func arrive() throws {
        while let next = arriving.last, next.ns <= nowNs {
            arriving.removeLast()
            let needs = needsToClassify(control, intent: next.intent, answer: next.answer)
            let rows = try folded.beginWrite(after: .none).rows(needs)
            let fact = classify(control, intent: next.intent, answer: next.answer, rows: rows)
            if let fact { try feed(fact, stream: needs.stream) }
        }
    }

    private func feed(
        _ fact: Event?, stream: StreamID = .none, at time: LogTime? = nil
    ) throws {
        let now = time ?? control.time(atBootNs: nowNs)
        let writer = try folded.beginWrite(after: .none)
        let needs = needsToDecide(control, fact: fact, now: now)
        let decision = decide(
            control, fact: fact, stream: stream, rows: try writer.rows(needs), now: now,
            wake: wake)
        for event in decision.events {
            apply(event, to: &control)
            let order = event.stream == .none ? nil : control[event.stream].idOrder
            try writer.fold([event], idOrder: order ?? .none)
            if case .runCompleted(let completed) = event.event { figures.add(completed) }
        }
        try writer.commit()
        if fact == nil { wake = decision.effects.wake }
        for case .send(let request) in decision.effects { send(request) }
    }

    private func send(_ request: SourceRequest) {
        guard let inFlight = control.request(request.intent) else { return }
        let (answer, latencyNs) = server.answer(inFlight, at: nowNs)
        let arrival = nowNs.saturatingAdd(latencyNs)
        let index = arriving.firstIndex { $0.ns <= arrival } ?? arriving.count
        arriving.insert((arrival, request.intent, answer), at: index)
    }
}
