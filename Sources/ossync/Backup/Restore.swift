import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine

/// Makes a store of a backup: checked, copied, checked again, told of it, then named.
struct Restore {
    let session: Session
    /// The folder of the backup.
    let source: String

    /// What was made.
    struct Made {
        let manifest: BackupManifest
        /// The state of the store that was made.
        let control: ControlState
    }

    private var output: Output { session.output }
    private var store: StoreFolder { session.folder }

    func run() throws -> Made {
        let manifest = try BackupManifest.read(from: source)
        try checkPlace()
        Interruption.begin()
        // All of it before anything is made: a damaged backup leaves no trace.
        try checkFiles(BackupFolder(source), manifest, "reading the backup")
        try store.make()
        let lock = try takeLock()
        defer { withExtendedLifetime(lock) {} }
        // Another process may have made one while the backup was read.
        try checkPlace()
        BackupFolder.removeRestoring(of: store)
        let staging = BackupFolder(store.restoring)
        do {
            let control = try fill(staging, manifest)
            try note(manifest)
            try Interruption.check()
            try publish(staging)
            return Made(manifest: manifest, control: control)
        } catch {
            staging.remove()
            throw error
        }
    }

    private func checkPlace() throws {
        try store.checkReachable()
        if store.exists || store.isBackup {
            throw CommandFailure(
                ExitCode.usage, "\(store.path): there is a store here, which is never overwritten",
                hint: "choose another --store, or move that one away")
        }
        guard try LogArchive(of: store.path).names().isEmpty || store.hasHalfRestoredArchive else {
            throw CommandFailure(
                ExitCode.usage, "\(store.path): the archive of another store is here",
                hint: "choose another --store, or move \(LogArchive.folder(of: store.path)) away")
        }
        if store.isSomethingElse {
            throw CommandFailure(
                ExitCode.usage,
                "\(store.path): what is here is not an ossync store",
                hint: "choose another --store")
        }
    }

    private func takeLock() throws -> EngineLock {
        let requester = session.requester
        return try EngineLock.take(
            store,
            holder: LockHolder(
                pid: Int32(requester.pid), host: requester.host, user: requester.user,
                since: SystemClock().read().wall.toTheSecond, activity: "restore"))
    }

    private func fill(
        _ staging: BackupFolder, _ manifest: BackupManifest
    ) throws -> ControlState {
        try checkSpace(manifest)
        try staging.make()
        let backup = BackupFolder(source)
        try copy(backup.data, to: staging.data, manifest.bytes)
        for segment in manifest.archive {
            try staging.makeSegment(segment.name)
            try copy(
                backup.segment(segment.name), to: staging.segment(segment.name), segment.bytes)
        }
        try checkFiles(staging, manifest, "reading back")
        let check = try LogCheck.run(
            store: staging.path, skipsArchive: manifest.isWithoutArchive, session.options,
            FoldProgress(output, "checking"))
        guard check.problem == nil, check.position == manifest.position,
            check.head == manifest.head
        else {
            throw damaged(check.problem ?? "its log ends elsewhere than its manifest says")
        }
        let control = try tell(staging)
        try staging.settle()
        return control
    }

    private func checkSpace(_ manifest: BackupManifest) throws {
        guard let free = store.freeBytes, free < manifest.allBytes else { return }
        throw CommandFailure(
            ExitCode.failure,
            "\(store.path): \(manifest.allBytes >> 20) MiB are needed, \(free >> 20) MiB are free; "
                + "nothing was kept",
            hint: "free some space on this file system")
    }

    private func copy(
        _ data: String, to target: String, _ bytes: UInt64
    ) throws {
        let descriptor = open(data, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EventLogError.storage(LMDBError(status: errno, operation: "open", path: data))
        }
        defer { close(descriptor) }
        let progress = FoldProgress(output, "copying", .bytes)
        _ = try FileStream(descriptor, path: data).write(to: target) {
            try Interruption.check()
            progress.tell($0, bytes)
        }
        progress.end()
    }

    /// Compares the files of a backup with what the manifest says.
    private func checkFiles(
        _ folder: BackupFolder, _ manifest: BackupManifest, _ what: String
    ) throws {
        try check(folder.data, manifest.bytes, manifest.sha256, what)
        for segment in manifest.archive {
            try check(folder.segment(segment.name), segment.bytes, segment.sha256, what)
        }
    }

    /// Reads a file from its disk, and compares it with what it should be.
    private func check(
        _ data: String, _ bytes: UInt64, _ sha256: String, _ what: String
    ) throws {
        guard access(data, F_OK) == 0 || errno != ENOENT else {
            throw damaged("\(data) is missing")
        }
        let progress = FoldProgress(output, what, .bytes)
        let read = try FileStream.read(data) {
            try Interruption.check()
            progress.tell($0, bytes)
        }
        progress.end()
        guard read.bytes == bytes, read.digest.withUnsafeBytes({ hexadecimal($0) }) == sha256
        else {
            throw damaged("\(data) is not what was written there")
        }
    }

    private func damaged(_ problem: String) -> CommandFailure {
        CommandFailure(
            ExitCode.corrupt, "\(source): damaged: \(problem); nothing was restored",
            hint: "take another backup")
    }

    /// Appends that it was restored: what the backup had under way is over, and what was sent since
    /// isn't known.
    private func tell(_ staging: BackupFolder) throws -> ControlState {
        let log = try EventLog.open(store: staging.path, .write)
        let engine = try Engine(log: log, clock: SystemClock())
        _ = try engine.process([engine.restoreInput()])
        return engine.control
    }

    /// The store knows the backup that it comes from.
    private func note(_ manifest: BackupManifest) throws {
        let resolved = realpath(source, nil)
        defer { free(resolved) }
        let path = resolved.map { String(cString: $0) } ?? source
        try BackupLedger(store).add(BackupLedger.Entry(path: path, manifest))
    }

    /// With the last rename the folder becomes a store.
    private func publish(_ staging: BackupFolder) throws {
        if try !staging.archive.names().isEmpty {
            try FileSystem.move(staging.archive.path, to: LogArchive.folder(of: store.path))
        }
        try FileSystem.move(staging.log, to: EventLog.folder(of: store.path))
        staging.remove()
    }
}
