import EventLog
import Glibc
import Logging
import Projections
import RESTSource
import SyncCore
import SyncEngine

/// Runs one invocation with everything around it: signals, progress, the combined log, the
/// projection.
struct RunSession {
    let store: EngineSession
    let source: RESTConfiguration
    let stream: Configuration.Stream
    let mode: RunMode
    let options: RunOptions
    var origin = Origin()
    /// Where a service hears of signals, for all of its runs; else the run hears of them itself.
    var mailbox: Mailbox?
    var onTurn: ((ControlState, _ wake: LogTime?) -> Void)?
    /// Told what a health request to the list shows.
    var onSample: (@Sendable (ListSample) -> Void)?

    /// Why there is a run.
    struct Origin {
        /// What another process asked for in the inbox.
        var asked: Inbox.Turn?
        /// The name of the schedule that was due.
        var schedule: String?
    }

    private var session: Session { store.session }
    private var output: Output { session.output }

    /// What came of it.
    struct Result {
        let completed: RunCompleted
        /// The end of the log.
        let position: Position
        let run: Position
        /// Durable transactions of the invocation; nil where another process made it.
        let commits: Int?
    }

    func run() throws -> Result {
        let request = try runRequested()
        try checkAllowed(request)
        let mailbox = mailbox ?? Mailbox()
        let output = output
        if self.mailbox == nil { Self.stop(mailbox, atSignalsOf: output) }
        defer { if self.mailbox == nil { Signals.during(nil) } }
        let concurrency = max(stream.detail?.concurrency ?? 1, 1)
        let rest = try RESTSource(source, concurrency: concurrency, onSample: onSample)
        defer { rest.shutdown() }
        let follower = try makeFollower()
        defer { follower?.stop() }
        let narrator = makeNarrator(follower)
        store.engine.observer = { events, control in narrator.tell(events, control) }
        let loop = SyncLoop(
            engine: store.engine, source: rest, clock: store.clock, mailbox: mailbox,
            folder: session.folder, maxBodyBytes: UInt64(source.limits.maxBodyBytes))
        loop.onTick = { control, wake in narrator.tick(control, wake: wake) }
        loop.onTurn = onTurn
        loop.onRubbish = { [session] name in Self.tellRubbish(name, session) }
        loop.onReaderLag = { lag in narrator.tell(lag) }
        let known = store.engine.control.stream(named: stream.name)?.id
        let number = known ?? StreamID(UInt16(store.engine.control.streams.count + 1))
        let inputs =
            store.startInputs(stream: stream.name)
            + AlertSession(store: store).beginning(number)
            + [.fact(.runRequested(request), stream: number)]
        do throws(EngineError) {
            let completed = try loop.run(inputs, asked: origin.asked)
            narrator.end()
            return result(completed, narrator)
        } catch {
            narrator.end()
            guard let reason = error.failedWrite else { throw error }
            throw BrokenRun(reason: reason, result: result(broken(by: error), narrator))
        }
    }

    /// Tells of a file in the inbox that nobody can do anything with.
    static func tellRubbish(_ name: String, _ session: Session) {
        session.output.error(
            "\(session.folder.inbox)/\(name): this is no request, or one of long ago, and was "
                .withoutControls + "removed")
    }

    /// So that the next reader finds it current; what goes wrong here is told, and loses nothing.
    func catchUpProjection() {
        do {
            try session.projector(stream.name, log: store.log)?.catchUp()
        } catch {
            output.warn("the projection is behind the log: \(error)")
        }
    }

    /// Lets the first signal end the run in an orderly way.
    static func stop(_ mailbox: Mailbox, atSignalsOf output: Output) {
        Signals.during { signal in
            mailbox.put(.cancel(signal))
            output.noteAtOnce("stopping once what is on the wire is answered; again to end at once")
        }
    }

    private func result(_ completed: RunCompleted, _ narrator: RunNarrator) -> Result {
        Result(
            completed: completed, position: store.engine.control.position, run: narrator.run,
            commits: store.engine.commits)
    }

    /// The end of a run that could not log one: what it did is what is durable.
    private func broken(by error: EngineError) -> RunCompleted {
        let invocation = store.engine.control.invocation
        let elapsed = invocation.map { store.clock.read().bootNs - $0.startedNs } ?? 0
        return RunCompleted(
            outcome: .failed, reason: nil, text: error.description, resumeAt: nil,
            counters: invocation?.counters ?? RunCounters(), durationNs: max(elapsed, 0),
            floorNs: invocation?.floor.floorNs ?? 0)
    }

    private func runRequested() throws -> RunRequested {
        var random = SystemRandomNumberGenerator()
        return RunRequested(
            mode: mode, options: options,
            policy: try session.configuration.policy(stream: stream),
            seed: random.next(),
            requester: origin.asked?.run?.requester ?? session.requester,
            schedule: origin.schedule)
    }

    private func checkAllowed(_ request: RunRequested) throws {
        guard let known = store.engine.control.stream(named: stream.name),
            let refused = refusal(store.engine.control, request, stream: known.id)
        else { return }
        throw EngineError.refused(text: refused.text, hint: refused.hint)
    }

    private func makeFollower() throws -> ProjectionFollower? {
        guard mode != .health else { return nil }
        let mapping = try session.configuration.mapping(stream)
        let projector = try RecordProjector(
            RecordProjection(name: stream.name, mapping: mapping),
            folder: session.folder.projections, log: store.log)
        let history = try session.historyProjector(store.log)
        let output = output
        return ProjectionFollower([projector, history]) { error in
            output.error("the projection is behind the log: \(error)".withoutControls)
        }
    }

    private func makeNarrator(_ follower: ProjectionFollower?) -> RunNarrator {
        let log = session.configuration.log
        // What rotates a file of somebody's own choice is theirs too.
        var wanted: [(String, LogFile.Rotation?)] = [(session.folder.combinedLog, log.rotation)]
        if let path = session.options.logFile { wanted.append((path, nil)) }
        let files = wanted.compactMap { path, rotation in
            let file = LogFile(path, rotation)
            if file == nil {
                output.warn("\(path): the log file can't be written; going on without it")
            }
            return file
        }
        let logger = Logger(label: "sync") { _ in FileLogHandler(files, log.format) }
        return RunNarrator(output: output, logger: logger, follower: follower)
    }
}

/// A run that ended because the store could not be written; it can be resumed.
struct BrokenRun: Error {
    /// `diskFull` or `io`.
    let reason: String
    let result: RunSession.Result
}

/// Tells people and log files what a run does.
final class RunNarrator {
    private let output: Output
    private let logger: Logger
    private let follower: ProjectionFollower?
    private let clock = SystemClock()
    private var lastLineNs: Int64 = 0
    private var hasLine = false
    private var laggards: Set<Int32> = []
    /// The run that the invocation belongs to.
    private(set) var run = Position.none

    init(output: Output, logger: Logger, follower: ProjectionFollower?) {
        self.output = output
        self.follower = follower
        self.logger = logger
    }

    func tell(_ events: [LoggedEvent], _ control: ControlState) {
        follower?.logGrew(by: events.count)
        for event in events {
            if let current = control.invocation?.run ?? lastRun(events) { run = current }
            log(event, control)
        }
        tick(control, wake: nil)
    }

    /// Warns of a reader that makes the log grow, once a process.
    func tell(_ lag: ReaderLag) {
        guard laggards.insert(lag.pid).inserted else { return }
        let text =
            "process \(lag.pid) has been reading the store for \(lag.commits) commits, and makes "
            + "it grow meanwhile: end it, or let it go on"
        logger.warning("\(text)")
        erase()
        output.note(text, .warning)
    }

    private func lastRun(_ events: [LoggedEvent]) -> Position? {
        events.last { $0.run != .none }?.run
    }

    private func log(_ event: LoggedEvent, _ control: ControlState) {
        let level: Logger.Level =
            switch event.event {
            case .rateLimited, .requestFailed, .recordParked, .runInterrupted, .requestAbandoned:
                .warning
            case .runCompleted(let completed) where completed.outcome == .failed: .error
            default: .info
            }
        let text = EventNarrator.text(event)
        let metadata = LogLine.metadata(of: event, control)
        logger.log(level: level, "\(text)", metadata: metadata)
        if level == .warning {
            erase()
            output.note(text.withoutControls, level, metadata)
        } else {
            output.detail(text.withoutControls, metadata)
        }
    }

    /// Redraws the progress line: ten times a second on a terminal, else a line a minute.
    func tick(_ control: ControlState, wake: LogTime?) {
        let now = clock.read()
        let interval = output.isInteractive ? Int64.nsPerSecond / 10 : 60 * .nsPerSecond
        guard control.invocation != nil, now.bootNs - lastLineNs >= interval else { return }
        if lastLineNs == 0, !output.isInteractive {
            lastLineNs = now.bootNs
            return
        }
        lastLineNs = now.bootNs
        let text = ProgressLine.text(
            control, wake: wake, now: now.wall,
            columns: output.isInteractive ? output.columns.map { $0 - 1 } : nil)
        if output.isInteractive {
            output.raw("\r\u{1B}[K\(text)")
            hasLine = true
        } else {
            output.note(text)
        }
    }

    private func erase() {
        if hasLine { output.raw("\r\u{1B}[K") }
        hasLine = false
    }

    func end() { erase() }
}
