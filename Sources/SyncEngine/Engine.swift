package import EventLog
package import SyncCore

/// Drives the core over the log: reads the rows a decision needs, appends what it decides, and
/// hands the effects out once they are durable.
///
/// It has no clock of its own but the one it is given, no thread and no network: the same engine
/// serves a live run and a simulation. Used on one thread.
package final class Engine {
    /// The state that is durable.
    package private(set) var control: ControlState
    /// Durable transactions so far.
    package private(set) var commits = 0
    let log: EventLog
    private let clock: any TimeSource
    private let coder: EventCoder
    private var eventsSinceSave: Int
    private var dictionaries: DictionaryWatch
    /// What the last commit asked to be woken at; nil where it looked at nothing but what came.
    private var wake: LogTime?
    /// Told of each commit's events, after it is durable.
    package var observer: (([LoggedEvent], ControlState) -> Void)?

    /// A commit takes no further step once its events have this many bytes.
    static let commitBytes = 16 << 20
    /// One commit may need the map to double so often; a step has no bound but its answer's.
    private static let mostGrowths = 16

    /// Loads the state of a log that is open for writing.
    ///
    /// - Parameter sampleBytes: a compression dictionary is made of so many bytes of texts.
    package init(
        log: EventLog, clock: any TimeSource, sampleBytes: Int = DictionaryTrainer.sampleBytes
    ) throws(EngineError) {
        dictionaries = DictionaryWatch(log.dictionaries, sampleBytes: sampleBytes)
        self.log = log
        self.clock = clock
        coder = EventCoder(log.dictionaries)
        do throws(EventLogError) {
            try log.settle()
            let snapshot = try log.snapshot()
            control = try snapshot.control()
            let stored = try snapshot.storedControl()?.position ?? .none
            eventsSinceSave = Int(control.position.rawValue - stored.rawValue)
        } catch {
            throw .log(error)
        }
    }

    /// What an engine appends before anything else: whose API it is, the stream, the clocks.
    ///
    /// - Parameter isStart: false for what a further run of the same engine needs.
    package func startInputs(
        apiIdentity: String, stream: String, isStart: Bool = true
    ) -> [Input] {
        var inputs = isStart ? [startInput(isRestored: false)] : []
        if control.apiIdentity == nil {
            inputs.append(
                .fact(.storeBound(StoreBound(apiIdentity: apiIdentity)), stream: .none))
        }
        if control.stream(named: stream) == nil {
            let number = StreamID(UInt16(control.streams.count + 1))
            inputs.append(
                .fact(
                    .streamDeclared(StreamDeclared(stream: number, name: stream)), stream: .none))
        }
        return inputs
    }

    /// What is appended to a backup that becomes a store again: what it had under way is over, and
    /// what was sent since isn't known.
    package func restoreInput() -> Input { startInput(isRestored: true) }

    private func startInput(isRestored: Bool) -> Input {
        let reading = clock.read()
        return .fact(
            .clockAnchored(
                ClockAnchored(
                    bootID: reading.bootID, bootNs: reading.bootNs, wall: reading.wall,
                    isEngineStart: true, isRestored: isRestored)), stream: .none)
    }

    /// Decides on inputs that are ready together, makes what follows durable in one commit (more
    /// when they are large), and returns the effects.
    ///
    /// - Throws: when nothing of the last commit is known to be durable; the engine must be dropped
    ///   and opened again, no effect was handed out for it.
    package func process(_ inputs: [Input]) throws(EngineError) -> [Effect] {
        var rest = inputs[...]
        var effects: [Effect] = []
        repeat {
            effects.append(contentsOf: try commit(&rest))
        } while !rest.isEmpty
        return effects
    }

    /// A compression dictionary as a fact, once there are enough texts to make one of.
    package func dictionaryInput() throws(EngineError) -> [Input] {
        do throws(EventLogError) {
            let trained = try dictionaries.train(log, after: control.dictionaries)
            return trained.map { [.fact(.dictionaryTrained($0), stream: .none)] } ?? []
        } catch {
            throw .log(error)
        }
    }

    /// Frees what readers hold whose process is gone, and finds the one that lags the most; to be
    /// called now and then, since each commit under an old snapshot makes the log grow.
    package func checkReaders() throws(EngineError) -> ReaderLag? {
        do throws(EventLogError) {
            return try log.checkReaders()
        } catch {
            throw .log(error)
        }
    }

    private func commit(_ inputs: inout ArraySlice<Input>) throws(EngineError) -> [Effect] {
        let given = inputs
        let reading = clock.read()
        guard ControlState.canRecord(reading) else {
            throw .system(
                operation: "read the clock", path: "CLOCK_REALTIME",
                reason: "it says \(reading.wall.rfc3339()): set the clock of this machine")
        }
        do throws(EventLogError) {
            for _ in 0..<Self.mostGrowths {
                do throws(EventLogError) {
                    return try attempt(&inputs, reading)
                } catch {
                    guard error.isMapFull else { throw error }
                }
                // An ordinary event: nothing was written, so grow the map and do the same again.
                inputs = given
                try log.growMap()
            }
            return try attempt(&inputs, reading)
        } catch {
            throw .log(error)
        }
    }

    private func attempt(
        _ inputs: inout ArraySlice<Input>, _ reading: ClockReading
    ) throws(EventLogError) -> [Effect] {
        var batch = StepBatch(
            control: control, writer: try log.beginWrite(after: control.position, coder: coder),
            reading: reading, wake: wake)
        try batch.reanchor(slackNs: ClockAnchored.slackNs)
        while let input = inputs.popFirst() {
            try batch.take(input)
            if batch.isFull { break }
        }
        // The time is looked at once, when all that is known is known.
        if inputs.isEmpty { try batch.take(.timeReached) }
        guard !batch.events.isEmpty else { return batch.effects }
        let unsaved = eventsSinceSave + batch.events.count
        let isDue =
            unsaved >= EventLog.saveInterval || batch.control.invocation == nil || batch.endsRun
        let batchIsFull = batch.isFull
        let finished = try batch.commit(saving: isDue)
        eventsSinceSave = isDue ? 0 : unsaved
        commits += 1
        dictionaries.take(finished.events)
        control = finished.control
        wake = batchIsFull ? nil : finished.effects.wake
        observer?(finished.events, finished.control)
        return finished.effects
    }
}

/// Steps that share a commit: decided on, and applied to a tentative state, one after the other.
private struct StepBatch: ~Copyable {
    private(set) var control: ControlState
    private(set) var events: [LoggedEvent] = []
    private(set) var effects: [Effect] = []
    private var writer: LogWriter
    private let reading: ClockReading
    private var wake: LogTime?

    init(
        control: ControlState, writer: consuming LogWriter, reading: ClockReading, wake: LogTime?
    ) {
        self.control = control
        self.writer = writer
        self.reading = reading
        self.wake = wake
    }

    /// Whether it takes no further step.
    var isFull: Bool { writer.appendedBytes >= Engine.commitBytes }

    /// Whether a run ends in it, though the next one may begin in it too.
    var endsRun: Bool {
        events.contains { $0.event.type == .runCompleted || $0.event.type == .runInterrupted }
    }

    /// The moment of this commit, by the anchor in force.
    private var now: LogTime {
        control.clock?.time(atBootNs: reading.bootNs) ?? reading.wall
    }

    /// Appends a new anchor when the wall clock was set since the last one.
    mutating func reanchor(slackNs: Int64) throws(EventLogError) {
        guard let anchor = control.clock, anchor.bootID == reading.bootID else { return }
        let apart = anchor.time(atBootNs: reading.bootNs).since(reading.wall)
        guard abs(apart) > slackNs else { return }
        try take(
            .fact(
                .clockAnchored(
                    ClockAnchored(
                        bootID: reading.bootID, bootNs: reading.bootNs, wall: reading.wall,
                        isEngineStart: false)), stream: .none))
    }

    mutating func take(_ input: Input) throws(EventLogError) {
        switch input {
        case .answered(let intent, let answer):
            let needs = needsToClassify(control, intent: intent, answer: answer)
            let fact = classify(
                control, intent: intent, answer: answer, rows: try writer.rows(needs))
            if let fact { try step(fact, stream: needs.stream) }
        case .fact(let fact, let stream): try step(fact, stream: stream)
        case .timeReached: try step(nil, stream: .none)
        }
    }

    private mutating func step(_ fact: Event?, stream: StreamID) throws(EventLogError) {
        let needs = needsToDecide(control, fact: fact, now: now)
        // A moment that an earlier anchor gave means nothing by another one.
        if case .clockAnchored = fact { wake = nil }
        let decision = decide(
            control, fact: fact, stream: stream, rows: try writer.rows(needs),
            now: moment(of: fact), wake: wake)
        try writer.append(decision.events)
        for event in decision.events {
            apply(event, to: &control)
            let order = event.stream == .none ? nil : control[event.stream].idOrder
            try writer.fold([event], idOrder: order ?? .none)
        }
        events.append(contentsOf: decision.events)
        effects.append(contentsOf: decision.effects)
    }

    /// An anchor is recorded at its own wall clock; everything else at the time it gives.
    private func moment(of fact: Event?) -> LogTime {
        if case .clockAnchored(let event) = fact { event.wall } else { now }
    }

    consuming func commit(saving: Bool) throws(EventLogError) -> Committed {
        let committed = Committed(control: control, events: events, effects: effects)
        if saving { try writer.save(control) }
        try writer.commit()
        return committed
    }

    struct Committed {
        let control: ControlState
        let events: [LoggedEvent]
        let effects: [Effect]
    }
}
