import EventLog
import Glibc
import RESTSource
import SyncCore
import SyncEngine

/// A store held for writing: the lock, the log and the engine.
///
/// Made by commands that change the store: `sync`, `health`, `queue retry`, `queue drop`.
final class EngineSession {
    /// A service reads its configuration anew.
    var session: Session
    let log: EventLog
    let engine: Engine
    let clock = SystemClock()
    let apiIdentity: String
    private let lock: EngineLock
    private var isStarted = false

    /// What to do when another process holds the store.
    enum IfRunning: String, CaseIterable {
        case fail, skip, wait
    }

    /// Takes the store, and makes it where it is absent.
    ///
    /// - Parameters:
    ///   - creates: whether a store that doesn't exist is made.
    ///   - takes: what it does for others that ask in the inbox.
    /// - Returns: nil when another process holds it and `ifRunning` is `.skip`, or a signal ended
    ///   the wait.
    init?(
        _ session: Session, activity: String, creates: Bool, ifRunning: IfRunning = .fail,
        takes: [InboxRequest.Ask.Kind] = []
    ) throws {
        self.session = session
        Signals.install()
        Output.outliveReader()
        let folder = session.folder
        try folder.checkReachable()
        if folder.isSomethingElse {
            throw CommandFailure(
                ExitCode.corrupt,
                "\(folder.path): this is not an ossync store; choose another --store")
        }
        if folder.isBackup {
            // It and the store that it is of would go on from one state against one API.
            throw CommandFailure(
                ExitCode.usage, "\(folder.path): this is a backup, which nothing may write to",
                hint: "make a store of it: `ossync restore \(folder.path) --store NEW`")
        }
        if !folder.exists, !creates { throw EngineError.log(.noStore(path: folder.path)) }
        try folder.make()
        guard let lock = try Self.take(session, activity, ifRunning, takes) else { return nil }
        self.lock = lock
        // Of a restore that was killed, and of an upgrade.
        BackupFolder.removeRestoring(of: folder)
        LogUpgrade.removeUnfinished(folder.path)
        if !folder.exists { try EventLog.create(store: folder.path) }
        log = try Self.open(session)
        // Of a compaction or a redaction that was killed: an old log may lie there.
        log.removeUnfinished()
        engine = try Engine(log: log, clock: clock)
        apiIdentity = session.configuration.api?.id ?? engine.control.apiIdentity ?? ""
        if let bound = engine.control.apiIdentity, bound != apiIdentity {
            throw EngineError.otherAPI(path: folder.path, bound: bound, wanted: apiIdentity)
        }
    }

    /// What is appended before the first run, and what a further one needs.
    func startInputs(stream: String) -> [Input] {
        defer { isStarted = true }
        return engine.startInputs(
            apiIdentity: apiIdentity, stream: stream, isStart: !isStarted)
    }

    /// For whoever changes its files and not its records.
    var held: HeldStore {
        get throws {
            let stream = try session.stream(in: engine.control).name
            return HeldStore(
                log: log, engine: engine, apiIdentity: apiIdentity, stream: stream,
                requester: session.requester
            ) { [engine] in _ = try engine.process($0) }
        }
    }

    /// What takes texts out of it and its files.
    func redaction() throws -> StoreRedaction {
        try StoreRedaction(
            held, projections: session.folder.projections,
            streams: session.configuration.streams.map(\.name))
    }

    /// Opens the log, once it is of a format that can be written to.
    private static func open(_ session: Session) throws -> EventLog {
        let store = session.folder.path
        do throws(EventLogError) {
            return try EventLog.open(store: store, .write)
        } catch {
            guard case .older(_, let found) = error else { throw error }
            try upgrade(session, from: found)
            return try EventLog.open(store: store, .write)
        }
    }

    private static func upgrade(_ session: Session, from found: String) throws {
        let progress = FoldProgress(session.output, "raising the store's format")
        defer { progress.end() }
        Interruption.begin()
        defer { Signals.during(nil) }
        var upgrade = try LogUpgrade(store: session.folder.path, workers: Processors.others)
        do {
            while try upgrade.advance() {
                progress.tell(upgrade.position, upgrade.end)
                try Interruption.check("the store is as it was")
            }
        } catch {
            LogUpgrade.removeUnfinished(session.folder.path)
            throw error
        }
        let events = upgrade.position.rawValue
        let head = try upgrade.finish().withUnsafeBytes { hexadecimal($0) }
        progress.end()
        session.output.note(
            "\(session.folder.path): raised from \(found) to \(LogSchema.format): "
                + "\(events.grouped) events read, checked and folded anew; the head of the chain "
                + "is still \(head)")
    }

    private static func take(
        _ session: Session, _ activity: String, _ ifRunning: IfRunning,
        _ takes: [InboxRequest.Ask.Kind]
    ) throws -> EngineLock? {
        let requester = session.requester
        let holder = LockHolder(
            pid: Int32(requester.pid), host: requester.host, user: requester.user,
            since: SystemClock().read().wall.toTheSecond, activity: activity, takes: takes)
        var isAnnounced = false
        while true {
            do throws(EngineError) {
                return try EngineLock.take(session.folder, holder: holder)
            } catch {
                guard case .locked(var other) = error else { throw error }
                other.progress = progress(of: session)
                switch ifRunning {
                case .fail: throw EngineError.locked(other)
                case .skip:
                    session.output.note("skipped: \(other)")
                    return nil
                case .wait:
                    if !isAnnounced { session.output.note("waiting: \(other)") }
                    isAnnounced = true
                    if Interruption.isAsked { return nil }
                    sleep(1)
                }
            }
        }
    }

    /// How far the run of whoever holds the store is.
    private static func progress(of session: Session) -> String {
        guard let log = try? EventLog.open(store: session.folder.path, .read),
            let control = try? log.snapshot().control()
        else { return "" }
        return ProgressLine.text(control, wake: nil, now: SystemClock().read().wall)
    }
}
