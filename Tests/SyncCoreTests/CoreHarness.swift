import SyncCore
import TestSupport
import Testing

/// Drives the pure core in memory, with a clock that only moves when told: what the shell does, in
/// its simplest form.
struct CoreHarness {
    private(set) var control = ControlState()
    private(set) var rows: [Ordinal: RecordRow] = [:]
    private var ordinals: [RecordID: Ordinal] = [:]
    /// What waits, by its key; the order of identities must not change once there are entries.
    private var queue: [QueueItem] = []
    private(set) var seen: Set<SeenKey> = []
    private(set) var log: [LoggedEvent] = []
    private(set) var finished: [RunCompleted] = []
    /// Requests that were sent and not answered yet, oldest first.
    private(set) var wire: [SourceRequest] = []
    /// Requests that were answered, in the order of the answers.
    private(set) var answered: [SourceRequest] = []
    private(set) var wake: LogTime?
    var now = LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond)

    private struct QueueItem {
        let key: [UInt8]
        let ordinal: Ordinal
    }

    struct SeenKey: Hashable {
        let pass: UInt32
        let ordinal: Ordinal
    }

    static let stream = StreamID(1)

    private init(isEmpty: Bool) {}

    init() {
        start()
        feed(.storeBound(StoreBound(apiIdentity: "https://erp.example.com/api")))
        feed(.streamDeclared(StreamDeclared(stream: Self.stream, name: "os")))
    }

    /// Begins an engine: at first, or after a crash, which loses what was on the wire; or restores
    /// a copy of the log.
    mutating func start(
        bootID: String = "boot-1", bootNs: Int64? = nil, isRestored: Bool = false
    ) {
        wire = []
        wake = nil
        let boot = bootNs ?? now.rawValue - 1_699_999_000 * .nsPerSecond
        feed(
            .clockAnchored(
                ClockAnchored(
                    bootID: bootID, bootNs: boot, wall: now, isEngineStart: true,
                    isRestored: isRestored)))
    }

    mutating func request(
        _ mode: RunMode = .incremental, _ options: RunOptions = RunOptions(),
        policy: Policy = .small, seed: UInt64 = 7
    ) {
        let requested = RunRequested(
            mode: mode, options: options, policy: policy, seed: seed,
            requester: Requester(pid: 1, host: "host", user: "user"))
        feed(.runRequested(requested), stream: Self.stream)
        feedTime()
    }

    mutating func answer(_ request: SourceRequest, _ answer: SourceAnswer) {
        wire.removeAll { $0.intent == request.intent }
        answered.append(request)
        let needs = needsToClassify(control, intent: request.intent, answer: answer)
        let fact = classify(
            control, intent: request.intent, answer: answer, rows: read(needs))
        if let fact { feed(fact, stream: needs.stream) }
        feedTime()
    }

    mutating func feed(_ fact: Event, stream: StreamID = .none) {
        step(fact, stream: stream)
    }

    mutating func feedTime() { step(nil, stream: .none) }

    private mutating func step(_ fact: Event?, stream: StreamID) {
        let needs = needsToDecide(control, fact: fact, now: now)
        let decision = decide(
            control, fact: fact, stream: stream, rows: read(needs), now: now)
        for event in decision.events { fold(event) }
        if fact == nil { wake = nil }
        for effect in decision.effects {
            switch effect {
            case .send(let request): wire.append(request)
            case .wake(let time): wake = time
            case .finish(let completed): finished.append(completed)
            }
        }
    }

    mutating func fold(_ logged: LoggedEvent) {
        apply(logged, to: &control)
        log.append(logged)
        let order = logged.stream == .none ? .none : control[logged.stream].idOrder ?? .none
        logged.event.forEachTouchedRow { ordinal, touch in
            let row = applyRow(
                rows[ordinal], touch, position: logged.position, time: logged.time)
            unqueue(rows[ordinal], order)
            enqueue(row, order)
            rows[ordinal] = row
            if let row { ordinals[row.id] = ordinal }
        }
        guard case .pageFetched(let page) = logged.event else { return }
        for entry in page.entries { seen.insert(SeenKey(pass: page.pass, ordinal: entry.ordinal)) }
        for run in page.unchanged {
            for ordinal in run.range {
                seen.insert(SeenKey(pass: page.pass, ordinal: Ordinal(ordinal)))
            }
        }
    }

    private mutating func unqueue(_ row: RecordRow?, _ order: IDOrder) {
        guard let key = row?.queueKey(order: order) else { return }
        let index = place(of: key)
        if index < queue.count, queue[index].key == key { queue.remove(at: index) }
    }

    private mutating func enqueue(_ row: RecordRow?, _ order: IDOrder) {
        guard let row, let key = row.queueKey(order: order) else { return }
        queue.insert(QueueItem(key: key, ordinal: row.ordinal), at: place(of: key))
    }

    /// Where a key stands in the queue, or would.
    private func place(of key: [UInt8]) -> Int {
        var (low, high) = (0, queue.count)
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].key.lexicographicallyPrecedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    func row(_ id: String) -> RecordRow? { ordinals[RecordID(id)].flatMap { rows[$0] } }

    func count(_ type: EventType) -> Int { log.count { $0.event.type == type } }

    func read(_ needs: ReadSet) -> CoreRows {
        var result = CoreRows()
        for id in needs.ids {
            guard let row = row(id.text) else { continue }
            result.byID[id] = row
            if seen.contains(SeenKey(pass: needs.seenIn, ordinal: row.ordinal)) {
                result.seen.insert(row.ordinal)
            }
        }
        for ordinal in needs.ordinals { result.byOrdinal[ordinal] = rows[ordinal] }
        guard needs.waiting > 0 else { return result }
        let waiting = [QueueClass.new.rawValue, QueueClass.changed.rawValue]
        result.waiting = queue.lazy.filter { waiting.contains($0.key[0]) }.prefix(needs.waiting)
            .compactMap { rows[$0.ordinal] }
        guard needs.retries > 0 else { return result }
        let retried = queue.filter { $0.key[0] == QueueClass.retried.rawValue }
            .compactMap { rows[$0.ordinal] }
        let due = retried.filter {
            let due = $0.queue?.due ?? .zero
            return due <= needs.dueBy || due > needs.dueBeyond
        }
        result.retries = Array(due.prefix(needs.retries))
        result.retriesAreCut = due.count > needs.retries
        result.nextDue = retried.compactMap(\.queue?.due).first {
            $0 > needs.dueBy && $0 <= needs.dueBeyond
        }
        return result
    }
}

extension Policy {
    static func limited(_ windows: RateWindow..., concurrency: Int = 2) -> Policy {
        var policy = Policy.small
        policy.limits.windows = windows
        policy.detail?.concurrency = concurrency
        return policy
    }
}

extension CoreHarness {
    /// No event at all: what a replay begins with.
    static var empty: CoreHarness { CoreHarness(isEmpty: true) }
}

extension CoreHarness {
    /// No run of these tests takes so many answers and waits.
    private static let mostRounds = 20_000

    /// Lets time pass until a request is on the wire.
    mutating func waitForRequest() {
        while wire.isEmpty, let wake {
            now = max(now, wake)
            feedTime()
        }
    }

    /// Runs until the invocation is over; time passes only where the core waits.
    ///
    /// - Parameter intercept: may answer a request in the API's place.
    mutating func finish(
        with api: FakeAPI, latencyMs: Int64 = 0,
        intercept: (SourceRequest, LogTime) -> SourceAnswer? = { _, _ in nil }
    ) {
        var rounds = 0
        while control.invocation != nil {
            rounds += 1
            guard rounds < Self.mostRounds else {
                Issue.record("the run does not end: \(log.suffix(3).map(\.event.type.name))")
                return
            }
            if let request = wire.first {
                let early = intercept(request, now)
                let reply = early ?? api.answer(request)
                now = now.adding(ms: latencyMs)
                answer(request, reply)
            } else if let wake {
                now = max(now, wake)
                feedTime()
            } else {
                return
            }
        }
    }
}
