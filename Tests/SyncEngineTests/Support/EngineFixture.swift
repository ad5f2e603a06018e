import EventLog
import LMDB
import Locks
import SyncCore
import SyncEngine
import TestSupport

/// A clock that moves only when told, or by a step at each look.
final class ManualClock: TimeSource {
    private struct State {
        var bootID = "boot-1"
        var bootNs: Int64 = 1_000 * .nsPerSecond
        var wallNs: Int64 = 1_700_000_000 * .nsPerSecond
    }

    private let state = Mutex(State())
    private let stepNs: Int64

    init(stepNs: Int64 = 0) { self.stepNs = stepNs }

    func read() -> ClockReading {
        state.withLock { state in
            state.bootNs += stepNs
            state.wallNs += stepNs
            return ClockReading(
                bootID: state.bootID, bootNs: state.bootNs,
                wall: LogTime(nanoseconds: state.wallNs))
        }
    }

    func advance(seconds: Int64) { advance(ns: seconds * .nsPerSecond) }

    func advance(ns: Int64) {
        state.withLock { state in
            state.bootNs += max(ns, 0)
            state.wallNs += max(ns, 0)
        }
    }

    /// Someone sets the wall clock.
    func setWall(by ms: Int64) { state.withLock { $0.wallNs += ms * .nsPerMs } }

    /// The machine boots again, and has been up for so long.
    func reboot(upSeconds: Int64, awaySeconds: Int64) {
        state.withLock { state in
            state.bootID += "'"
            state.bootNs = upSeconds * .nsPerSecond
            state.wallNs += awaySeconds * .nsPerSecond
        }
    }
}

/// An engine over a log of its own, and what it asked for.
final class EngineFixture {
    let folder: TemporaryFolder
    let clock: ManualClock
    let log: EventLog
    let engine: Engine
    private(set) var wire: [SourceRequest] = []
    private(set) var wake: LogTime?
    private(set) var finished: RunCompleted?

    /// - Parameter folder: one that another fixture has used, to begin an engine over its store.
    init(
        _ folder: TemporaryFolder = TemporaryFolder(), clock: ManualClock = ManualClock(),
        mapSize: Int = 64 << 30, sampleBytes: Int = DictionaryTrainer.sampleBytes
    ) throws {
        self.folder = folder
        self.clock = clock
        if !StoreFolder(folder.path).exists {
            try EventLog.create(store: folder.path, durability: .none)
        }
        log = try EventLog.open(
            store: folder.path, .write, durability: .none, mapSize: mapSize)
        engine = try Engine(log: log, clock: clock, sampleBytes: sampleBytes)
    }

    static let apiIdentity = "https://erp.example.com/api"

    func starting(
        _ mode: RunMode = .full, _ options: RunOptions = RunOptions(), policy: Policy = .small
    ) -> [Input] {
        finished = nil
        return engine.startInputs(apiIdentity: Self.apiIdentity, stream: "os") + [
            .fact(
                .runRequested(
                    RunRequested(
                        mode: mode, options: options, policy: policy, seed: 7,
                        requester: Requester(pid: 1, host: "host", user: "user"))),
                stream: StreamID(1))
        ]
    }

    func process(_ inputs: [Input]) throws {
        wake = nil
        for effect in try engine.process(inputs) {
            switch effect {
            case .send(let request): wire.append(request)
            case .wake(let time): wake = time
            case .finish(let completed): finished = completed
            }
        }
    }

    /// Takes what is on the wire, with its answers.
    func answers(_ api: FakeAPI) -> [Input] { answers { api.answer($0) } }

    func answers(_ answer: (SourceRequest) -> SourceAnswer) -> [Input] {
        defer { wire = [] }
        return wire.map { .answered(intent: $0.intent, answer($0)) }
    }

    /// Takes the request off the wire that was sent first.
    func takeFirst() -> SourceRequest? { wire.isEmpty ? nil : wire.removeFirst() }

    /// Runs until the invocation is over; time passes only where the core waits.
    func finish(with api: FakeAPI, steps: Int = .max) throws {
        var left = steps
        while finished == nil, left > 0, !wire.isEmpty || wake != nil {
            left -= 1
            if wire.isEmpty, let wake {
                clock.advance(ns: engine.control.bootNs(at: wake) - clock.read().bootNs)
            }
            try process(answers(api))
        }
    }

    func events() throws -> [LoggedEvent] {
        var events: [LoggedEvent] = []
        try log.snapshot().forEachEvent(after: .none) { event in
            events.append(event)
            return true
        }
        return events
    }
}
