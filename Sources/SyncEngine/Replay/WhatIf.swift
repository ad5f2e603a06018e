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
            // What a log says that was tampered with must not end the program.
            durationNs = durationNs.saturatingAdd(completed.durationNs)
            counters.add(completed.counters)
            if completed.outcome == .completed { self.completed += 1 }
        }
    }

    /// The runs would not come to an end: so many requests were refused.
    package struct Endless: Error, Sendable, Equatable {
        package let requests: UInt64
        package let refused: UInt64
    }

    package let recorded: Figures
    package let estimated: Figures
    /// What the estimate rests on, for people.
    package let assumptions: [String]

    /// - Parameters:
    ///   - first: runs that were asked for from here on; its commit is taken whole.
    ///   - last: the last event that is looked at.
    ///   - change: makes the other policy of a recorded one, and of the stream that it is of.
    /// - Throws: `Endless` where most of what is sent is refused.
    package init(
        of log: EventLog, from first: Position, through last: Position,
        progress: (Position, Position) -> Void = { _, _ in },
        change: (Policy, StreamID) throws -> Policy
    ) throws {
        let begin = try log.snapshot().commit(at: first)?.first ?? first
        let replayer = Replayer(try ScratchStore())
        if begin > Position(1) {
            let before = Position(begin.rawValue - 1)
            try log.replay(replayer, through: before, verifies: false) { step, _ in
                progress(step.control.position, last)
                return true
            }
        }
        var history = RecordedRuns(replayer)
        try log.forEachEvent(after: replayer.control.position, through: last) { event in
            progress(event.position, last)
            try history.take(event)
        }
        history.end()
        history.server.settle(history.windows)
        let estimate = Estimate(
            replayer, server: history.server,
            mostRefused: Self.mostRefused(history.figures.counters.requests))
        for input in history.inputs { try estimate.take(input, change) }
        recorded = history.figures
        estimated = estimate.figures
        assumptions = history.assumptions + history.server.assumptions
    }

    /// More than under any policy that helps somebody. What is answered comes to an end by itself.
    private static func mostRefused(_ recorded: UInt64) -> UInt64 {
        recorded.saturatingMultiply(20).saturatingAdd(20_000)
    }
}

extension EventLog {
    /// So many events are read out of one snapshot.
    private static let mostOfStretch = 4_096

    /// Calls `body` with each event of a stretch, without the records' texts.
    fileprivate func forEachEvent(
        after first: Position, through last: Position, _ body: (LoggedEvent) throws -> Void
    ) throws {
        var position = first
        while position < last {
            var events: [LoggedEvent] = []
            try snapshot().forEachEvent(after: position, bodies: .none) { event in
                guard event.position <= last else { return false }
                events.append(event)
                return events.count < Self.mostOfStretch
            }
            guard let end = events.last?.position else { return }
            for event in events { try body(event) }
            position = end
        }
    }
}

/// What a stretch of a log says of its runs and of the server.
private struct RecordedRuns {
    private struct Key: Hashable {
        let stream: StreamID
        let ordinal: Ordinal
    }

    var server = RecordedServer()
    /// Facts that did not come from the server: runs that were asked for, what people did.
    private(set) var inputs: [LoggedEvent] = []
    private(set) var windows: [RateWindow] = []
    private(set) var figures = WhatIf.Figures()
    /// The rows before the stretch, and those that it changed.
    private let folded: EventLog
    private var changed: [Key: RecordRow] = [:]
    private var control: ControlState
    /// The place in `inputs` of the run whose end is not known yet.
    private var openRun: Int?
    private var isOpen = false
    private var cutOff = 0
    private var stopped = 0
    private var healthAsked = 0

    /// - Parameter replayer: stands where the stretch begins.
    init(_ replayer: Replayer) {
        folded = replayer.folded
        control = replayer.control
    }

    /// Takes the next event of the log.
    mutating func take(_ logged: LoggedEvent) throws {
        guard control.canFold(logged) else {
            throw EventLogError.contradiction(at: logged.position)
        }
        if let request = logged.event.answeredIntent.flatMap({ control.request($0) }) {
            let now = logged.time.rawValue
            try server.learn(logged, of: request, nowNs: now) { [folded, changed] ordinal in
                try changed[Key(stream: request.stream, ordinal: ordinal)]
                    ?? folded.snapshot().row(request.stream, ordinal)
            }
        }
        apply(logged, to: &control)
        try logged.event.forEachTouchedRow { ordinal, touch in
            let key = Key(stream: logged.stream, ordinal: ordinal)
            let row = try changed[key] ?? folded.snapshot().row(logged.stream, ordinal)
            changed[key] = applyRow(row, touch, position: logged.position, time: logged.time)
        }
        note(logged)
    }

    private mutating func note(_ logged: LoggedEvent) {
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
        case .healthRequested: healthAsked += 1
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
        if healthAsked > 0 {
            found.append(
                "nobody asks for the API's health in a run, though \(healthAsked) times "
                    + "someone did")
        }
        return found
    }
}

/// Runs the core against a recorded server, under a clock of its own.
private final class Estimate {
    private let folded: EventLog
    private var control: ControlState
    private var server: RecordedServer
    private let mostRefused: UInt64
    private var requests: UInt64 = 0
    private(set) var figures = WhatIf.Figures()
    /// The boot clock.
    private var nowNs: Int64 = 0
    private var wake: LogTime?
    /// Answers on their way, the next one last.
    private var arriving: [(ns: Int64, intent: Position, answer: SourceAnswer)] = []

    init(_ replayer: Replayer, server: RecordedServer, mostRefused: UInt64) {
        folded = replayer.folded
        control = replayer.control
        self.server = server
        self.mostRefused = mostRefused
        nowNs = control.bootNs(at: control.time)
    }

    /// Feeds what came from outside then, and runs until nothing is left to do.
    func take(
        _ logged: LoggedEvent, _ change: (Policy, StreamID) throws -> Policy
    ) throws {
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
                policy: try change(request.policy, logged.stream), seed: request.seed,
                requester: request.requester, schedule: request.schedule)
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
            } else if let wakeNs, wakeNs > nowNs {
                nowNs = wakeNs
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
        for case .send(let request) in decision.effects { try send(request) }
    }

    private func send(_ request: SourceRequest) throws {
        requests += 1
        let underWay = control.invocation?.counters.rateLimited ?? 0
        let refused = figures.counters.rateLimited.saturatingAdd(underWay)
        guard refused <= mostRefused else {
            throw WhatIf.Endless(requests: requests, refused: refused)
        }
        guard let inFlight = control.request(request.intent) else { return }
        let (answer, latencyNs) = server.answer(inFlight, at: nowNs)
        let arrival = nowNs.saturatingAdd(latencyNs)
        let index = arriving.firstIndex { $0.ns <= arrival } ?? arriving.count
        arriving.insert((arrival, request.intent, answer), at: index)
    }
}
