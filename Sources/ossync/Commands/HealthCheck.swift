import EventLog
import Glibc
import Locks
import RESTSource
import SyncCore
import SyncEngine

/// One health request and what it said.
struct HealthCheck {
    let exitCode: Int32
    /// What came of it, in words.
    let text: String
    private let exchange: Exchange?
    /// Why the API gave no good answer; nil also where it wasn't asked.
    let problem: Problem?
    /// What it shows of the list; nil where a path of its own or another process was asked.
    private(set) var sample: ListSample?
    private let answeredAt: LogTime?
    private let position: Position

    enum Problem {
        /// By a 429.
        case limited
        case failed(FailureAnswer)
    }

    var headers: [Exchange.HeaderField] { exchange?.headers ?? [] }

    /// The longest wait for a free slot of the budget: the windows that people configure are
    /// minutes.
    static let patienceMs: Int64 = 60_000

    /// Makes the request, or has it made by the process that holds the store.
    init(_ session: Session) throws {
        var asked: HolderRequest?
        while true {
            do {
                self = try HealthCheck(asHolder: session, insteadOf: asked)
                return
            } catch EngineError.locked(let holder)
                where holder.takes.contains(.health) || asked != nil
            {
                if asked == nil { asked = try Self.ask(holder, session) }
                guard let request = asked, try request.wait() else { continue }
                if let found = try Self.outcome(of: request, session) {
                    self = found
                    return
                }
                // The run was at its end: once more.
                asked = nil
            }
        }
    }

    /// - Parameter asked: what another holder was asked for, and is not to do any more.
    private init(asHolder session: Session, insteadOf asked: HolderRequest?) throws {
        let stream = try session.configuration.stream()
        let source = try session.source(stream)
        guard let store = try EngineSession(session, activity: "health", creates: true) else {
            throw CommandFailure(ExitCode.locked, "the store is in use")
        }
        asked?.discard()
        var run = RunSession(
            store: store, source: source, stream: stream, mode: .health,
            options: RunOptions(patienceMs: Self.patienceMs))
        let sample = Mutex<ListSample?>(nil)
        run.onSample = { seen in sample.withLock { $0 = seen } }
        let result = try run.run()
        var answer: LoggedEvent?
        try store.log.snapshot().forEachEventBackwards(before: Position(.max)) { event in
            if case .runRequested = event.event { return false }
            guard Self.exchange(event.event) != nil else { return true }
            answer = event
            return false
        }
        self.init(
            exitCode: result.completed.exitCode, text: result.completed.text, answer,
            position: result.position)
        self.sample = sample.withLock { $0 }
    }

    private init(exitCode: Int32, text: String, _ answer: LoggedEvent?, position: Position) {
        self.exitCode = exitCode
        self.text = text
        exchange = answer.flatMap { Self.exchange($0.event) }
        problem = answer.flatMap { Self.problem($0.event) }
        answeredAt = answer?.time
        self.position = position
    }

    private static func exchange(_ event: Event) -> Exchange? {
        switch event {
        case .healthChecked(let event): event.exchange
        case .requestFailed(let event): event.exchange
        case .rateLimited(let event): event.exchange
        default: nil
        }
    }

    private static func problem(_ event: Event) -> Problem? {
        switch event {
        case .requestFailed(let event): .failed(event.answer)
        case .rateLimited: .limited
        default: nil
        }
    }

    // MARK: By the process that holds the store

    private static func ask(_ holder: LockHolder, _ session: Session) throws -> HolderRequest {
        let control = try session.openLog().snapshot().control()
        let stream = try session.stream(in: control)
        Interruption.begin()
        let asked = try HolderRequest(.health, of: holder, stream: stream.name, control, session)
        asked.announce()
        return asked
    }

    /// Waits for the answer to a request that the holder has taken.
    ///
    /// - Returns: nil where it was not made: the run was at its end.
    private static func outcome(
        of asked: HolderRequest, _ session: Session
    ) throws -> HealthCheck? {
        let log = try session.openLog()
        guard let fact = try asked.request.answer(in: log.snapshot()) else { return nil }
        let clock = SystemClock()
        let lastNs = clock.read().bootNs + patienceMs * .nsPerMs
        while true {
            switch try HealthAnswer(to: fact, in: log.snapshot()) {
            case .answered(let answer): return HealthCheck(answer)
            case .ended(let completed?, let at):
                return HealthCheck(
                    exitCode: completed.exitCode, text: completed.text, nil, position: at)
            case .ended: return nil
            case .waiting: break
            }
            try Interruption.check("the request stays with the run, and counts when it is made")
            guard clock.read().bootNs < lastNs else {
                throw CommandFailure(
                    StopReason.budget.exitCode,
                    "the limits admit no request now: the run makes it once they do",
                    hint: "`ossync log show --event HealthChecked,RequestFailed,RateLimited`")
            }
            usleep(100_000)
        }
    }

    private init(_ answer: LoggedEvent) {
        switch answer.event {
        case .requestFailed(let event):
            self.init(
                exitCode: event.answer.failure.stopReason.exitCode, text: event.answer.text, answer,
                position: answer.position)
        case .rateLimited(let event):
            self.init(
                exitCode: StopReason.unavailable.exitCode,
                text: "the API refuses requests: \(event.exchange.status)", answer,
                position: answer.position)
        default:
            self.init(exitCode: 0, text: "completed", answer, position: answer.position)
        }
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
            ("ok", .literal(exitCode == 0 ? "true" : "false")),
            ("status", exchange.map { .number($0.status) } ?? .null),
            ("latencyMs", exchange.map { .number($0.latencyUs / 1_000) } ?? .null),
            (
                "headers",
                .object(
                    headers.map {
                        ($0.name, .string($0.value.withoutControls))
                    })
            ), ("clockSkewSeconds", skewSeconds.map { .number($0) } ?? .null),
            ("message", .string(text.withoutControls)),
            ("position", .number(position.rawValue)),
        ])
    }

    /// How far the server's clock is ahead of ours, by its Date header; a second of it is rounding.
    var skewSeconds: Int64? {
        guard let date = exchange?.headers.first(where: { $0.name == "date" })?.value,
            let ours = answeredAt.map({ $0.rawValue / .nsPerSecond }),
            let server = HTTPDate.seconds(date, near: ours)
        else { return nil }
        return server - ours
    }

    var words: String {
        guard let exchange else { return "no answer: \(text.withoutControls)" }
        var lines = [
            exitCode == 0
                ? "the API answers: \(exchange.status) in \(exchange.latencyUs / 1_000) ms"
                : text.withoutControls
        ]
        for header in exchange.headers where header.name != "date" {
            lines.append("\(header.name): \(header.value.withoutControls)")
        }
        if let skew = skewSeconds, abs(skew) > 2 {
            lines.append("its clock is \(abs(skew)) s \(skew > 0 ? "ahead of" : "behind") ours")
        }
        return lines.joined(separator: "\n")
    }
}

/// What the log says of a health request that was asked for.
private enum HealthAnswer {
    case answered(LoggedEvent)
    /// The run is over; a check that was a run of its own says how it ended.
    case ended(RunCompleted?, at: Position)
    case waiting

    /// - Parameter fact: the event that says that it was asked for.
    init(to fact: LoggedEvent, in snapshot: borrowing LogSnapshot) throws {
        let isOwnRun = fact.event.type == .runRequested
        var intent: Position?
        var found = HealthAnswer.waiting
        try snapshot.forEachEvent(after: fact.position, bodies: .none) { event in
            switch event.event {
            case .requestIntended(let request) where event.cause == fact.position:
                if case .health = request.target { intent = event.position }
            case .requestAbandoned(let request) where request.intent == intent:
                found = .ended(nil, at: event.position)
            case .runCompleted(let completed):
                found = .ended(isOwnRun ? completed : nil, at: event.position)
            case .runInterrupted: found = .ended(nil, at: event.position)
            default:
                guard let intent, event.event.answeredIntent == intent else { return true }
                found = .answered(event)
            }
            if case .waiting = found { return true }
            return false
        }
        self = found
    }
}
