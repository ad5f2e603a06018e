internal import EventLog
internal import SyncCore

/// One sync of a plan, crashed at given points and resumed until it is done.
///
/// What the store holds at the end is summed up in a digest: it must not depend on the crashes.
package struct CrashRun {
    private let plan: SimulationPlan
    private let disk: DiskFaults?
    /// Told of each durable event, a line each, after the invocation that it is of.
    package var observer: ((String) -> Void)?
    private static let mostInvocations = 20

    package init(_ plan: SimulationPlan, disk: DiskFaults?) {
        self.plan = plan
        self.disk = disk
    }

    /// - Parameter points: ascending from 1; more than there are in the sync are never reached.
    package func run(crashingAt points: [Int]) throws(SimulationFailure) -> Simulator.Result {
        try SimulationFailure.catching(plan) {
            let folder = try ScratchFolder("crashes")
            let machine = try VirtualMachine(
                plan, store: try folder.make("store"), disk: disk,
                crashes: CrashSchedule(at: points))
            var checker = try StoreChecker(
                plan, folder, store: machine.store, projections: machine.projections)
            let start = machine.clock.nowNs
            try reachEnd(machine)
            let violations = try machine.withLog { log, _ in
                try checker.check(
                    log, machine.erp, machine.wire, acknowledged: machine.history,
                    damages: machine.projectionDamages, upkeep: machine.upkeep, isLast: true)
            }
            if !violations.isEmpty { throw SimulationFailure(plan, violations) }
            let digest = try machine.withLog { log, _ in try checker.digest(log) }
            var coverage = machine.coverage
            coverage.add(machine.wire.coverage)
            coverage.add(checker.auditor.coverage)
            return Simulator.Result(
                head: checker.head, events: checker.auditor.position.rawValue,
                requests: machine.wire.arrivals.count, crashes: machine.crashes.crashes,
                virtualNs: machine.clock.nowNs - start, digest: digest,
                points: machine.crashes.passed, recovery: machine.recovery ?? 0..<0,
                coverage: coverage)
        }
    }

    private func reachEnd(_ machine: VirtualMachine) throws {
        var outcomes = OutcomeChecker(plan)
        var mode = RunMode.incremental
        for _ in 0..<Self.mostInvocations {
            let first = machine.history.count
            defer { for event in machine.history[first...] { observer?(event.line) } }
            let invocation = try machine.invoke(mode, RunOptions())
            var violations = Violations()
            outcomes.check(
                invocation, records: machine.erp.ids.count, since: .none, &violations)
            if !violations.found.isEmpty { throw SimulationFailure(plan, violations.found) }
            // Where the crash came before anything was durable, there is nothing to go on with.
            guard let stream = invocation.after.streams.first, stream.lastPass > 0 else { continue }
            if stream.pass == nil, stream.counts.waiting == 0 {
                try followToEnd(machine)
                return try keepUp(machine)
            }
            mode = .resume
        }
        throw SimulationViolation(
            0, "the run does not converge: \(Self.mostInvocations) invocations were not enough")
    }
}

extension CrashRun {
    /// Whoever asks for the projection next catches it up; it may have to crash at that, too.
    private func followToEnd(_ machine: VirtualMachine) throws {
        while true {
            try machine.start()
            let isAlive = try machine.follow()
            if isAlive { return machine.stop() }
        }
    }

    /// Moves parts of the log into the archive, one after the other, and takes the texts of some
    /// records out in between; whatever dies at it is done again.
    private func keepUp(_ machine: VirtualMachine) throws {
        let ends = max(plan.compactions, plan.redactions)
        for number in 0..<ends {
            if number < plan.compactions {
                let end = try machine.withLog { _, control in control.position.rawValue }
                let first = Position(end * UInt64(number + 1) / UInt64(ends))
                while try !machine.compact(before: first) {}
            }
            guard number < plan.redactions else { continue }
            let rows = try machine.withLog { log, _ in
                var rows: [RecordRow] = []
                try log.snapshot().forEachRow(VirtualMachine.stream) { row in
                    rows.append(row)
                    return true
                }
                return rows
            }
            // The first ones are in the archive, the last ones in the log.
            if !rows.isEmpty { try machine.redactRecord(rows[rows.count * number / ends]) }
        }
    }
}

extension StoreChecker {
    /// What is known of the stream, the records, their state and both texts, in the order in which
    /// they were first seen: not when, and not at which positions.
    func digest(_ log: EventLog) throws -> UInt64 {
        var digest = Digest()
        let snapshot = try log.snapshot()
        for stream in try snapshot.control().streams {
            digest.add("\(stream.name) \(stream.id) \(stream.nextOrdinal)".utf8)
            digest.add("\(stream.counts) \(stream.generation) \(stream.lastPass)".utf8)
            let mark = stream.highWaterMark?.text ?? "-"
            digest.add("\(mark) \(stream.idOrder.map { "\($0)" } ?? "-")".utf8)
            digest.add("\(stream.lastTotal ?? 0) \(stream.pass == nil)".utf8)
            digest.add("\(stream.highWaterPinned.count) \(stream.unfinished == nil)".utf8)
        }
        try snapshot.forEachRow(VirtualMachine.stream) { row throws(EventLogError) in
            digest.add(row.id.text.utf8)
            digest.add("\(row.state.name) \(row.attempts) \(row.error?.code ?? "-")".utf8)
            digest.add("\(row.generation)".utf8)
            for position in [row.headerPosition, row.detailPosition] {
                digest.add(try snapshot.body(of: row.ordinal, at: position) ?? [])
            }
            return true
        }
        return digest.value
    }
}

/// FNV-1a over parts, each with its length.
private struct Digest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Collection<UInt8>) {
        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { for byte in $0 { add(byte) } }
        for byte in bytes { add(byte) }
    }

    private mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}

extension Simulator.Result {
    /// In what a run with crashes ended otherwise than it may, seen from the one without.
    ///
    /// - Parameter inFlight: so many requests a crash may have to be asked again.
    package func difference(from whole: Simulator.Result, inFlight: Int) -> String? {
        if digest != whole.digest { return "the records differ from those of the whole run" }
        let most = whole.requests + crashes * inFlight
        if requests > most {
            return "\(requests) requests were made, more than \(whole.requests) and \(inFlight) a "
                + "crash"
        }
        return nil
    }
}
