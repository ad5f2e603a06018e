internal import EventLog
internal import LMDB
internal import Projections
internal import SyncCore

/// Compares a store that is at rest with the server, with itself, and with its own past.
///
/// Each check goes on where the one before stopped; the last one also does everything anew that
/// can be done anew. Of the design's invariants it checks 1 (`checkRecords`, `checkProjection`),
/// 2 and 3 (`checkArrivals`, `LogAuditor`, `LimitAuditor`), 4 (`checkPast`, `verify`), 5
/// (`ScratchFold`, `RowAuditor`, `checkProjection`, `compare`), 6 (`ScratchFold.take`,
/// `CauseAuditor`), 7 (`LogAuditor`), 8 (`checkRecords`,
/// `LogAuditor`, `AttemptAuditor`) and 9 (`SecretSearch`). How runs end is judged by
/// `OutcomeChecker`, their pace by `PaceChecker`, each wait by `WaitAuditor` (10) with its
/// `CooldownAuditor`, `FailureAuditor` and `LessonAuditor`, what alerts say and who is told of them
/// by `AlertAuditor`.
struct StoreChecker {
    /// A place in the log, and what its chain's head was there.
    private struct Mark {
        let position: Position
        let head: [UInt8]
    }

    /// One in so many seeds makes the projection anew at its end.
    private static let rebuiltSeeds: UInt64 = 4

    let plan: SimulationPlan
    private let folder: ScratchFolder
    private let store: String
    private let projections: String
    private var marks: [Mark] = []
    /// Arrivals that were compared with the log.
    private var arrivals = 0
    private var arrived: Set<Position> = []
    /// How often the projection's files had been damaged by the last check.
    private var damages = 0
    private let scratch: ScratchFold
    var texts = RecordTexts()
    var expected: ExpectedRecords
    /// Which versions of the records the store may hold.
    var versions = VersionOracle()
    private(set) var auditor: LogAuditor
    private var history = HistoryChecker()
    /// All that was appended, where what the log has may change or move.
    private var account = EventAccount()
    /// How often that had been done by the last check.
    private var upkeep = 0

    /// - Parameters:
    ///   - store: the store's folder.
    ///   - projections: that of its projections.
    init(
        _ plan: SimulationPlan, _ folder: ScratchFolder, store: String, projections: String
    ) throws {
        self.plan = plan
        self.folder = folder
        self.store = store
        self.projections = projections
        scratch = try ScratchFold(folder: try folder.make("scratch"))
        expected = try ExpectedRecords()
        auditor = LogAuditor(plan)
    }

    /// The head of the chain at the last check, in hexadecimal.
    var head: String {
        marks.last.map { mark in mark.head.withUnsafeBytes { hexadecimal($0) } } ?? ""
    }

    /// Checks all that came since the last check and, with `isLast`, what needs the whole log.
    ///
    /// - Parameters:
    ///   - acknowledged: the events that the engine said are durable since the last check.
    ///   - damages: how often the projection's files were damaged so far.
    ///   - upkeep: what was done with the log's files so far.
    mutating func check(
        _ log: EventLog, _ erp: SimulatedERP, _ wire: VirtualWire,
        acknowledged: [LoggedEvent], damages: Int, upkeep: VirtualMachine.Upkeep, isLast: Bool
    ) throws -> [SimulationViolation] {
        var violations = Violations()
        versions.take(erp)
        let events: [LoggedEvent]
        do throws(EventLogError) {
            events = try newEvents(log)
            // What was said to be durable is what is there, and nothing else is.
            let expected =
                plan.hasUpkeep ? account.take(acknowledged) : acknowledged[...]
            violations.expect(
                events[...] == expected, 4, "the log has other events than those acknowledged")
            audit(events, erp, &violations)
            try checkPast(log, &violations)
            if isLast { try verify(log, &violations) }
            guard violations.found.isEmpty else { return violations.found }
            for event in events {
                texts.take(event)
                history.take(event)
            }
            if isLast, plan.hasToken {
                SecretSearch(SimulationPlan.token).search(folder: store, &violations)
            }
        } catch {
            violations.note(4, "the log can't be read: \(error)")
            return violations.found
        }
        do {
            if plan.hasUpkeep { try check(upkeep, log, isLast: isLast, &violations) }
            let isDamaged = damages > self.damages
            self.damages = damages
            try compare(
                log, erp, wire, isDamaged: isDamaged, isLast: isLast, &violations)
        } catch {
            violations.note(0, "\(error)")
        }
        return violations.found
    }

    private mutating func compare(
        _ log: EventLog, _ erp: SimulatedERP, _ wire: VirtualWire, isDamaged: Bool, isLast: Bool,
        _ violations: inout Violations
    ) throws {
        checkArrivals(erp, wire, &violations)
        try scratch.take(log, &violations)
        try scratch.compare(with: log, &violations)
        let rows = try rows(log)
        let matches = try checkRecords(log, rows, erp, readsTexts: isLast, &violations)
        let projection = RecordProjection(
            name: VirtualMachine.streamName, mapping: expected.mapping)
        let followed = try RecordProjector(projection, folder: projections, log: log)
        if isDamaged { try Self.readOrRebuild(followed) }
        try checkProjection(followed, rows, matches, &violations)
        try checkHistory(log, &violations)
        // What the server's texts say was compared above; the other way to make it is the same code
        // for every seed.
        if isLast, plan.seed % Self.rebuiltSeeds == 0 {
            let rebuilt = try RecordProjector(
                projection, folder: try folder.make("rebuilt-\(marks.count)"), log: log)
            try Self.compare(followed, with: rebuilt, &violations)
        }
    }

    /// Invariant 5: the index over the log says what the events say.
    private mutating func checkHistory(_ log: EventLog, _ violations: inout Violations) throws {
        let index = try HistoryProjector(.simulated, folder: projections, log: log)
        do {
            try history.compare(index, scratch.control, &violations)
        } catch ProjectionError.damaged where damages > 0 {
            // What was spoiled is met only when it is looked up.
            try index.rebuild()
            try history.compare(index, scratch.control, &violations)
        }
    }

    /// Invariant 4: what was moved or redacted is as it has to be, and nothing else has changed.
    private mutating func check(
        _ upkeep: VirtualMachine.Upkeep, _ log: EventLog, isLast: Bool,
        _ violations: inout Violations
    ) throws {
        try ArchiveChecker.check(
            log, store: store, isOpen: upkeep.isCompactionOpen,
            mayOverlap: upkeep.hasLeftCopies, &violations)
        if upkeep.begun > self.upkeep || isLast { try account.compare(with: log, &violations) }
        self.upkeep = upkeep.begun
        guard isLast else { return }
        for file in try upkeep.gone.files(in: store, log) {
            violations.note(9, "a text that was redacted is in \(file) again")
        }
    }

    private func newEvents(_ log: EventLog) throws(EventLogError) -> [LoggedEvent] {
        var events: [LoggedEvent] = []
        try log.snapshot().forEachEvent(after: auditor.position) { event in
            events.append(event)
            return true
        }
        return events
    }

    private mutating func audit(
        _ events: [LoggedEvent], _ erp: SimulatedERP, _ violations: inout Violations
    ) {
        auditor.serverHolds(erp.ids)
        for event in events { auditor.take(event, &violations) }
        // Without a token of its own, nothing is said of one.
        guard plan.hasToken else { return }
        let secrets = SecretSearch(SimulationPlan.token)
        for event in events { secrets.search(event, &violations) }
    }

    /// Invariant 4: the log extends what it was.
    private mutating func checkPast(
        _ log: EventLog, _ violations: inout Violations
    ) throws(EventLogError) {
        let tail = try log.snapshot().tail()
        do throws(LMDBError) {
            let transaction = try log.environment.beginRead()
            let commits = try transaction.database("commits")
            for mark in marks {
                let key = withUnsafeBytes(of: mark.position.rawValue.bigEndian) { Array($0) }
                let link = try transaction.value(commits, key)
                violations.expect(
                    link.map { Array($0.prefix(32)) } == mark.head, 4,
                    "the head of the chain at \(mark.position.rawValue) is another one")
            }
        } catch {
            throw .storage(error)
        }
        marks.append(Mark(position: tail.position, head: tail.head))
    }

    /// Invariant 4: the whole log is dense and chained, as `log verify` finds it.
    private func verify(
        _ log: EventLog, _ violations: inout Violations
    ) throws(EventLogError) {
        let report = try LogVerifier(log).run()
        for problem in report.problems {
            let place = problem.position.map { "position \($0.rawValue): " } ?? ""
            violations.note(4, "log verify: \(place)\(problem.text)")
        }
        violations.expect(
            report.position == marks.last?.position && report.head == marks.last?.head, 4,
            "log verify ends at \(report.position.rawValue), with another head than the log's")
    }

    /// Invariants 2 and 3, by what the server saw.
    private mutating func checkArrivals(
        _ erp: SimulatedERP, _ wire: VirtualWire, _ violations: inout Violations
    ) {
        let entries = erp.arrivals
        for window in plan.limits.windows {
            let most = entries.maximumArrivals(inWindowNs: window.periodNs)
            violations.expect(
                most <= window.requests, 3,
                "the server saw \(most) requests in a window of \(window.periodNs) ns, which "
                    + "admits \(window.requests)")
        }
        auditor.limits.check(
            zip(entries.entries, wire.arrivals).map { ($0.timeNs, $1.intent) }, &violations)
        violations.expect(
            entries.entries.count == wire.arrivals.count, 2,
            "the server saw \(entries.entries.count) requests, but \(wire.arrivals.count) were "
                + "sent")
        let new = zip(entries.entries.dropFirst(arrivals), wire.arrivals.dropFirst(arrivals))
        for (arrival, sent) in new {
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
        arrivals = wire.arrivals.count
    }
}

extension SimulationPlan {
    var hasUpkeep: Bool { compactions + redactions > 0 }

    /// Whether the server never gives the details of this record.
    func isUnobtainable(_ id: Int64) -> Bool {
        faults.poisonIDs.contains(id) || faults.missingIDs.contains(id)
            || crashingIDs.contains(id)
    }

    /// Whether its details come all the same to a client that slept through its own timeout.
    func mayComeLate(_ id: Int64) -> Bool {
        suspends > 0 && faults.poison(id, seed: seed) == .stalled
    }
}
