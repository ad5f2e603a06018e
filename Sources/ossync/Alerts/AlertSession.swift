import EventLog
import Projections
import SyncCore
import SyncEngine

/// Looks at a store that is held with the rules of the configuration in hand, records what begins
/// and what is over, and tells it.
///
/// After each run, and now and then between runs: the same look twice changes nothing.
struct AlertSession {
    let store: EngineSession
    /// Whether a signal ends the telling; a service, which has its own way with signals, calls
    /// `Interruption.ask()` for that.
    var takesSignals = true

    /// After so long no try goes on: what is left is told at the next look. The ping has the rest
    /// of a minute.
    private static let mostNs: Int64 = 45 * .nsPerSecond

    var session: Session { store.session }
    private var engine: Engine { store.engine }
    private var alerts: Configuration.Alerts { session.configuration.alerts }

    /// Whether anybody is to be told of anything; else a look does nothing and costs nothing.
    var isWanted: Bool { !alerts.channels.isEmpty }

    /// What begins the watch over a stream; to be recorded before its run, so that its end counts.
    func beginning(_ stream: StreamID) -> [Input] {
        let isKnown = Int(stream.rawValue) <= engine.control.streams.count
        guard isWanted, !isKnown || engine.control[stream].alerts == nil else { return [] }
        return [.fact(.alertsEvaluated(AlertsEvaluated(rules: AlertRules())), stream: stream)]
    }

    /// Whether a look would record or tell anything.
    func hasWork() throws -> Bool {
        guard isWanted else { return false }
        let control = engine.control
        return try control.streams.contains { stream in
            guard let state = stream.alerts else { return true }
            let changes = decide(
                control, fact: .alertsEvaluated(try observation(of: stream)), stream: stream.id,
                rows: CoreRows(), now: now)
            return !changes.events.isEmpty
                || state.alerts.contains { $0.pending.contains { $0.isDue(at: now) } }
        }
    }

    /// Looks, records, and tells.
    ///
    /// - Returns: false when somebody could not be told.
    @discardableResult
    func evaluate() throws -> Bool {
        guard isWanted else { return true }
        for stream in engine.control.streams {
            _ = try engine.process(beginning(stream.id))
            let fact = Event.alertsEvaluated(try observation(of: engine.control[stream.id]))
            _ = try engine.process([.fact(fact, stream: stream.id)])
        }
        return try tell()
    }

    /// Tells the watchdog, and whoever is to be told of alerts, once a run has ended; neither
    /// changes how.
    func runEnded(_ outcome: RunOutcome) {
        // The signal that ended the run went to it alone; it ends the telling as well.
        if takesSignals, outcome == .interrupted { Interruption.ask(.sigterm) }
        pingWatchdog(outcome)
        look()
    }

    /// Evaluates; what goes wrong is said in a line, and changes nothing else.
    func look() {
        do {
            try evaluate()
        } catch {
            session.output.warn(
                "alerts were not looked at: \(CommandFailure(describing: error).line)"
                    .withoutControls)
        }
    }

    /// The moment by the anchor of the log, where it is of this boot.
    private var now: LogTime {
        let reading = store.clock.read()
        guard let anchor = engine.control.clock, anchor.bootID == reading.bootID else {
            return reading.wall
        }
        return anchor.time(atBootNs: reading.bootNs)
    }

    // MARK: Looking

    /// What the rules are held against; the expenses are read once after each run.
    private func observation(of stream: StreamState) throws -> AlertsEvaluated {
        let rules = alerts.rules
        guard rules.expensesMovedPpm != nil, let state = stream.alerts,
            let verdict = state.verdict, verdict.outcome != .failed,
            verdict.end != state.expenses?.end,
            let total = try session.projector(stream.name, log: store.log)?.read({ $0.total })
        else { return AlertsEvaluated(rules: rules) }
        return AlertsEvaluated(
            rules: rules, expenses: total.sum,
            movedPpm: state.expenses.flatMap { Self.ppm(from: $0.total, to: total.sum) })
    }

    /// By how many millionths a sum has moved; nil from nothing.
    ///
    /// For a threshold of percents the precision of floating point is enough.
    static func ppm(from old: String, to new: String) -> UInt64? {
        guard let old = Double(old), let new = Double(new), old != 0 else { return nil }
        return UInt64(min((abs(new - old) / abs(old) * 1_000_000).rounded(), 1e18))
    }

    // MARK: Telling

    private func tell() throws -> Bool {
        let endNs = store.clock.read().bootNs + Self.mostNs
        var isTold = true
        if takesSignals { Interruption.begin() }
        defer { if takesSignals { Signals.during(nil) } }
        for stream in engine.control.streams {
            for alert in stream.alerts?.alerts ?? [] {
                for pending in alert.pending where pending.isDue(at: now) {
                    guard !Interruption.isAsked, store.clock.read().bootNs < endNs else {
                        return false
                    }
                    isTold = try tell(alert, pending, stream, endNs) && isTold
                }
            }
        }
        return isTold
    }

    private func tell(
        _ alert: StandingAlert, _ pending: PendingDelivery, _ stream: StreamState,
        _ endNs: Int64
    ) throws -> Bool {
        guard let channel = alerts.channels.first(where: { $0.name == pending.channel }) else {
            return true
        }
        let message = AlertMessage(alert, stream: stream.name, session: session)
        let outcome = AlertChannel(channel: channel, endNs: endNs).tell(message)
        // It was not tried, so nothing is known of it.
        guard outcome.attempts > 0 else { return false }
        let fact = AlertDelivered(
            notice: alert.notice, channel: channel.name, isDelivered: outcome.problem == nil,
            attempts: outcome.attempts, text: outcome.problem?.withoutControls ?? "")
        _ = try engine.process([.fact(.alertDelivered(fact), stream: stream.id)])
        guard let problem = outcome.problem else {
            session.output.note("alert \(alert.rule.name): \(channel.name) was told")
            return true
        }
        session.output.warn(
            "alert \(alert.rule.name): \(channel.name) could not be told, and will be tried again: "
                + problem.withoutControls)
        return false
    }
}
