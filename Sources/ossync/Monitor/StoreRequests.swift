import Dashboard
import SyncCore
import SyncEngine

/// What the keys of the monitor ask of the store: done by commands of its own, which ask whoever
/// holds the store, where that one does such things for others.
struct StoreRequests {
    private let session: Session
    private var commands: [OwnCommand] = []
    /// That somebody else's run stops.
    private var stopping: StopRequest?
    /// What there is to say about them.
    private(set) var message = Snapshot.Fact("", "")

    init(_ session: Session) { self.session = session }

    /// Whether a sync runs that was started here.
    var ownsSync: Bool { commands.contains { $0.purpose == .sync } }

    // MARK: Asking

    mutating func perform(_ action: Action) {
        switch action {
        case .health: start(["health"], .health, asking: .health)
        case .sync(let sync): start(["sync"] + sync.arguments, .sync, asking: .sync)
        case .stop: stop()
        case .retry(let id): start(["queue", "retry"], .queue, [id], asking: .retry)
        case .drop(let id): start(["queue", "drop"], .queue, [id], asking: .drop)
        case .quit(.leavingSync): OwnCommand.forgetSync()
        case .quit(.stoppingSync): stopOwn()
        }
    }

    private mutating func start(
        _ arguments: [String], _ purpose: OwnCommand.Purpose, _ operands: [String] = [],
        asking kind: InboxRequest.Ask.Kind
    ) {
        if let running = commands.first(where: { $0.purpose == purpose }) {
            message = Snapshot.Fact("", "`ossync \(running.words)` is still at it", .warning)
            return
        }
        if let holder = EngineLock.holder(of: session.folder), !holder.takes.contains(kind) {
            message = Self.inUse(holder)
            return
        }
        do {
            let command = try OwnCommand(arguments, operands, purpose, session.options)
            commands.append(command)
            message = Snapshot.Fact("", "`ossync \(command.words)` started, pid \(command.id)")
        } catch {
            message = Snapshot.Fact("", CommandFailure(describing: error).line, .bad)
        }
    }

    private mutating func stop() {
        if ownsSync {
            stopOwn()
            return
        }
        do {
            let holder = EngineLock.holder(of: session.folder)
            stopping = try holder.flatMap { try StopRequest($0, session) }
            message = stopping?.begun ?? Snapshot.Fact("", "no sync is running")
        } catch EngineError.locked(let holder) {
            message = Self.inUse(holder)
        } catch {
            message = Snapshot.Fact("", CommandFailure(describing: error).line, .bad)
        }
    }

    private static func inUse(_ holder: LockHolder) -> Snapshot.Fact {
        Snapshot.Fact("", "\(holder)".withoutControls, .warning)
    }

    /// Asks the sync that was started here to stop in an orderly way.
    mutating func stopOwn() {
        for index in commands.indices where commands[index].purpose == .sync {
            // A second signal would not be orderly.
            if !commands[index].isStopping { commands[index].stop() }
            message = Snapshot.Fact("", "the sync is asked to stop: it finishes what is under way")
        }
    }

    // MARK: What comes of it

    /// Takes away what was said; what else comes of it is told anew.
    mutating func dismissMessage() { message = Snapshot.Fact("", "") }

    /// Looks which commands have ended and what was answered, and never waits.
    mutating func look() {
        do {
            if let end = try stopping?.end() {
                stopping = nil
                message = end
            }
        } catch {
            stopping = nil
            message = Snapshot.Fact("", CommandFailure(describing: error).line, .bad)
        }
        commands.removeAll { command in
            guard let end = command.end() else { return false }
            message = Self.words(command, end)
            return true
        }
    }

    private static func words(_ command: OwnCommand, _ end: OwnCommand.End) -> Snapshot.Fact {
        let name = "`ossync \(command.words)`"
        switch end.code {
        case 0 where end.reason == StopReason.nothingToResume.name:
            return Snapshot.Fact("", "\(name): there was nothing to resume", .warning)
        case 0: return Snapshot.Fact("", "\(name): done", .good)
        case 130, 143: return Snapshot.Fact("", "\(name): stopped; 4 goes on with it")
        case 3 where end.reason == StopReason.parked.name:
            return Snapshot.Fact("", "\(name): done, but some records failed: see Queue", .warning)
        case 5 where command.purpose == .sync:
            return Snapshot.Fact("", "\(name): paused by its budget; 4 goes on with it", .warning)
        default:
            let said = end.said.isEmpty ? end.message ?? "" : end.said
            let reason = said.hasPrefix("ossync: ") ? String(said.dropFirst(8)) : said
            // What a screen has no room for is then the name of the command.
            return Snapshot.Fact(
                "", "exit \(end.code)\(reason.isEmpty ? "" : ": \(reason)") (\(name))",
                end.code == 3 ? .warning : .bad)
        }
    }
}

extension Action.Sync {
    fileprivate var arguments: [String] {
        switch self {
        case .incremental: ["--mode", SyncCommand.Mode.incremental.rawValue]
        case .resume: ["--mode", SyncCommand.Mode.resume.rawValue]
        case .detailsOnly: ["--mode", SyncCommand.Mode.detailsOnly.rawValue]
        case .headersOnly: ["--mode", SyncCommand.Mode.incremental.rawValue, "--no-details"]
        case .full: ["--mode", SyncCommand.Mode.full.rawValue]
        }
    }
}
