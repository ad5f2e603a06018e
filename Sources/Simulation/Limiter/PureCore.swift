internal import SyncCore

/// The pure core with a few records in memory: what the engine does, without a log.
///
/// For the properties of the limiter, which need many short histories and no storage.
struct PureCore: Sendable {
    private(set) var control = ControlState()
    private(set) var rows: [RecordRow] = []
    /// Requests to send, in the order of the decisions; whoever sends them takes them out.
    var sent: [SourceRequest] = []
    private(set) var wake: LogTime?
    private(set) var isFinished = false
    /// No row before this one is pending.
    private var firstPending = 0
    /// Rows that failed before, ascending.
    private var retrying: [Int] = []

    static let stream = StreamID(1)

    /// A store with records whose details wait.
    init(records: Int, reading: ClockReading) {
        start(reading)
        tell(.storeBound(StoreBound(apiIdentity: "simulated")), reading)
        tell(.streamDeclared(StreamDeclared(stream: Self.stream, name: "os")), reading)
        begin(.incremental, RunOptions(noDetails: true), Self.unlimited, seed: 1, reading)
        guard let request = sent.popLast() else { return }
        answer(request, Self.page(records), reading)
    }

    private static var unlimited: Policy {
        Policy(
            limits: LimitPolicy(windows: []), paging: .page, pageSize: 1_000,
            detail: DetailPolicy(batch: 1, concurrency: 1))
    }

    private static func page(_ records: Int) -> SourceAnswer {
        let listed = (0..<records).map { number in
            ListedRecord(
                id: RecordID("\(number + 1)"), fingerprint: Fingerprint(high: 1, low: 1),
                body: Array("{}".utf8)[...])
        }
        return SourceAnswer(
            exchange: Exchange(status: 200),
            content: .page(PageAnswer(records: listed, next: nil, total: UInt64(records))))
    }

    /// The details of one record.
    static var detail: SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: 200),
            content: .details([
                .found(fingerprint: Fingerprint(high: 2, low: 2), body: Array("{}".utf8)[...])
            ]))
    }

    static var timeout: SourceAnswer {
        SourceAnswer(
            exchange: Exchange(status: 0),
            content: .failed(
                FailureAnswer(
                    .timeout, code: "timeout", text: "no answer in time", arrivalUnknown: true)))
    }

    /// Begins an engine; what an earlier one had on the wire is lost to it.
    mutating func start(_ reading: ClockReading) {
        sent = []
        wake = nil
        tell(anchor(reading, isEngineStart: true), reading)
    }

    mutating func begin(
        _ mode: RunMode, _ options: RunOptions, _ policy: Policy, seed: UInt64,
        _ reading: ClockReading
    ) {
        isFinished = false
        let request = RunRequested(
            mode: mode, options: options, policy: policy, seed: seed,
            requester: Requester(pid: 1, host: "simulated", user: "nobody"))
        tell(.runRequested(request), stream: Self.stream, reading)
        tellTime(reading)
    }

    mutating func answer(
        _ request: SourceRequest, _ answer: SourceAnswer, _ reading: ClockReading
    ) {
        reanchor(reading)
        let needs = needsToClassify(control, intent: request.intent, answer: answer)
        let fact = classify(
            control, intent: request.intent, answer: answer, rows: read(needs))
        if let fact { step(fact, stream: needs.stream, reading) }
        step(nil, stream: .none, reading)
    }

    mutating func tellTime(_ reading: ClockReading) {
        reanchor(reading)
        step(nil, stream: .none, reading)
    }

    private mutating func tell(
        _ fact: Event, stream: StreamID = .none, _ reading: ClockReading
    ) {
        reanchor(reading)
        step(fact, stream: stream, reading)
    }

    private func anchor(_ reading: ClockReading, isEngineStart: Bool) -> Event {
        .clockAnchored(
            ClockAnchored(
                bootID: reading.bootID, bootNs: reading.bootNs, wall: reading.wall,
                isEngineStart: isEngineStart))
    }

    /// As the engine does before each batch.
    private mutating func reanchor(_ reading: ClockReading) {
        guard let last = control.clock, last.bootID == reading.bootID else { return }
        let apart = reading.wall.since(last.time(atBootNs: reading.bootNs))
        guard abs(apart) > ClockAnchored.slackNs else { return }
        step(anchor(reading, isEngineStart: false), stream: .none, reading)
    }

    private mutating func step(_ fact: Event?, stream: StreamID, _ reading: ClockReading) {
        var now = control.time(atBootNs: reading.bootNs)
        if case .clockAnchored(let event)? = fact { now = event.wall }
        let needs = needsToDecide(control, fact: fact, now: now)
        let decision = decide(control, fact: fact, stream: stream, rows: read(needs), now: now)
        for logged in decision.events { fold(logged) }
        if fact == nil { wake = nil }
        for effect in decision.effects {
            switch effect {
            case .send(let request): sent.append(request)
            case .wake(let time): wake = time
            case .finish: isFinished = true
            }
        }
    }

    private mutating func fold(_ logged: LoggedEvent) {
        apply(logged, to: &control)
        logged.event.forEachTouchedRow { ordinal, touch in
            let index = Int(ordinal.rawValue)
            let old = index < rows.count ? rows[index] : nil
            guard
                let row = applyRow(
                    old, touch, position: logged.position, time: logged.time)
            else { return }
            if index < rows.count { rows[index] = row } else { rows.append(row) }
            if old?.state == .retrying { retrying.removeAll { $0 == index } }
            guard row.state == .retrying else { return }
            retrying.insert(index, at: retrying.firstIndex { $0 > index } ?? retrying.count)
        }
    }

    private mutating func read(_ needs: ReadSet) -> CoreRows {
        var result = CoreRows()
        for ordinal in needs.ordinals where Int(ordinal.rawValue) < rows.count {
            result.byOrdinal[ordinal] = rows[Int(ordinal.rawValue)]
        }
        guard needs.waiting > 0 else { return result }
        // What isn't pending any more never is again.
        while firstPending < rows.count, rows[firstPending].state != .pending { firstPending += 1 }
        for row in rows[firstPending...] {
            if result.waiting.count == needs.waiting { break }
            if row.queueClass == .new { result.waiting.append(row) }
        }
        for row in retrying.map({ rows[$0] }) where row.queueClass == .retried {
            let due = row.queue?.due ?? .zero
            if due <= needs.dueBy || due > needs.dueBeyond {
                result.retries.append(row)
            } else {
                result.nextDue = min(due, result.nextDue ?? due)
            }
        }
        return result
    }
}
