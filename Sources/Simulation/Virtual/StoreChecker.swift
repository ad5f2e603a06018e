internal import EventLog
internal import LMDB
internal import Projections
internal import Records
internal import SyncCore

/// Compares a store that is at rest with the server, with itself, and with its own past.
struct StoreChecker {
    /// A place in the log, and what its chain's head was there.
    private struct Mark {
        let position: Position
        let head: [UInt8]
    }

    private let plan: SimulationPlan
    private let folder: ScratchFolder
    private var marks: [Mark] = []
    private var checks = 0
    private(set) var auditor: LogAuditor
    /// Which versions of the records the store may hold.
    var versions = VersionOracle()

    init(_ plan: SimulationPlan, _ folder: ScratchFolder) {
        self.plan = plan
        self.folder = folder
        auditor = LogAuditor(plan)
    }

    /// The head of the chain at the last check, in hexadecimal.
    var head: String {
        marks.last.map { mark in mark.head.withUnsafeBytes { hexadecimal($0) } } ?? ""
    }

    /// Runs every check.
    mutating func check(
        _ log: EventLog, _ erp: SimulatedERP, _ wire: VirtualWire
    ) throws -> [SimulationViolation] {
        checks += 1
        versions.take(erp)
        var violations = Violations()
        try checkLog(log, &violations)
        guard violations.found.isEmpty else { return violations.found }
        try audit(log, erp, &violations)
        checkArrivals(erp, wire, &violations)
        let scratch = try folder.make("scratch-\(checks)")
        defer { ScratchFolder.remove(scratch) }
        try ScratchFold(log: log, folder: scratch).compare(&violations)
        let cents = try checkRecords(log, erp, &violations)
        try checkProjection(log, scratch, cents: cents, &violations)
        return violations.found
    }

    /// Invariant 4: the log verifies, and extends what it was.
    private mutating func checkLog(
        _ log: EventLog, _ violations: inout Violations
    ) throws {
        let report = try LogVerifier(log).run()
        for problem in report.problems {
            let place = problem.position.map { "position \($0.rawValue): " } ?? ""
            violations.note(4, "log verify: \(place)\(problem.text)")
        }
        let transaction = try log.environment.beginRead()
        let commits = try transaction.database("commits")
        for mark in marks {
            let key = withUnsafeBytes(of: mark.position.rawValue.bigEndian) { Array($0) }
            let link = try transaction.value(commits, key)
            violations.expect(
                link.map { Array($0.prefix(32)) } == mark.head, 4,
                "the head of the chain at \(mark.position.rawValue) is another one")
        }
        marks.append(Mark(position: report.position, head: report.head))
    }

    private mutating func audit(
        _ log: EventLog, _ erp: SimulatedERP, _ violations: inout Violations
    ) throws {
        var auditor = auditor
        auditor.serverHolds(erp.ids)
        try log.snapshot().forEachEvent(after: auditor.position, bodies: .none) { event in
            auditor.take(event, &violations)
            return true
        }
        self.auditor = auditor
    }

    /// Invariants 2 and 3, by what the server saw.
    private func checkArrivals(
        _ erp: SimulatedERP, _ wire: VirtualWire, _ violations: inout Violations
    ) {
        let arrivals = erp.arrivals
        for window in plan.limits.windows {
            let most = arrivals.maximumArrivals(inWindowNs: window.periodNs)
            violations.expect(
                most <= window.requests, 3,
                "the server saw \(most) requests in a window of \(window.periodNs) ns, which "
                    + "admits \(window.requests)")
        }
        violations.expect(
            arrivals.entries.count == wire.arrivals.count, 2,
            "the server saw \(arrivals.entries.count) requests, but \(wire.arrivals.count) were "
                + "sent")
        var arrived: Set<Position> = []
        for (arrival, sent) in zip(arrivals.entries, wire.arrivals) {
            let at = sent.intent.rawValue
            violations.expect(
                arrived.insert(sent.intent).inserted, 2, "the request of intent \(at) came twice")
            let intent = auditor.intents[sent.intent].map { RequestIntended(target: $0) }
            violations.expect(
                intent?.request(intent: sent.intent).kind == sent.kind, 2,
                "the server saw a request of intent \(at) that the log doesn't have")
            guard case .detail(let ids) = sent.kind else { continue }
            violations.expect(
                arrival.target == .details(ids.compactMap { plan.number(of: $0) }), 2,
                "the server was asked for other records than intent \(at) names")
        }
    }

    /// Invariant 1: the records are the server's, byte for byte.
    ///
    /// - Returns: the expenses of the details, in hundredths.
    private func checkRecords(
        _ log: EventLog, _ erp: SimulatedERP, _ violations: inout Violations
    ) throws -> Int64 {
        var cents: Int64 = 0
        let snapshot = try log.snapshot()
        let ids = erp.ids
        let counts = try snapshot.control().streams.first?.counts
        violations.expect(
            counts?.total == UInt64(ids.count), 1,
            "the store has \(counts?.total ?? 0) records, the server \(ids.count)")
        for id in ids {
            guard let row = try snapshot.row(VirtualMachine.stream, plan.id(id)) else {
                violations.note(1, "record \(id) is not in the store")
                continue
            }
            let header = try snapshot.body(of: row.ordinal, at: row.headerPosition)
            let detail = try snapshot.body(of: row.ordinal, at: row.detailPosition)
            let match = versions.match(id, header: header, detail: detail, erp)
            violations.expect(match.header != nil, 1, "the header of record \(id) differs")
            if plan.isUnobtainable(id) {
                violations.expect(
                    row.state == .parked, 8, "record \(id) can't be had, but is \(row.state.name)")
                continue
            }
            violations.expect(row.detailsSynced, 1, "record \(id) is \(row.state.name)")
            violations.expect(match.detail != nil, 1, "the detail of record \(id) differs")
            if let headerVersion = match.header, let detailVersion = match.detail {
                violations.expect(
                    headerVersion <= detailVersion, 1, "the detail of record \(id) is too old")
            }
            cents += match.expenseCents
        }
        return cents
    }

    /// Invariant 5: the projection that followed the log is the one that is made from scratch, and
    /// its sum is the server's.
    private func checkProjection(
        _ log: EventLog, _ scratch: String, cents: Int64, _ violations: inout Violations
    ) throws {
        let projection = RecordProjection(
            name: VirtualMachine.streamName, mapping: try SimulationPlan.mapping())
        let followed = try Self.rows(
            try Projector(projection, folder: "\(folder.path)/projections", log: log))
        let rebuilt = try Self.rows(
            try Projector(projection, folder: "\(scratch)/projections", log: log))
        violations.expect(
            followed.rows == rebuilt.rows, 5, "the projection is not the one made from scratch")
        violations.expect(
            followed.sum == rebuilt.sum && followed.count == rebuilt.count, 5,
            "the sum \(followed.sum) of \(followed.count) is not the rebuilt one, "
                + "\(rebuilt.sum) of \(rebuilt.count)")
        let snapshot = try log.snapshot()
        for view in followed.rows {
            violations.expect(
                try snapshot.row(VirtualMachine.stream, view.core.ordinal) == view.core, 5,
                "the projection's row of \(view.core.id) is not the core row")
        }
        violations.expect(
            followed.sum == Self.decimal(cents: cents), 1,
            "the expenses are \(followed.sum), but the server's \(Self.decimal(cents: cents))")
    }

    private static func rows(
        _ projector: Projector
    ) throws -> (rows: [RecordView], sum: String, count: UInt64) {
        try projector.read { reader in
            var rows: [RecordView] = []
            try reader.forEachRow { row in
                rows.append(row)
                return true
            }
            let total = reader.total
            return (rows, total?.sum ?? "", total?.records ?? 0)
        }
    }

    private static func decimal(cents: Int64) -> String {
        guard cents != 0 else { return "0" }
        let fraction = cents % 100
        return "\(cents / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}

extension SimulationPlan {
    /// Whether the server never gives the details of this record.
    func isUnobtainable(_ id: Int64) -> Bool {
        faults.poisonIDs.contains(id) || faults.missingIDs.contains(id)
    }
}
