import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine

/// Makes a backup of a store: copied, read back, checked, then named.
struct Backup {
    let session: Session
    /// An absolute path at which nothing is, or an empty folder.
    let destination: String
    /// Whether what is in the archive stays there alone.
    let skipsArchive: Bool

    /// What was made.
    struct Made {
        let manifest: BackupManifest
        /// The store knows of it.
        let isNoted: Bool
    }

    private var output: Output { session.output }
    private static let niceness: Int32 = 15

    func run() throws -> Made {
        let log = try session.openLog()
        Interruption.begin()
        let staging = try BackupStaging(for: destination)
        do {
            let manifest = try fill(staging.folder, from: log)
            try manifest.write(to: staging.folder)
            try staging.folder.settle()
            // Before it has its name: one that the store doesn't know of could be forgotten when
            // something must be taken out of all copies.
            let isNoted = note(manifest)
            try Interruption.check()
            try staging.publish()
            return Made(manifest: manifest, isNoted: isNoted)
        } catch {
            staging.folder.remove()
            throw error
        }
    }

    private func fill(_ folder: BackupFolder, from log: EventLog) throws -> BackupManifest {
        let written = try copy(to: folder, of: log)
        // The copy was made fast, for its snapshot's sake; from here on a sync comes first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        try readBack(folder.data, written)
        let copy = try EventLog.open(store: folder.path, .read).snapshot()
        // Nobody would be told that this copy has the texts.
        if let text = try copy.unfinishedRedactionText() {
            throw CommandFailure(
                ExitCode.failure, "\(session.folder.path): \(text); no backup was made")
        }
        let archived = try copy.archivedThrough()
        let segments = skipsArchive ? [] : try copyArchive(to: folder, of: log, through: archived)
        let check = try LogCheck.run(
            store: folder.path, skipsArchive: skipsArchive, session.options,
            FoldProgress(output, "checking"))
        if let problem = check.problem { throw damaged(problem) }
        let control = try EventLog.open(store: folder.path, .read).snapshot().control()
        // It may have been replaced meanwhile.
        let head = try session.openLog().snapshot().head(at: check.position) ?? []
        guard control.position == check.position,
            head.withUnsafeBytes({ hexadecimal($0) }) == check.head
        else { throw damaged("its chain and that of the copy differ") }
        try checkRedactions(since: check.position)
        return BackupManifest(
            createdAt: SystemClock().read().wall.toTheSecond, position: check.position,
            time: check.position == .none ? nil : control.time.rfc3339(), head: check.head,
            events: check.events, apiIdentity: control.apiIdentity, bytes: written.bytes,
            sha256: written.digest.withUnsafeBytes { hexadecimal($0) }, archive: segments,
            isWithoutArchive: skipsArchive && archived != .none)
    }

    /// Who took texts out meanwhile was not told of this copy, which has them.
    private func checkRedactions(since position: Position) throws {
        var found: Position?
        try session.openLog().snapshot().forEachEntry(after: position) { entry in
            if entry.header.type == .redacted { found = entry.position }
            return found == nil
        }
        guard let found else { return }
        throw CommandFailure(
            ExitCode.failure,
            "texts were taken out of the log at @\(found.rawValue) meanwhile, and the copy has "
                + "them; no backup was made",
            hint: "run it again")
    }

    private func readBack(_ file: String, _ written: FileStream.Passed) throws {
        let progress = FoldProgress(output, "reading back", .bytes)
        let read = try FileStream.read(file) {
            try Interruption.check()
            progress.tell($0, written.bytes)
        }
        progress.end()
        guard read == written else {
            throw CommandFailure(
                ExitCode.failure,
                "\(file): what was read back is not what was written; nothing was kept",
                hint: "its file system or disk is failing: back up to another one")
        }
    }

    /// The segments that are of this log; the others are told of.
    private func segments(of log: EventLog, through archived: Position) throws -> [ArchiveName] {
        try log.archive.names().filter { name in
            guard name.first <= archived else { return false }
            guard let reason = try log.snapshot().refusal(name, of: log.archive) else {
                return true
            }
            output.note("archive/\(name.text) is not in the backup: \(reason)".withoutControls)
            return false
        }
    }

    /// Segments are written to by a redaction alone, which puts another file in their place, so
    /// their files can be copied as they are.
    private func copyArchive(
        to folder: BackupFolder, of log: EventLog, through archived: Position
    ) throws -> [BackupManifest.Segment] {
        if let gap = try log.archive.gaps(through: archived).first {
            throw CommandFailure(
                ExitCode.failure,
                "\(log.archive.path): events \(gap.lowerBound.rawValue) to "
                    + "\(gap.upperBound.rawValue) were moved there, and no segment holds them; no "
                    + "backup was made",
                hint: "put it back, or leave the archive out (--without-archive)")
        }
        return try segments(of: log, through: archived).map { name in
            let source = "\(log.archive.folder(name))/data.mdb"
            let descriptor = open(source, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw EventLogError.storage(
                    LMDBError(status: errno, operation: "open", path: source))
            }
            defer { close(descriptor) }
            try folder.makeSegment(name)
            let size = FileSystem.size(source) ?? 0
            let progress = FoldProgress(output, "copying the archive", .bytes)
            let written = try FileStream(descriptor, path: source).write(to: folder.segment(name)) {
                try Interruption.check()
                progress.tell($0, size)
            }
            progress.end()
            try readBack(folder.segment(name), written)
            return BackupManifest.Segment(
                name: name, bytes: written.bytes,
                sha256: written.digest.withUnsafeBytes { hexadecimal($0) })
        }
    }

    /// The log is read by a child, which writes it to a pipe: its crash leaves this process to
    /// clean up.
    private func copy(to folder: BackupFolder, of log: EventLog) throws -> FileStream.Passed {
        var arguments = ["backup", ChildProcess.flag, "--store", session.folder.path]
        if let config = session.options.config { arguments += ["--config", config] }
        let size = try log.usedBytes()
        let child = try PipedProcess(arguments)
        let progress = FoldProgress(output, "copying", .bytes)
        let (passed, end) = try Interruption.during(child) {
            try FileStream(child.output, path: session.folder.path).write(to: folder.data) {
                try Interruption.check()
                progress.tell($0, size)
            }
        }
        progress.end()
        switch end {
        case .code(0, _): return passed
        case .code(ExitCode.corrupt, let message): throw damaged(message)
        case .code(let code, let message):
            throw CommandFailure(code, message.isEmpty ? "the log could not be copied" : message)
        case .killed(let number):
            throw CommandFailure(
                ExitCode.failure,
                "the log could not be copied: its reader was ended by signal \(number)")
        case .fault(let number):
            throw damaged("reading it was ended by signal \(number): a page is damaged")
        }
    }

    private func damaged(_ problem: String) -> CommandFailure {
        CommandFailure(
            ExitCode.corrupt, "\(session.folder.path): damaged: \(problem); no backup was made",
            hint: "`ossync log verify` tells all that is wrong; earlier backups are as they were")
    }

    private func note(_ manifest: BackupManifest) -> Bool {
        do {
            let entry = BackupLedger.Entry(path: destination, manifest)
            try BackupLedger(session.folder).add(entry)
            return true
        } catch {
            output.note("the store can't note this backup: \(error)".withoutControls)
            return false
        }
    }
}
