import EventLog
import LMDB
import SyncCore
import SyncEngine

extension Doctor {
    /// What the store's log says; a new store's where there is none yet, nil where it is unusable.
    mutating func store(_ session: Session) -> ControlState? {
        let folder = session.folder
        guard isLocal(folder) else { return nil }
        do {
            try folder.checkReachable()
            guard folder.exists || folder.isSomethingElse else {
                guard canBeMade(folder) else { return nil }
                fine("store", "\(folder.path): none yet, the first sync makes it")
                return ControlState()
            }
            guard !folder.isBackup else {
                found(
                    .storeBackup, "\(folder.path): this is a backup, which nothing may write to",
                    mend: "make a store of it: `ossync restore \(folder.path) --store NEW`",
                    exitCode: ExitCode.usage)
                return nil
            }
            let control = try read(session)
            files(session)
            return control
        } catch {
            let failure = CommandFailure(describing: error)
            found(
                Self.trouble(error), failure.message, mend: failure.hint,
                exitCode: failure.exitCode)
            return nil
        }
    }

    private static func trouble(_ error: any Error) -> Trouble {
        switch error {
        case EventLogError.newer: .storeNewer
        case EventLogError.older: .storeOlder
        case EventLogError.corrupt: .storeDamaged
        case EngineError.otherAPI: .storeOtherAPI
        case let failure as CommandFailure where failure.exitCode == ExitCode.corrupt:
            .storeUnusable
        case EventLogError.notAStore: .storeUnusable
        default: .storeUnreadable
        }
    }

    /// Whether locks and memory maps can be trusted where it is.
    private mutating func isLocal(_ folder: StoreFolder) -> Bool {
        guard let name = FileSystem.networkName(Self.nearestFolder(folder.path)) else {
            return true
        }
        found(
            .storeNetwork,
            "\(folder.path): it is on \(name), whose locks and memory maps can't be trusted",
            mend: "keep the store on a local disk (--store), and copy backups there")
        return false
    }

    private mutating func canBeMade(_ folder: StoreFolder) -> Bool {
        let place = Self.nearestFolder(folder.path)
        if FileSystem.isWritable(place) { return true }
        found(
            .storeUnwritable, "\(place): this user can't write there, so no store can be made",
            mend: "choose another --store, or give this user the folder")
        return false
    }

    private mutating func read(_ session: Session) throws -> ControlState {
        let log = try session.openLog()
        let snapshot = try log.snapshot()
        let control = try snapshot.control()
        if let bound = control.apiIdentity, let wanted = session.configuration.api?.id,
            bound != wanted
        {
            throw EngineError.otherAPI(path: session.folder.path, bound: bound, wanted: wanted)
        }
        fine(
            "store",
            "\(session.folder.path): position \(control.position.rawValue.grouped), "
                + "\(try log.usedBytes() >> 20) MiB")
        if let text = try snapshot.unfinishedRedactionText() { found(.redactionUnfinished, text) }
        for gap in try log.archive.gaps(through: try snapshot.archivedThrough()) {
            found(
                .archiveMissing,
                "\(log.archive.path): events \(gap.lowerBound.rawValue) to "
                    + "\(gap.upperBound.rawValue) were moved there, and no segment holds them",
                mend: "put it back; without it these events can't be shown, nor tables rebuilt")
        }
        behind(control)
        return control
    }

    /// More than what clocks that are kept in step are apart.
    private static let mostBehindNs = 60 * Int64.nsPerSecond

    private mutating func behind(_ control: ControlState) {
        let now = SystemClock().read().wall
        guard control.time.rawValue - now.rawValue > Self.mostBehindNs else { return }
        found(
            .clockBehind,
            "the clock says \(now.toTheSecond), and the log's last event is of "
                + control.time.toTheSecond,
            mend: "set the clock, and let it be kept (timedatectl set-ntp true)")
    }

    // MARK: - Its files

    private mutating func files(_ session: Session) {
        let folder = session.folder
        let files = StoreFiles(folder)
        if let path = files.unwritable.first {
            found(
                .storeUnwritable, "\(path): this user can't write there, so a sync can't run",
                mend: "run it as the user who made the store, or give them the files back "
                    + "(chown -R)")
        }
        if let (path, owner) = files.others.first {
            found(
                .storeOwners,
                "\(path): it belongs to \(owner), and the store to \(files.owner)",
                mend: "run: chown -R \(files.owner): \(GlobalOptions.quoted(folder.path))")
        }
        if let path = files.exposed {
            found(
                .storeExposed, "\(path): other users can read it, and records are in it",
                mend: "run: chmod -R go= \(GlobalOptions.quoted(folder.path))")
        }
        if !files.leftovers.isEmpty {
            found(
                .inboxLeftover,
                "\(folder.inbox): \(files.leftovers.joined(separator: ", ")): left by a command "
                    + "that was killed before it had asked for anything",
                mend: "remove it, nobody reads it")
        }
        if !files.rotated.isEmpty {
            found(
                .logsRotated,
                "\(folder.logs): \(files.rotated.joined(separator: ", ")): something else than "
                    + "ossync rotates combined.log, too",
                mend: "take it out there (/etc/logrotate.d): `log.maxBytes` and `log.keep` do it")
        }
        if let path = session.configuration.metricsTextfile,
            !FileSystem.isWritable(FileSystem.parent(of: path))
        {
            found(
                .metricsUnwritable, "\(path): the metrics can't be written there",
                mend: "name a file in a folder that is there and that this user may write to "
                    + "(metrics.textfile)")
        }
    }
}
