import ArgumentParser
import EventLog
import LMDB
import Projections
import SyncCore
import SyncEngine

extension LogCommand {
    struct Compact: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move old events into a segment of the archive.",
            discussion: """
                Events before POINT are copied to STORE/archive/FIRST-LAST, read back and checked, \
                then taken out of the log, whose file becomes smaller. Everything still reads them \
                there: `log`, `show`, `why`, `replay`, rebuilds, `log verify`, `backup`. Without a \
                segment a sync goes on all the same, and so do `status`, `export` and `runs`; what \
                needs its events says so. Nothing but `log redact` changes a segment: of an old \
                copy that is put back, redact again.

                A kill at any moment, or Ctrl-C, loses nothing: run it again.

                Example: ossync log compact --before now-90d
                """)

        @Option(
            help: ArgumentHelp(
                "Events before it: a position (@4711), a time, a run (r4711) or now-90d.",
                valueName: "point"))
        var before: String

        @Flag(help: "Only tell what would be moved.")
        var dryRun = false

        @OptionGroup var global: GlobalOptions

        func validate() throws { try CommandFailure.whileParsing { _ = try Point(before) } }

        func run() throws {
            let session = try Session(global)
            // The log is open for reading only until it is opened for writing.
            let first = try plan(session)
            guard let first,
                let store = try EngineSession(session, activity: "log compact", creates: false)
            else { return }
            try StoreCompaction(store: store).run(before: first)
        }

        /// - Returns: the first event that stays; nil when telling is all that was asked for.
        private func plan(_ session: Session) throws -> Position? {
            let log = try session.openLog()
            let first = try first(session, log)
            guard dryRun else { return first }
            try CompactionPlan(log, before: first).tell(session.output, isDry: true)
            return nil
        }

        private func first(_ session: Session, _ log: EventLog) throws -> Position {
            let point = try Point(before)
            do {
                return try session.readHistory(log) { try point.first(in: $0) }
            } catch let error as ProjectionError {
                // The index is of the whole log; to move what the log has itself, that is enough.
                guard case .log(.archiveMissing) = error else { throw error }
                return try point.first(inLogOf: log.snapshot())
            }
        }
    }
}

extension Point {
    /// The first event from there on of those that aren't in the archive.
    fileprivate func first(inLogOf snapshot: borrowing LogSnapshot) throws -> Position {
        let archived = try snapshot.archivedThrough()
        switch self {
        case .position(let position): return max(position, Position(1))
        case .run(let run):
            guard run > archived else { return archived.next }
            guard case .runRequested? = try snapshot.event(at: run, bodies: .none)?.event else {
                throw Self.missing(run: run)
            }
            return run
        case .time(let time):
            guard try snapshot.tail().position > archived else { return archived.next }
            var last = archived
            try snapshot.forEachEntryBackwards(before: Position(.max)) { entry in
                let isBefore = entry.header.time < time
                if isBefore { last = entry.position }
                return !isBefore && entry.position > archived.next
            }
            return last.next
        }
    }
}

/// What a compaction moves.
private struct CompactionPlan {
    /// Nil where there is nothing to move.
    let name: ArchiveName?
    let bytes: UInt64
    /// The last event that is in the archive already.
    let archived: Position

    init(_ log: EventLog, before first: Position) throws {
        let snapshot = try log.snapshot()
        archived = try snapshot.archivedThrough()
        let last = try snapshot.endOfCommit(before: first)
        name = last > archived ? ArchiveName(first: archived.next, last: last) : nil
        bytes = try name.map { try snapshot.storedBytes($0.first...$0.last) } ?? 0
    }

    func tell(_ output: Output, isDry: Bool) {
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("dryRun", .literal(String(isDry))), ("archive", .optional(name?.text)),
                    ("events", .number(name?.count ?? 0)), ("bytes", .number(bytes)),
                ]).line)
        } else if let name {
            output.line(
                "events \(name.first.rawValue.grouped) to \(name.last.rawValue.grouped) would be "
                    + "moved to archive/\(name.text): \(bytes.grouped) bytes")
        } else {
            output.line("nothing to move")
        }
    }
}

extension ArchiveName {
    var count: UInt64 { last.rawValue - first.rawValue + 1 }
}

/// Moves events of a store that is held.
private struct StoreCompaction {
    let store: EngineSession

    private var log: EventLog { store.log }
    private var output: Output { store.session.output }

    func run(before first: Position) throws {
        Interruption.begin()
        let before = (bytes: try log.usedBytes(), archived: try log.snapshot().archivedThrough())
        var moved = try finish(through: log.snapshot().endOfCommit(before: first))
        let plan = try CompactionPlan(log, before: first)
        if let name = plan.name {
            try copy(name)
            try moveOut(name, isSaid: false)
            moved.append(name)
        }
        // Also where an earlier one was ended before it came to that.
        guard try !moved.isEmpty || log.isMostlyFree() else {
            plan.tell(output, isDry: false)
            return
        }
        let isReplaced = try replace()
        // One file can't be open here in two ways.
        let now = try isReplaced ? EventLog.open(store: store.session.folder.path, .read) : log
        try CompactionReport(
            moved: moved,
            events: now.snapshot().archivedThrough().rawValue
                - before.archived.rawValue, bytesBefore: before.bytes, isReplaced: isReplaced
        ).tell(now, output)
    }

    private func replace() throws -> Bool {
        do throws(EventLogError) {
            try log.replaceByCompacted { Interruption.isAsked }
            return true
        } catch {
            try Interruption.check("the events are in the archive, the log's file keeps its size")
            guard error.isRefusedReplacement else { throw error }
            output.note(
                "the log's file keeps its size, its free pages are used again: \(error)"
                    .withoutControls)
            return false
        }
    }

    /// Goes on with what a killed compaction has copied.
    ///
    /// - Parameter last: so far events are to be moved.
    private func finish(through last: Position) throws -> [ArchiveName] {
        var moved: [ArchiveName] = []
        while true {
            guard let (found, isSaid) = try log.unfinishedSegment(through: last) else {
                return moved
            }
            let checking = FoldProgress(output, "checking")
            try log.check(found, workers: Processors.others) { position in
                checking.tell(position, found.last)
                try Interruption.check()
            }
            checking.end()
            try moveOut(found, isSaid: isSaid)
            moved.append(found)
        }
    }

    private func copy(_ name: ArchiveName) throws {
        var compaction = try LogCompaction(log, through: name.last)
        do {
            let copying = FoldProgress(output, "copying")
            while try compaction.copy() {
                copying.tell(compaction.position, name.last)
                try Interruption.check()
            }
            copying.end()
            let checking = FoldProgress(output, "checking")
            try compaction.check(workers: Processors.others) { position in
                checking.tell(position, name.last)
                try Interruption.check()
            }
            checking.end()
        } catch {
            compaction.discard()
            throw error
        }
        try compaction.publish()
    }

    /// Says so in the log, then takes the events out of it.
    ///
    /// - Parameter isSaid: the log says so already.
    private func moveOut(_ name: ArchiveName, isSaid: Bool) throws {
        if !isSaid { try note(name) }
        CompactionFollowers(session: store.session, log: log, last: name.last).catchUp()
        let progress = FoldProgress(output, "removing")
        try log.removeArchived(through: name.last) {
            progress.tell($0, name.last)
            try Interruption.check(
                "the log keeps what is after position \($0.rawValue); run it again to go on")
        }
        progress.end()
    }

    private func note(_ name: ArchiveName) throws {
        let head = try log.snapshot().head(at: name.last) ?? []
        _ = try store.engine.process(
            store.engine.startInputs(
                apiIdentity: store.apiIdentity,
                stream: store.session.stream(in: store.engine.control).name))
        _ = try store.engine.process([
            .fact(
                .logCompacted(
                    LogCompacted(
                        last: name.last, head: head, archive: name.text,
                        requester: store.session.requester)), stream: .none)
        ])
    }
}
