package import EventLog
internal import SyncCore

/// Runs the plan of one seed: the real core, engine, log and projections against the simulated ERP,
/// under a virtual clock.
///
/// A first sync, a quiet one, one that finds new records, and a full one; after each of them, with
/// its crashes, pauses and failures, everything is checked.
package struct Simulator {
    /// What a simulation was, when nothing was violated.
    package struct Result: Sendable, Equatable {
        /// The head of the log's hash chain in hexadecimal: the same for a seed in every process.
        package let head: String
        package let events: UInt64
        package let requests: Int
        package let crashes: Int
        package let virtualNs: Int64
        /// Of what the store holds at the end; only where crashes come at given points.
        package var digest: UInt64 = 0
        /// Points at which the process might have crashed.
        package let points: Int
        /// Those between its last crash and the end of the next process's first step.
        package var recovery = 0..<0
        /// Requests whose pace was judged.
        package var paced = 0
        package let coverage: SimulationCoverage
    }

    /// What is lent to a test that tampers with a simulation, to see whether it is found out.
    package struct Rest {
        package let log: EventLog
        package let erp: SimulatedERP
        package let nowNs: Int64
    }

    package let plan: SimulationPlan
    private let disk: DiskFaults?
    private let isPaced: Bool
    /// Told of each durable event, a line each, after the invocation that it is of.
    package var observer: ((String) -> Void)?
    /// Called before each check.
    package var beforeCheck: ((Rest) throws -> Void)?
    /// Under a day's limit a run that pauses goes on with a few requests at a time.
    private static let mostInvocations = 2_000

    /// - Parameter disk: nil where nothing can be made to fail below LMDB; then crashes come
    ///   between its calls only.
    /// - Parameter isPaced: judges how long runs take; only where the windows are real ones, and
    ///   latency is small beside them.
    package init(_ plan: SimulationPlan, disk: DiskFaults?, isPaced: Bool = false) {
        self.plan = plan
        self.disk = disk
        self.isPaced = isPaced
    }

    /// What judges a simulation while it goes on.
    private struct Checks {
        var store: StoreChecker
        var outcomes: OutcomeChecker
        var pace: PaceChecker?
        /// Requests whose pace was judged.
        var paced = 0
        /// The last position before the sync that is under way.
        var phase = Position.none
    }

    /// - Throws: `SimulationFailure` for everything that was violated or went wrong.
    package func run() throws(SimulationFailure) -> Result {
        try SimulationFailure.catching(plan) {
            let folder = try ScratchFolder("simulation")
            let machine = try VirtualMachine(plan, store: try folder.make("store"), disk: disk)
            var checks = Checks(
                store: try StoreChecker(
                    plan, folder, store: machine.store, projections: machine.projections),
                outcomes: OutcomeChecker(plan), pace: isPaced ? PaceChecker(plan) : nil)
            let start = machine.clock.nowNs
            try play(machine, &checks)
            return result(machine, checks, since: start)
        }
    }

    private func play(_ machine: VirtualMachine, _ checks: inout Checks) throws {
        try phase(.incremental, machine, &checks)
        let quiet = try phase(.incremental, machine, &checks)
        if let quiet { try checkQuiet(quiet, mode: .incremental) }
        machine.erp.append(plan.appended)
        try phase(.incremental, machine, &checks)
        let ids = machine.erp.ids
        for _ in 0..<plan.touched {
            let isTouched = machine.erp.touch(ids[machine.draw(below: ids.count)])
            if isTouched { machine.coverage.count(.updatedBetweenRuns) }
        }
        let full = try phase(.full, machine, &checks, isLast: true)
        if let full, plan.touched == 0 { try checkQuiet(full, mode: .full) }
        // What changed meanwhile is found by the next run over the whole list.
        while !checks.store.versions.isSettled {
            try phase(.full, machine, &checks, isLast: true)
        }
    }

    /// Runs until a whole pass is done and no record waits, and checks the store.
    ///
    /// - Returns: how it ended, when one invocation was enough and no fault disturbed it.
    @discardableResult
    private func phase(
        _ mode: RunMode, _ machine: VirtualMachine, _ checks: inout Checks, isLast: Bool = false
    ) throws -> RunCompleted? {
        machine.rest(mostMs: plan.pauseMs)
        let wasSettled = checks.store.versions.isSettled
        if mode == .full || plan.incremental == .none {
            checks.store.versions.beginWholePass(machine.erp)
        }
        let before = try state(machine).lastPass
        checks.phase = try machine.withLog { _, control in control.position }
        let faultsBefore = faultCount(machine)
        var undisturbed = try reach(mode, after: before, machine, &checks)
        while true {
            let given = try givenUp(machine)
            if given.isEmpty { break }
            undisturbed = nil
            if try machine.retry(given) {
                _ = try reach(.detailsOnly, after: before, machine, &checks)
            }
        }
        if !wasSettled || faultCount(machine) != faultsBefore { undisturbed = nil }
        try beside(machine, &checks) { try machine.finishRedaction() }
        if isLast { machine.quiet() }
        try machine.withLog { log, _ in
            try beforeCheck?(Rest(log: log, erp: machine.erp, nowNs: machine.clock.nowNs))
            let violations = try checks.store.check(
                log, machine.erp, machine.wire, acknowledged: machine.history,
                damages: machine.projectionDamages, upkeep: machine.upkeep, isLast: isLast)
            if !violations.isEmpty { throw SimulationFailure(plan, violations) }
        }
        machine.history = []
        return undisturbed
    }

    private func faultCount(_ machine: VirtualMachine) -> Int {
        let arrivals = machine.erp.arrivals.entries
        return arrivals.count { $0.fault != nil || $0.status != 200 || $0.updated != nil }
            + Int(machine.wire.coverage[.connectFailure])
            + Int(machine.wire.coverage[.connectTimeout])
            + Int(machine.wire.coverage[.timeout])
    }

    private func reach(
        _ mode: RunMode, after before: UInt32, _ machine: VirtualMachine, _ checks: inout Checks
    ) throws -> RunCompleted? {
        var next = mode
        for number in 1...Self.mostInvocations {
            let first = machine.history.count
            // Those of an invocation that violates something above all.
            defer { for event in machine.history[first...] { observer?(event.line) } }
            try attend(machine, &checks, isUnderWay: number > 1)
            let invocation = try machine.invoke(next, options(number, machine))
            try judge(invocation, machine, &checks)
            try beside(machine, &checks) { try machine.lookForAlerts() }
            try machine.spoilProjection()
            let stream = try state(machine)
            let isListed = stream.lastPass > before && stream.pass == nil
            if isListed, stream.counts.waiting == 0 {
                guard case .finished(let completed) = invocation.end, number == 1 else {
                    return nil
                }
                return completed
            }
            if case .finished(let completed) = invocation.end { wait(for: completed, machine) }
            if stream.lastPass == before, mode != .detailsOnly {
                next = mode
            } else if mode == .full, machine.draw(below: 12) == 0 {
                next = .full
            } else {
                next = [.resume, .incremental, .resume, .detailsOnly][machine.draw(below: 4)]
            }
        }
        throw SimulationViolation(
            0, "the run does not converge: \(Self.mostInvocations) invocations were not enough")
    }

    /// What people do before an invocation.
    ///
    /// - Parameter isUnderWay: another one has left something to do; before a sync that finds
    ///   nothing new nobody makes something to do.
    private func attend(
        _ machine: VirtualMachine, _ checks: inout Checks, isUnderWay: Bool
    ) throws {
        if let health = try machine.checkHealth() { try judge(health, machine, &checks) }
        machine.changePolicy()
        try beside(machine, &checks) {
            try machine.lookForAlerts()
            try machine.compact()
            try machine.redact()
        }
        guard isUnderWay else { return }
        if try state(machine).pass != nil { machine.changePages() }
        try beside(machine, &checks) { try machine.changeQueue(queued(machine) { _ in true }) }
    }

    /// Does what is no run; what it appends is taken note of.
    private func beside(
        _ machine: VirtualMachine, _ checks: inout Checks, _ body: () throws -> Void
    ) throws {
        let first = machine.history.count
        try body()
        checks.outcomes.take(beside: machine.history[first...])
    }

    private func judge(
        _ invocation: Invocation, _ machine: VirtualMachine, _ checks: inout Checks
    ) throws {
        var violations = Violations()
        checks.outcomes.check(
            invocation, records: machine.erp.ids.count, since: checks.phase, &violations)
        if let pace = checks.pace {
            let arrivals = machine.erp.arrivals.entries
            checks.paced += pace.check(invocation, arrivals, &violations)
        }
        if !violations.found.isEmpty { throw SimulationFailure(plan, violations.found) }
    }

    /// Bounds of its own for the first invocations; later ones have none, so that it converges.
    private func options(_ number: Int, _ machine: VirtualMachine) -> RunOptions {
        var options = RunOptions()
        if number <= 10 { options.patienceMs = plan.patienceMs }
        options.forgetLimits = machine.drawForget()
        guard number <= plan.boundedInvocations else { return options }
        switch machine.draw(below: 4) {
        case 0, 1: options.maxRecords = UInt64(1 + machine.draw(below: max(plan.records, 1)))
        case 2:
            let longest = plan.isRealistic ? 3_600_000 : 20_000
            options.maxDurationMs = Int64(100 + machine.draw(below: longest))
        default: options.noDetails = true
        }
        return options
    }

    private func wait(for completed: RunCompleted, _ machine: VirtualMachine) {
        // On a machine that has lost the time since, nobody knows when that is.
        if let resumeAt = completed.resumeAt, !machine.clock.isLost, machine.draw(below: 4) > 0 {
            machine.pass(resumeAt.since(machine.clock.read().wall))
        } else {
            machine.rest(mostMs: plan.pauseMs)
        }
    }

    private func state(_ machine: VirtualMachine) throws -> StreamState {
        try machine.withLog { _, control in
            control.stream(named: VirtualMachine.streamName)
                ?? StreamState(id: VirtualMachine.stream, name: VirtualMachine.streamName)
        }
    }

    /// Records that were given up, or taken out of the queue, though the server has them.
    private func givenUp(_ machine: VirtualMachine) throws -> [QueuedRecord] {
        try queued(machine) { id in !plan.isUnobtainable(id) }
    }

    /// Records without details, those that are on the wire of a process that is gone among them.
    private func queued(
        _ machine: VirtualMachine, where isWanted: (Int64) -> Bool
    ) throws -> [QueuedRecord] {
        try machine.withLog { log, control in
            var found: [QueuedRecord] = []
            guard let counts = control.streams.first?.counts, counts.withoutDetails > 0
            else { return [] }
            try log.snapshot().forEachRow(VirtualMachine.stream) { row in
                if !row.detailsSynced, let id = plan.number(of: row.id), isWanted(id) {
                    found.append(QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state))
                }
                return true
            }
            return found
        }
    }

    /// A run that finds nothing new asks for no more than it must.
    private func checkQuiet(_ completed: RunCompleted, mode: RunMode) throws {
        let counters = completed.counters
        if mode == .incremental, plan.incremental == .idAfter, plan.records > 0,
            counters.listRequests != 1
        {
            throw SimulationViolation(
                1, "nothing was new, but \(counters.listRequests) list requests were made")
        }
        if counters.detailRequests + counters.new + counters.changed > 0 {
            throw SimulationViolation(
                1,
                "nothing was new, but \(counters.detailRequests) detail requests were made, "
                    + "\(counters.new) new and \(counters.changed) changed records found")
        }
    }

    private func result(
        _ machine: VirtualMachine, _ checks: Checks, since start: Int64
    ) -> Result {
        var coverage = machine.coverage
        coverage.add(machine.wire.coverage)
        coverage.add(checks.store.auditor.coverage)
        coverage.count(plan, machine.erp.arrivals.entries)
        return Result(
            head: checks.store.head, events: checks.store.auditor.position.rawValue,
            requests: machine.wire.arrivals.count, crashes: machine.crashes.crashes,
            virtualNs: machine.clock.nowNs - start, points: machine.crashes.passed,
            paced: checks.paced,
            coverage: coverage)
    }
}

extension LoggedEvent {
    /// For people who look for what went wrong.
    var line: String { "@\(position.rawValue) r\(run.rawValue) \(time.rawValue) \(event)" }
}
