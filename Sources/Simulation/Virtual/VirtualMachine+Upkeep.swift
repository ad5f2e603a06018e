internal import EventLog
internal import Glibc
internal import LMDB
internal import Projections
internal import SyncCore
internal import SyncEngine

/// What people do with the log's own files between two runs: old events are moved into the archive,
/// texts are taken out. Nobody can while a run goes on: it holds the store.
extension VirtualMachine {
    /// What of that is under way, and what it has done.
    struct Upkeep {
        /// A redaction that somebody wants, until a command has said that it is done.
        fileprivate(set) var redaction: RedactionWish?
        /// A compaction has begun, and none has ended since.
        fileprivate(set) var isCompactionOpen = false
        /// A compaction has ended beside the copy of a killed one that goes further.
        fileprivate(set) var hasLeftCopies = false
        /// How often either was begun.
        fileprivate(set) var begun = 0
        /// What must not come back.
        fileprivate(set) var gone = RedactedBytes()
        /// Processes that died, each under a number that no process has.
        fileprivate var dead: Int32 = 5_000_000
    }

    // MARK: Compaction

    /// Now and then moves the events before some point.
    func compact() throws {
        guard takes(\.compactions, outOf: 2) else { return }
        // As the command does, too: what a redaction has not cleaned is cleaned first.
        try finishRedaction()
        let end = try withLog { _, control in control.position }
        let first = Position(1 + UInt64(generator.below(Int(end.rawValue) + 1)))
        _ = try compact(before: first)
    }

    /// Moves the events before a position into the archive, as `log compact` does.
    ///
    /// - Returns: false when the process ended at it.
    func compact(before first: Position) throws -> Bool {
        try start()
        guard let log, let engine else { return false }
        let last = try log.snapshot().endOfCommit(before: first)
        let wasLeft = try log.unfinishedSegment(through: last) != nil
        let wasOpen = upkeep.isCompactionOpen
        upkeep.isCompactionOpen = true
        upkeep.begun += 1
        crashes.hasten()
        var stage = StoreCompaction.Stage.copying
        let compaction = StoreCompaction(held(log, engine), workers: 0) { next, _, _ in
            stage = next
        }
        guard
            let result = try attempt(stage.crash, { try compaction.run(before: first) })
        else { return false }
        stop()
        hasRecovered()
        if !result.moved.isEmpty { coverage.count(wasLeft ? .compactionFinished : .compacted) }
        let (archived, names) = try withLog { log, _ in
            (try log.snapshot().archivedThrough(), try log.archive.names())
        }
        // What a killed one copied beyond its end stays until one goes that far.
        upkeep.isCompactionOpen = wasOpen && names.contains { $0.last > archived }
        if upkeep.isCompactionOpen { upkeep.hasLeftCopies = true }
        guard archived >= last else {
            throw SimulationViolation(
                4,
                "a compaction has moved the events up to \(archived.rawValue), not those up to "
                    + "\(last.rawValue)")
        }
        return true
    }

    // MARK: Redaction

    /// Now and then takes the texts of a record, or of an event, out of the log; what a process
    /// that died has not done is done later.
    func redact() throws {
        if upkeep.redaction == nil {
            guard takes(\.redactions, outOf: 2), let target = try drawTarget() else { return }
            upkeep.redaction = RedactionWish(target)
        } else if generator.below(2) == 0 {
            return
        }
        try continueRedaction()
    }

    /// Whoever wants a text out asks until it is out.
    func finishRedaction() throws {
        while upkeep.redaction != nil { try continueRedaction() }
    }

    /// Takes the texts of the record in a row of the table out of the log.
    func redactRecord(_ row: RecordRow) throws {
        upkeep.redaction = RedactionWish(
            .record(RequestIntended.Asked(ordinal: row.ordinal, id: row.id)))
        try finishRedaction()
    }

    private func drawTarget() throws -> RedactionWish.Target? {
        let rows = try withLog { log, _ in
            var rows: [RecordRow] = []
            guard try log.snapshot().control().streams.first != nil else { return rows }
            try log.snapshot().forEachRow(Self.stream) { row in
                rows.append(row)
                return true
            }
            return rows
        }
        guard !rows.isEmpty else { return nil }
        let row = rows[generator.below(rows.count)]
        switch generator.below(6) {
        case 0: return .event(row.headerPosition)
        case 1 where row.detailPosition != .none: return .event(row.detailPosition)
        default: return .record(RequestIntended.Asked(ordinal: row.ordinal, id: row.id))
        }
    }

    /// As `log redact` does.
    private func continueRedaction() throws {
        try start()
        guard let log, let engine, var wish = upkeep.redaction else { return }
        guard let texts = try wish.texts(log) else {
            throw SimulationViolation(0, "an event that is in the log has no texts of any record")
        }
        try wish.bytes.take(texts, log)
        upkeep.redaction = wish
        upkeep.begun += 1
        crashes.hasten()
        let archived = try log.snapshot().archivedThrough()
        var stage = StoreRedaction.Stage.clearing
        let redaction = StoreRedaction(held(log, engine), projections: projections) { stage = $0 }
        let event = try attempt(stage.crash) {
            do {
                return try patiently { try redaction.run(texts, reason: "somebody asks for it") }
            } catch StoreRedaction.Failure.unclean(let unfinished, let errors) {
                // It went on with what comes next, which a dead process doesn't.
                let archive = LogArchive.folder(of: store)
                if errors.first.map({ "\($0)".contains(archive) }) ?? false { stage = .archive }
                throw StoreRedaction.Failure.unclean(unfinished, errors)
            }
        }
        guard let event else {
            upkeep.redaction?.isRepeated = true
            return
        }
        stop()
        hasRecovered()
        upkeep.redaction = nil
        guard texts.first == nil || event.position != nil else {
            throw SimulationViolation(4, "no event says that texts were taken out")
        }
        coverage.count(wish.isRepeated ? .redactionRepeated : .redactionDone)
        if texts.positions.contains(where: { $0 <= archived }) {
            coverage.count(.redactedInArchive)
        }
        let left = try withLog { log, _ in try wish.bytes.files(in: store, log) }
        guard left.isEmpty else {
            throw SimulationViolation(
                9, "a text that was redacted is still in \(left.joined(separator: ", "))")
        }
        upkeep.gone.add(wish.bytes)
    }

    /// What another thread is starting has the locks, too, until it becomes another program.
    private func patiently(_ body: () throws -> Position?) throws -> (position: Position?, Void) {
        for _ in 0..<1_000 {
            do {
                return (try body(), ())
            } catch StoreRedaction.Failure.projectionsInUse {
                usleep(1_000)
            }
        }
        throw SimulationViolation(5, "another process holds the projections, but there is none")
    }

    // MARK: The process

    private func held(_ log: EventLog, _ engine: Engine) -> HeldStore {
        HeldStore(
            log: log, engine: engine, apiIdentity: apiIdentity, stream: Self.streamName,
            requester: Self.requester
        ) { [unowned self] inputs in
            stepCount += 1
            steppedNs = clock.nowNs
            steppedWall = clock.read().wall
            try judgeWaits(engine, engine.process(inputs))
        }
    }

    /// Does what changes the log's files.
    ///
    /// - Returns: nil when the process died in it, or ended with the error of a call that failed.
    private func attempt<Result>(
        _ kind: @autoclosure () -> SimulationCoverage.Kind, _ body: () throws -> Result
    ) throws -> Result? {
        guard let failure = drawDiskError(outOf: 2) else { return try survive(kind(), body) }
        disk?.arm(failure)
        let result = Swift.Result { try body() }
        guard disk?.disarm().isStruck ?? false else { return try result.get() }
        coverage.count(.upkeepFailed)
        if case .failure(let error) = result, !Self.isOfDisk(error) {
            throw SimulationViolation(0, "a call that fails is told as: \(error)")
        }
        // What could not be removed is left to the next one.
        end()
        return nil
    }

    private static func isOfDisk(_ error: any Error) -> Bool {
        switch error {
        case is LMDBError, EventLogError.storage, EngineError.log(.storage),
            ProjectionError.storage, ProjectionError.system:
            true
        case StoreRedaction.Failure.notCleanable(let errors),
            StoreRedaction.Failure.unclean(_, let errors):
            errors.allSatisfy { if case .storage = $0 { true } else { false } }
        default: false
        }
    }

    /// What the process that died was making carries its number: here that of the one that goes on.
    func disownUnfinished() throws {
        let own = ".new-\(getpid())"
        for folder in [store, LogArchive.folder(of: store)] {
            for name in FileSystem.names(in: folder) ?? [] where name.hasSuffix(own) {
                upkeep.dead += 1
                let other = "\(name.dropLast(own.count)).new-\(upkeep.dead)"
                disk?.arm(.never)
                let status = rename("\(folder)/\(name)", "\(folder)/\(other)")
                _ = disk?.disarm()
                guard status == 0 else {
                    throw SimulationViolation(0, "\(folder)/\(name) can't be renamed")
                }
                coverage.count(.foundUnfinished)
            }
        }
    }
}

extension SimulationCoverage.Kind {
    /// What it is when power is lost at this point, and with it what was not synced.
    var loss: SimulationCoverage.Kind? {
        switch self {
        case .crashInCopying, .crashInPublishing, .crashInRemoving, .crashInReplacing:
            .powerLostInCompaction
        case .crashInClearing, .crashInRedacting, .crashInArchive, .crashInCleaning:
            .powerLostInRedaction
        default: nil
        }
    }
}

extension StoreCompaction.Stage {
    fileprivate var crash: SimulationCoverage.Kind {
        switch self {
        case .copying: .crashInCopying
        case .checking: .crashInPublishing
        case .removing: .crashInRemoving
        case .replacing: .crashInReplacing
        }
    }
}

extension StoreRedaction.Stage {
    fileprivate var crash: SimulationCoverage.Kind {
        switch self {
        case .clearing: .crashInClearing
        case .appending: .crashInRedacting
        case .archive: .crashInArchive
        case .replacing: .crashInCleaning
        }
    }
}
