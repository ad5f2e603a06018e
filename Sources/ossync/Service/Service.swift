import EventLog
import Locks
import Projections
import SyncCore
import SyncEngine

/// Holds a store, runs what is scheduled and what others ask for, one at a time, until it is told
/// to stop.
final class Service {
    private let store: EngineSession
    private let manager: ServiceManager?
    private let clock = SystemClock()
    private let inbox: Inbox
    /// Where a run, and the wait for the next one, hear of signals.
    private let mailbox = Mailbox()
    private let orders = Mutex(Orders())
    private var schedules: ServiceSchedules
    private var runs: UInt64 = 0
    private var alertsLookedAtNs: Int64

    /// What signals ask for.
    private struct Orders {
        var stop: StopReason?
        var reload = false
    }

    private var session: Session { store.session }
    private var output: Output { session.output }

    /// While nothing is to be done, it looks for requests so often.
    private static let pauseNs: Int64 = .nsPerSecond
    /// And so often at what may be an alert without a run: that none succeeded for long.
    private static let alertsNs: Int64 = 60 * .nsPerSecond
    /// Telling takes a minute; what takes longer than this hangs.
    private static let mostTellingNs: Int64 = 300 * .nsPerSecond

    /// Takes the store, and makes it where it is absent.
    ///
    /// - Throws: exit 2 for what can't work, 11 where another process holds the store.
    init(_ session: Session, waitsForStore: Bool) throws {
        Signals.during { [orders, mailbox] signal in
            orders.withLock { $0.stop = signal }
            Interruption.ask(signal)
            mailbox.put(.cancel(signal))
        }
        Signals.onReload { [orders] in orders.withLock { $0.reload = true } }
        // What can only fail is told now, and not at the first run.
        _ = try session.source(try session.configuration.stream())
        let taken = try EngineSession(
            session, activity: "serve", creates: true, ifRunning: waitsForStore ? .wait : .fail,
            takes: InboxRequest.Ask.Kind.allCases)
        // A signal came while it waited.
        guard let taken else { throw CommandFailure.silent(0) }
        store = taken
        inbox = Inbox(session.folder)
        manager = ServiceManager()
        alertsLookedAtNs = clock.read().bootNs
        schedules = try ServiceSchedules(session.configuration, now: clock.read().wall)
    }

    func run() throws {
        let stream = try session.configuration.stream()
        // What an earlier engine left is settled, also where nothing is to be run for long.
        _ = try store.engine.process(store.startInputs(stream: stream.name))
        try schedules.recall(store.log, session)
        manager?.ready()
        output.note("serving \(session.folder.path): \(schedules.words)")
        while orders.withLock({ $0.stop }) == nil {
            if orders.withLock({ order in
                defer { order.reload = false }
                return order.reload
            }) {
                reload()
            }
            try turn()
        }
        manager?.stopping()
        output.note("stopped: \(runs) \(runs == 1 ? "run" : "runs")")
        if output.isJSON {
            let position = store.engine.control.position.rawValue
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("runs", .number(runs)), ("position", .number(position)),
                ]).line)
        }
    }

    /// Does the next thing, or waits a moment for one.
    private func turn() throws {
        manager?.beat(nowNs: clock.read().bootNs)
        let asked = try inbox.turn(store.engine, makesRuns: true)
        if !asked.isEmpty, try perform(asked) { return }
        let now = clock.read().wall
        let dues = schedules.due(.idle(since: schedules.lastEnd), now: now)
        for due in dues where due.verdict == .skip { passOver(due, now: now) }
        for due in dues where due.verdict != .skip {
            guard let schedule = schedules.begin(due, now: now) else { continue }
            return try make(Wanted(schedule), RunSession.Origin(schedule: due.name))
        }
        lookAtAlerts()
        let next = schedules.nextWake(.idle(since: schedules.lastEnd), now: now)
        manager?.status(next.map { "idle, next run \($0.toTheSecond)" } ?? "idle")
        let waitNs = next.map { $0.since(clock.read().wall) } ?? .max
        _ = mailbox.take(waitingNs: min(max(waitNs, 0), Self.pauseNs))
    }

    private func passOver(_ due: SchedulePlan.Due, now: LogTime) {
        schedules.passOver(due, now: now)
        output.note(
            "schedule \(due.name): \(due.due.toTheSecond) is passed over: a run is under way")
    }

    // MARK: What others ask for

    /// - Returns: false where the request can't be taken away, so that it isn't all there is to do.
    private func perform(_ asked: Inbox.Turn) throws -> Bool {
        if let name = asked.rubbish { RunSession.tellRubbish(name, session) }
        if let request = asked.run {
            try make(request, asked)
        } else {
            _ = try store.engine.process(asked.inputs)
        }
        // Also of a run that could not begin: whoever asked for it finds no answer.
        return inbox.finish(asked)
    }

    private func make(_ request: InboxRequest, _ asked: Inbox.Turn) throws {
        let stream = try session.configuration.stream().name
        guard request.stream == stream else {
            let who = "\(request.requester.user), pid \(request.requester.pid)"
            output.error(
                "ossync: \(who) asks for stream \(request.stream), but the service syncs \(stream)"
                    .withoutControls)
            return
        }
        try make(Wanted(request.ask), RunSession.Origin(asked: asked))
    }

    // MARK: Runs

    /// A run to be made.
    private struct Wanted {
        var mode = RunMode.incremental
        var options = RunOptions(patienceMs: TimeSpan.ms(SyncCommand.defaultPatience))

        init(_ schedule: Configuration.Schedule) {
            mode = schedule.mode.runMode
            options.maxDurationMs = schedule.maxDuration.map(TimeSpan.ms)
            options.patienceMs = TimeSpan.ms(schedule.patience)
        }

        init(_ ask: InboxRequest.Ask) {
            switch ask {
            case .sync(let asked, let noDetails):
                mode = asked
                options.noDetails = noDetails
            case .health:
                mode = .health
                options.patienceMs = HealthCheck.patienceMs
            case .retry, .drop, .stop: break
            }
        }
    }

    /// Makes a run; what is wrong with it alone is told, and the next one is made all the same.
    ///
    /// - Throws: where nothing more can be written, or read.
    private func make(_ wanted: Wanted, _ origin: RunSession.Origin) throws {
        runs += 1
        defer { schedules.lastEnd = clock.read().wall }
        do {
            let stream = try session.configuration.stream()
            var run = RunSession(
                store: store, source: try session.source(stream), stream: stream,
                mode: wanted.mode, options: wanted.options, origin: origin)
            run.mailbox = mailbox
            run.onTurn = { [unowned self] in follow($0, $1) }
            let result: RunSession.Result
            do {
                result = try run.run()
                report(result, stream.name, wanted)
            } catch let broken as BrokenRun {
                report(broken.result, stream.name, wanted, brokenBy: broken.reason)
                alerts.pingWatchdog(.failed)
                throw CommandFailure.silent(ExitCode.failure)
            }
            working { run.catchUpProjection() }
            if wanted.mode != .health {
                working(mostNs: Self.mostTellingNs) {
                    alerts.runEnded(result.completed.outcome)
                }
            }
        } catch EngineError.refused(let text, let hint) {
            output.error("ossync: \(text); \(hint)")
        } catch {
            let isOfLog = error is EngineError || error is EventLogError
            if isOfLog || (error as? CommandFailure)?.message == "" { throw error }
            output.error("ossync: \(CommandFailure(describing: error).line)".withoutControls)
        }
        working { session.writeMetrics() }
    }

    private func report(
        _ result: RunSession.Result, _ stream: String, _ wanted: Wanted,
        brokenBy reason: String? = nil
    ) {
        let exitCode = reason == nil ? result.completed.exitCode : ExitCode.failure
        SummaryReport(
            stream: stream, mode: wanted.mode.name, result: result, exitCode: exitCode,
            options: session.options, brokenBy: reason, type: "run"
        ).printLine(to: output)
    }

    /// Told of at each turn of the loop of a run.
    private func follow(_ control: ControlState, _ wake: LogTime?) {
        let now = clock.read()
        manager?.beat(nowNs: now.bootNs)
        guard schedules.isTimeToLook(now.wall) else { return }
        manager?.status(ProgressLine.text(control, wake: wake, now: now.wall))
        for due in schedules.due(.running, now: now.wall) where due.verdict == .skip {
            passOver(due, now: now.wall)
        }
    }

    private var alerts: AlertSession { AlertSession(store: store, takesSignals: false) }

    private func lookAtAlerts() {
        let nowNs = clock.read().bootNs
        guard nowNs - alertsLookedAtNs >= Self.alertsNs else { return }
        alertsLookedAtNs = nowNs
        // A look that can't be had is told by the evaluation.
        working(mostNs: Self.mostTellingNs) {
            if (try? alerts.hasWork()) ?? true { alerts.look() }
        }
    }

    private func working(mostNs: Int64 = ServiceManager.longestWorkNs, _ body: () -> Void) {
        guard let manager else { return body() }
        manager.working(mostNs: mostNs, body)
    }

    // MARK: The configuration

    /// Reads the configuration anew; one that can't be used changes nothing.
    private func reload() {
        manager?.reloading()
        defer { manager?.ready() }
        do {
            let new = try Session(session.options)
            guard new.folder.path == session.folder.path else {
                throw CommandFailure(
                    ExitCode.usage, "the store is another one, \(new.folder.path)",
                    hint: "start the service anew")
            }
            if let id = new.configuration.api?.id, id != store.apiIdentity {
                throw EngineError.otherAPI(
                    path: new.folder.path, bound: store.apiIdentity, wanted: id)
            }
            _ = try new.source(try new.configuration.stream())
            try schedules.change(to: new.configuration, now: clock.read().wall)
            store.session = new
            Output.log(as: new.configuration.log.format)
            output.note("the configuration was read anew: \(schedules.words)")
        } catch {
            output.error(
                "ossync: the configuration stays as it was: "
                    + CommandFailure(describing: error).line)
        }
    }
}
