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
        package let coverage: SimulationCoverage
    }

    /// What is lent to a test that tampers with a simulation, to see whether it is found out.
    package struct Rest {
        package let log: EventLog
        package let erp: SimulatedERP
        package let nowNs: Int64
    }

    package let plan: SimulationPlan
    /// Called before each check.
    package var beforeCheck: ((Rest) throws -> Void)?
    private static let mostInvocations = 400

    package init(_ plan: SimulationPlan) { self.plan = plan }

    /// - Throws: `SimulationFailure` for everything that was violated or went wrong.
    package func run() throws(SimulationFailure) -> Result {
        do {
            let folder = try ScratchFolder("simulation")
            let machine = try VirtualMachine(plan, store: try folder.make("store"))
            var checker = StoreChecker(plan, folder)
            let start = machine.clock.nowNs
            try play(machine, &checker)
            return result(machine, checker, since: start)
        } catch let failure as SimulationFailure {
            throw failure
        } catch let violation as SimulationViolation {
            throw SimulationFailure(seed: plan.seed, violations: [violation])
        } catch {
            throw SimulationFailure(
                seed: plan.seed, violations: [SimulationViolation(0, "\(error)")])
        }
    }

    private func play(_ machine: VirtualMachine, _ checker: inout StoreChecker) throws {
        try phase(.incremental, machine, &checker)
        let quiet = try phase(.incremental, machine, &checker)
        if let quiet { try checkQuiet(quiet, mode: .incremental) }
        machine.erp.append(plan.appended)
        try phase(.incremental, machine, &checker)
        let ids = machine.erp.ids
        for _ in 0..<plan.touched { machine.erp.touch(ids[machine.draw(below: ids.count)]) }
        let full = try phase(.full, machine, &checker)
        if let full, plan.touched == 0 { try checkQuiet(full, mode: .full) }
        // What changed meanwhile is found by the next run over the whole list.
        while !checker.versions.isSettled { try phase(.full, machine, &checker) }
    }

    /// Runs until a whole pass is done and no record waits, and checks the store.
    ///
    /// - Returns: how it ended, when one invocation was enough and no fault disturbed it.
    @discardableResult
    private func phase(
        _ mode: RunMode, _ machine: VirtualMachine, _ checker: inout StoreChecker
    ) throws -> RunCompleted? {
        machine.rest(mostMs: plan.pauseMs)
        let wasSettled = checker.versions.isSettled
        if mode == .full || plan.incremental == .none {
            checker.versions.beginWholePass(machine.erp)
        }
        let before = try state(machine).lastPass
        let faultsBefore = faultCount(machine)
        var undisturbed = try reach(mode, after: before, machine)
        while true {
            let given = try givenUp(machine)
            if given.isEmpty { break }
            undisturbed = nil
            if try machine.retry(given) { _ = try reach(.detailsOnly, after: before, machine) }
        }
        if !wasSettled || faultCount(machine) != faultsBefore { undisturbed = nil }
        try machine.withLog { log in
            try beforeCheck?(Rest(log: log, erp: machine.erp, nowNs: machine.clock.nowNs))
            let violations = try checker.check(log, machine.erp, machine.wire)
            if !violations.isEmpty {
                throw SimulationFailure(seed: plan.seed, violations: violations)
            }
        }
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
        _ mode: RunMode, after before: UInt32, _ machine: VirtualMachine
    ) throws -> RunCompleted? {
        var next = mode
        for number in 1...Self.mostInvocations {
            let end = try machine.invoke(next, options(number, machine))
            let stream = try state(machine)
            let isListed = stream.lastPass > before && stream.pass == nil
            if isListed, stream.counts.waiting == 0 {
                guard case .finished(let completed) = end, number == 1 else { return nil }
                return completed
            }
            if case .finished(let completed) = end {
                wait(for: completed, machine)
            }
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

    /// Bounds of its own for the first invocations; later ones have none, so that it converges.
    private func options(_ number: Int, _ machine: VirtualMachine) -> RunOptions {
        var options = RunOptions()
        if number <= 10 { options.patienceMs = plan.patienceMs }
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
        if let resumeAt = completed.resumeAt, machine.draw(below: 4) > 0 {
            machine.pass(resumeAt.since(machine.clock.read().wall))
        } else {
            machine.rest(mostMs: plan.pauseMs)
        }
    }

    private func state(_ machine: VirtualMachine) throws -> StreamState {
        try machine.withLog { log in
            try log.snapshot().control().stream(named: VirtualMachine.streamName)
                ?? StreamState(id: VirtualMachine.stream, name: VirtualMachine.streamName)
        }
    }

    /// Records that were parked though the server has them: faults used up their attempts.
    private func givenUp(_ machine: VirtualMachine) throws -> [QueuedRecord] {
        try machine.withLog { log in
            var found: [QueuedRecord] = []
            let snapshot = try log.snapshot()
            let order = try snapshot.control().stream(named: VirtualMachine.streamName)?.idOrder
            try snapshot.forEachQueued(VirtualMachine.stream, order: order ?? .none) { row, _ in
                if let id = plan.number(of: row.id), !plan.isUnobtainable(id) {
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
        _ machine: VirtualMachine, _ checker: StoreChecker, since start: Int64
    ) -> Result {
        var coverage = machine.coverage
        coverage.add(machine.wire.coverage)
        coverage.add(checker.auditor.coverage)
        coverage.count(plan, machine.erp.arrivals.entries)
        return Result(
            head: checker.head, events: checker.auditor.position.rawValue,
            requests: machine.wire.arrivals.count, crashes: machine.crashCount,
            virtualNs: machine.clock.nowNs - start, coverage: coverage)
    }
}

/// A simulation that violated something: the seed says how to see it again.
package struct SimulationFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let seed: UInt64
    /// In the order in which they were found; never empty.
    package let violations: [SimulationViolation]

    package var description: String {
        let first = violations.first.map(\.description) ?? ""
        let more = violations.count > 1 ? " (and \(violations.count - 1) more)" : ""
        return "seed \(seed): \(first)\(more); replay: tools/simulate --seeds \(seed) --verbose"
    }
}
