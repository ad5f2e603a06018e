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
            guard let first else { return }
            try finishRedaction(session)
            guard
                let store = try EngineSession(session, activity: "log compact", creates: false)
            else { return }
            try CompactionRun(store: store).run(before: first)
        }

        /// Cleans what a redaction that was cut short has not: what it says stays in the log itself
        /// until then, and its file is replaced by it.
        private func finishRedaction(_ session: Session) throws {
            guard let text = try session.openLog().snapshot().unfinishedRedactionText(),
                let store = try EngineSession(session, activity: "log compact", creates: false)
            else { return }
            _ = try store.redaction().finish()
            session.output.note("\(text): done".withoutControls)
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

    init(_ log: EventLog, before first: Position) throws {
        let snapshot = try log.snapshot()
        name = try snapshot.movable(before: first)
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

/// Moves events of a store that is held, and tells what it does.
private struct CompactionRun {
    let store: EngineSession

    private var log: EventLog { store.log }
    private var output: Output { store.session.output }

    func run(before first: Position) throws {
        Interruption.begin()
        let before = (bytes: try log.usedBytes(), archived: try log.snapshot().archivedThrough())
        let result = try compact(before: first)
        if let error = result.replaceError {
            try Interruption.check("the events are in the archive, the log's file keeps its size")
            output.note(
                "the log's file keeps its size, its free pages are used again: \(error)"
                    .withoutControls)
        }
        guard !result.moved.isEmpty || result.isReplaced || result.replaceError != nil else {
            return try CompactionPlan(log, before: first).tell(output, isDry: false)
        }
        // One file can't be open here in two ways.
        let now =
            result.isReplaced ? try EventLog.open(store: store.session.folder.path, .read) : log
        try CompactionReport(
            moved: result.moved,
            events: now.snapshot().archivedThrough().rawValue - before.archived.rawValue,
            bytesBefore: before.bytes, isReplaced: result.isReplaced
        ).tell(now, output)
    }

    private func compact(before first: Position) throws -> StoreCompaction.Result {
        var shown: (stage: StoreCompaction.Stage, progress: FoldProgress)?
        defer { shown?.progress.end() }
        let session = store.session
        let compaction = try StoreCompaction(
            store.held, workers: Processors.others,
            follow: { [log] last in
                CompactionFollowers(session: session, log: log, last: last).catchUp()
            }, isStopped: { Interruption.isAsked }
        ) { stage, position, end in
            if shown?.stage != stage {
                shown?.progress.end()
                shown = (stage, FoldProgress(output, stage.name))
            }
            shown?.progress.tell(position, end)
            switch stage {
            case .copying, .checking: try Interruption.check()
            case .removing:
                try Interruption.check(
                    "the log keeps what is after position \(position.rawValue); "
                        + "run it again to go on")
            case .replacing: break
            }
        }
        return try compaction.run(before: first)
    }
}

extension StoreCompaction.Stage {
    fileprivate var name: String {
        switch self {
        case .copying: "copying"
        case .checking: "checking"
        case .removing: "removing"
        case .replacing: "replacing"
        }
    }
}
