import Dashboard
import EventLog
import SyncCore
import SyncEngine

/// What the monitor says about the state of a store at a moment.
struct MonitorWords {
    private let control: ControlState
    private let stream: StreamState
    private let now: LogTime
    /// Who holds the store; nil where nobody does.
    private let holder: LockHolder?
    private let limits: LimitPolicy
    private let budget: BudgetReport

    init(
        control: ControlState, stream: StreamState, now: ClockReading, holder: LockHolder?,
        limits: LimitPolicy
    ) {
        self.control = control
        self.stream = stream
        self.now = now.wall
        self.holder = holder
        self.limits = limits
        budget = BudgetReport(control, limits, at: now)
    }

    func put(into snapshot: inout Snapshot) {
        snapshot.stream = stream.name.withoutControls
        snapshot.position = "@\(control.position.rawValue.grouped)"
        snapshot.clock = String(now.toTheSecond.dropFirst(11))
        snapshot.phase = phase
        snapshot.progress = progress
        snapshot.overview = overview
        snapshot.gauges = budget.windows.map { window in
            let known = budget.learned(window)
            return Snapshot.Gauge(
                name: window.name.withoutControls, used: budget.used(window),
                limit: known?.requests(now: nowNs) ?? window.requests,
                note: known == nil ? "" : "learned; \(window.requests) configured")
        }
        snapshot.budget = facts
    }

    private var nowNs: Int64 { budget.nowNs }

    /// The run that is under way and has a process.
    private var invocation: InvocationState? { holder == nil ? nil : control.invocation }

    // MARK: What is going on

    private var phase: Snapshot.Fact {
        guard let invocation else { return rest }
        guard invocation.mode != .health else {
            return Snapshot.Fact("", "checking the API's health")
        }
        var parts = [ProgressLine.phase(invocation, control[invocation.stream])]
        if invocation.stopping != nil { parts.append("stopping") }
        if let wait { parts.append(wait.words) }
        if let eta { parts.append(eta) }
        return Snapshot.Fact(
            "", parts.joined(separator: " | "), wait?.isCooldown ?? false ? .warning : .good)
    }

    private var rest: Snapshot.Fact {
        if control.invocation != nil {
            return Snapshot.Fact("", "idle: the last run was cut off; 4 goes on with it", .warning)
        }
        if stream.pass != nil || stream.unfinished != nil {
            return Snapshot.Fact("", "idle: a run is unfinished; 4 goes on with it", .warning)
        }
        guard let holder else { return Snapshot.Fact("", "idle") }
        return Snapshot.Fact(
            "", holder.takes.contains(.sync) ? "idle: a service waits for the next run" : "in use")
    }

    private var eta: String? {
        guard let invocation,
            let ns = ProgressLine.estimate(
                control, invocation, control[invocation.stream], nowNs: nowNs)
        else { return nil }
        // As all other times on the screen.
        return ProgressLine.eta(ns, now: now) { $0.clockUTC }
    }

    private var progress: Snapshot.Progress? {
        guard let invocation, invocation.mode != .health else { return nil }
        let (_, done, total) = ProgressLine.counts(invocation, control[invocation.stream])
        return total.map { Snapshot.Progress(done: done, total: $0, estimate: eta ?? "") }
    }

    /// What the run waits for; nil while a request may be sent.
    private var wait: (words: String, isCooldown: Bool)? {
        guard let next = nextSlotNs else { return nil }
        let isCooldown = control.limiter.cooldownUntilNs.map { $0 > nowNs } ?? false
        let left = ProgressLine.seconds(next - nowNs)
        return (isCooldown ? "cooling down \(left)" : "next in \(left)", isCooldown)
    }

    /// When the next request may be sent, where that isn't now.
    private var nextSlotNs: Int64? {
        let windows = limits.windows
        let free = control.limiter.free(under: limits, now: nowNs)
        let slot = control.limiter.earliest(
            windows: windows, held: control.inFlight.count, now: free)
        let next = max(slot ?? free, invocation?.backoffUntilNs ?? free)
        return next > nowNs ? next : nil
    }

    // MARK: Facts

    private var overview: [Snapshot.Fact] {
        let counts = stream.counts
        var facts = [
            Snapshot.Fact("records", counts.total.grouped),
            Snapshot.Fact(
                "details",
                "\(counts.synced.grouped) with, \(counts.withoutDetails.grouped) without"),
            Snapshot.Fact(
                "queue",
                "\(counts.pending.grouped) pending, \(counts.retrying.grouped) retrying, "
                    + "\(counts.parked.grouped) parked, \(counts.dropped.grouped) dropped",
                counts.parked > 0 ? .warning : .plain),
        ]
        if let pass = stream.pass {
            facts.append(
                Snapshot.Fact(
                    "list", "open at \(pass.cursor?.display ?? "the first page")".withoutControls))
        }
        if let mark = stream.highWaterMark {
            facts.append(Snapshot.Fact("mark", mark.text.withoutControls))
        }
        if let invocation {
            let counters = invocation.counters
            facts.append(
                Snapshot.Fact(
                    "run",
                    "\(invocation.run.runText ?? "") \(invocation.mode.name): "
                        + "\(counters.requests.grouped) requests, "
                        + "\(counters.rateLimited.grouped) x 429"))
        }
        if let holder {
            facts.append(
                Snapshot.Fact(
                    "held by",
                    ("`ossync \(holder.activity)`, pid \(holder.pid) on \(holder.host), user "
                        + "\(holder.user), since \(holder.since)").withoutControls))
        }
        if let time = stream.lastCompletedAt {
            facts.append(Snapshot.Fact("completed", time.toTheSecond))
        }
        if let error = stream.lastError {
            facts.append(Snapshot.Fact("error", error.withoutControls, .bad))
        }
        return facts
    }

    private var facts: [Snapshot.Fact] {
        var facts: [Snapshot.Fact] = []
        if budget.windows.isEmpty { facts.append(Snapshot.Fact("limits", "none configured")) }
        let next = nextSlotNs.map { "in \(ProgressLine.seconds($0 - nowNs))" } ?? "now"
        facts.append(Snapshot.Fact("next slot", next))
        if let until = budget.cooldownUntil {
            let left = ProgressLine.seconds(until.since(now))
            facts.append(
                Snapshot.Fact("cooldown", "\(left), until \(until.toTheSecond)", .warning))
        } else {
            facts.append(Snapshot.Fact("cooldown", "none"))
        }
        facts.append(Snapshot.Fact("in flight", "\(control.inFlight.count)"))
        for window in budget.windows {
            guard let known = budget.learned(window) else { continue }
            facts.append(
                Snapshot.Fact(
                    "learned",
                    "\(known.requests(now: nowNs)) per \(window.name.withoutControls) instead of "
                        + "\(window.requests), from refusals; \(known.step) more at "
                        + budget.risesAt(known).toTheSecond, .warning))
        }
        if let until = budget.unknownUntil {
            facts.append(
                Snapshot.Fact(
                    "restored", "no request until \(until.toTheSecond): what was sent isn't known",
                    .warning))
        }
        return facts
    }
}
