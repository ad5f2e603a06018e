import EventLog
import LMDB
import Projections
import SyncCore
import SyncEngine

/// What came of a compaction.
struct CompactionReport {
    let moved: [ArchiveName]
    /// Those that left the log, whatever others the segments hold.
    let events: UInt64
    /// What the log had before.
    let bytesBefore: UInt64
    /// Whether the log's file was made anew.
    let isReplaced: Bool

    /// - Parameter log: as it is now.
    func tell(_ log: EventLog, _ output: Output) throws {
        let snapshot = try log.snapshot()
        let (bytes, end) = (try log.usedBytes(), try snapshot.tail().position)
        let texts = try snapshot.recordsWithTexts(through: snapshot.archivedThrough())
        let size = moved.reduce(UInt64(0)) {
            $0 + (FileSystem.size("\(log.archive.folder($1))/data.mdb") ?? 0)
        }
        guard !output.isJSON else {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("dryRun", .literal("false")),
                    ("archive", .array(moved.map { .string($0.text) })),
                    ("events", .number(events)), ("archiveBytes", .number(size)),
                    ("logBytes", .number(bytes)), ("logBytesBefore", .number(bytesBefore)),
                    ("replaced", .literal(String(isReplaced))),
                    ("recordsInArchive", .number(texts)), ("position", .number(end.rawValue)),
                ]).line)
            return
        }
        let names = moved.map { "archive/\($0.text)" }.joined(separator: ", ")
        guard !moved.isEmpty else {
            output.line(
                "nothing to move; the log has \(bytes.grouped) bytes, before it had "
                    + bytesBefore.grouped)
            return
        }
        output.line(
            "\(events.grouped) events moved to \(names) (\(size.grouped) bytes); the log has "
                + "\(bytes.grouped) bytes, before it had \(bytesBefore.grouped)")
        output.note(
            "keep the archive beside the store: without it there is no replay or rebuild from the "
                + "beginning, and no text of \(UInt64(texts).grouped) "
                + (texts == 1 ? "record" : "records") + " that came before")
    }
}

/// The projections of a store whose events are about to leave its log: what is folded of them is
/// folded before, since afterwards they may not be at hand.
struct CompactionFollowers {
    let session: Session
    let log: EventLog
    /// The last of them.
    let last: Position

    func catchUp() {
        do {
            let records: [any MaintainedProjection] = try session.configuration.streams.compactMap {
                try session.projector($0.name, log: log)
            }
            let history = try HistoryProjector(
                HistoryProjection(border: last), folder: session.folder.projections, log: log)
            for projection in records + [history] { catchUp(projection) }
        } catch {
            tell("the projections", error)
        }
    }

    private func catchUp(_ projection: any MaintainedProjection) {
        let progress = FoldProgress(session.output, "folding \(projection.name)")
        defer { progress.end() }
        do throws(ProjectionError) {
            try projection.catchUpPatiently { progress.tell($0, $1) }
        } catch {
            // Of events that left before, there is nothing to be made now.
            if case .log(let error) = error, error.isMissing { return }
            tell("projection \(projection.name)", error)
        }
    }

    private func tell(_ what: String, _ error: any Error) {
        session.output.note(
            "\(what): not caught up, so the archive is needed to do so: \(error)".withoutControls)
    }
}
