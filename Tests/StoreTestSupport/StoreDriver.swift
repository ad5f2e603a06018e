package import EventLog
package import LMDB
package import SyncCore
package import TestSupport

/// Drives the core over a log on the disk, a commit a step, and keeps in memory what the store
/// should hold.
package final class StoreDriver {
    package let folder: TemporaryFolder
    package let log: EventLog
    package private(set) var control = ControlState()
    package private(set) var events: [LoggedEvent] = []
    /// The rows as a dictionary folds them.
    package private(set) var rows: [Ordinal: RecordRow] = [:]
    package var wire: [SourceRequest] = []
    package private(set) var wake: LogTime?
    package var now = LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond)
    /// The control state is stored once in so many commits.
    package var saveInterval = 3
    private var commits = 0

    package static let stream = StreamID(1)

    package init(_ folder: TemporaryFolder = TemporaryFolder()) throws {
        self.folder = folder
        try EventLog.create(store: folder.path, durability: .none)
        log = try EventLog.open(store: folder.path, .write, durability: .none)
        try feed(
            .clockAnchored(
                ClockAnchored(bootID: "boot-1", bootNs: 0, wall: now, isEngineStart: true)))
        try feed(.storeBound(StoreBound(apiIdentity: "https://erp.example.com/api")))
        try feed(.streamDeclared(StreamDeclared(stream: Self.stream, name: "os")))
    }

    package func request(
        _ mode: RunMode, _ options: RunOptions = RunOptions(), policy: Policy = .small,
        stream: StreamID = StoreDriver.stream
    ) throws {
        try feed(
            .runRequested(
                RunRequested(
                    mode: mode, options: options, policy: policy, seed: 7,
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: stream)
        try feed(nil)
    }

    package func feed(_ fact: Event?, stream: StreamID = .none) throws {
        var writer = try log.beginWrite(after: control.position)
        let needs = needsToDecide(control, fact: fact, now: now)
        let decision = decide(
            control, fact: fact, stream: stream, rows: try writer.rows(needs), now: now)
        if fact == nil { wake = nil }
        try writer.append(decision.events)
        for event in decision.events {
            apply(event, to: &control)
            let order = event.stream == .none ? nil : control[event.stream].idOrder
            try writer.fold([event], idOrder: order ?? .none)
            fold(event)
        }
        commits += 1
        if commits % saveInterval == 0 { try writer.save(control) }
        try writer.commit()
        for effect in decision.effects {
            switch effect {
            case .send(let request): wire.append(request)
            case .wake(let time): wake = time
            case .finish: break
            }
        }
    }

    private func fold(_ event: LoggedEvent) {
        events.append(event)
        event.event.forEachTouchedRow { ordinal, touch in
            rows[ordinal] = applyRow(
                rows[ordinal], touch, position: event.position, time: event.time)
        }
    }

    package func answer(_ request: SourceRequest, _ answer: SourceAnswer) throws {
        wire.removeAll { $0.intent == request.intent }
        let needs = needsToClassify(control, intent: request.intent, answer: answer)
        let rows: CoreRows
        do {
            let writer = try log.beginWrite(after: control.position)
            rows = try writer.rows(needs)
        }
        let fact = classify(control, intent: request.intent, answer: answer, rows: rows)
        if let fact { try feed(fact, stream: needs.stream) }
        try feed(nil)
    }

    /// Runs until the invocation is over; time passes only where the core waits.
    package func finish(with api: FakeAPI, steps: Int = .max) throws {
        var left = steps
        while control.invocation != nil, left > 0 {
            left -= 1
            if let request = wire.first {
                try answer(request, api.answer(request))
            } else if let wake {
                now = max(now, wake)
                try feed(nil)
            } else {
                return
            }
        }
    }

    /// Appends what came after the beginning of another driver's log, as it is.
    package func copy(_ others: [LoggedEvent]) throws {
        var writer = try log.beginWrite(after: control.position)
        for event in others where event.position > control.position {
            try writer.append([event])
            apply(event, to: &control)
            let order = event.stream == .none ? nil : control[event.stream].idOrder
            try writer.fold([event], idOrder: order ?? .none)
            fold(event)
        }
        try writer.commit()
    }

    /// What a reader finds now.
    package func snapshot() throws -> LogSnapshot { try log.snapshot() }

    /// Changes the store behind the log's back.
    package func tamper(
        _ name: String, _ body: (borrowing WriteTransaction, Database) throws(LMDBError) -> Void
    ) throws {
        let transaction = try log.environment.beginWrite()
        try body(transaction, try transaction.database(name))
        try transaction.commit()
    }
}
