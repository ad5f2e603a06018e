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
                segment a sync goes on all the same; what needs its events says so.

                A kill at any moment loses nothing: run it again.

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
            try CompactionReport(store: store).run(before: first)
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
            try CompactionPlan(log, before: first).tell(session.output)
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

    func tell(_ output: Output) {
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("dryRun", .literal("true")), ("archive", .optional(name?.text)),
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
private struct CompactionReport {
    let store: EngineSession

    private var log: EventLog { store.log }
    private var output: Output { store.session.output }

    func run(before first: Position) throws {
        Interruption.begin()
        let before = try log.usedBytes()
        let result = try compact(before: first)
        if let error = result.replaceError {
            output.note(
                "the log's file keeps its size, its free pages are used again: \(error)"
                    .withoutControls)
        }
        guard !result.moved.isEmpty || result.isReplaced || result.replaceError != nil else {
            return try CompactionPlan(log, before: first).tell(output)
        }
        // One file can't be open here in two ways.
        let now =
            result.isReplaced ? try EventLog.open(store: store.session.folder.path, .read) : log
        try tell(result.moved, before, now)
    }

    private func compact(before first: Position) throws -> StoreCompaction.Result {
        var shown: (stage: StoreCompaction.Stage, progress: FoldProgress)?
        defer { shown?.progress.end() }
        let compaction = try StoreCompaction(store.held, workers: Processors.others) {
            stage, position, end in
            if shown?.stage != stage {
                shown?.progress.end()
                shown = (stage, FoldProgress(output, stage.name))
            }
            shown?.progress.tell(position, end)
            // What was checked is kept, and once it is told the rest takes no time.
            if stage == .copying || stage == .checking { try Interruption.check() }
        }
        return try compaction.run(before: first)
    }

    /// - Parameter log: as it is now.
    private func tell(_ moved: [ArchiveName], _ before: UInt64, _ log: EventLog) throws {
        let snapshot = try log.snapshot()
        let (bytes, end) = (try log.usedBytes(), try snapshot.tail().position)
        let archived = try snapshot.archivedThrough()
        let texts = try snapshot.recordsWithTexts(through: archived)
        let size = moved.reduce(UInt64(0)) {
            $0 + (FileSystem.size("\(log.archive.folder($1))/data.mdb") ?? 0)
        }
        let events = moved.reduce(UInt64(0)) { $0 + $1.count }
        guard !output.isJSON else {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("dryRun", .literal("false")),
                    ("archive", .array(moved.map { .string($0.text) })),
                    ("events", .number(events)), ("archiveBytes", .number(size)),
                    ("logBytes", .number(bytes)), ("logBytesBefore", .number(before)),
                    ("recordsInArchive", .number(texts)), ("position", .number(end.rawValue)),
                ]).line)
            return
        }
        let names = moved.map { "archive/\($0.text)" }.joined(separator: ", ")
        guard !moved.isEmpty else {
            output.line(
                "nothing to move; the log has \(bytes.grouped) bytes, before it had "
                    + before.grouped)
            return
        }
        output.line(
            "\(events.grouped) events moved to \(names) (\(size.grouped) bytes); the log has "
                + "\(bytes.grouped) bytes, before it had \(before.grouped)")
        output.note(
            "keep the archive beside the store: without it there is no replay or rebuild from the "
                + "beginning, and no text of \(UInt64(texts).grouped) "
                + (texts == 1 ? "record" : "records") + " that came before")
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
