import Dashboard
import SyncCore
import SyncEngine

/// What the keys of the monitor ask of the store: done by a command of its own while nobody holds
/// the store, else by whoever holds it.
struct StoreRequests {
    private let session: Session
    private var commands: [OwnCommand] = []
    /// What there is to say about them.
    private(set) var message = Snapshot.Fact("", "")

    init(_ session: Session) { self.session = session }

    /// Whether a sync runs that was started here.
    var ownsSync: Bool { commands.contains { $0.purpose == .sync } }

    // MARK: Asking

    mutating func perform(_ action: Action) {
        switch action {
        case .health: start(["health"], .health)
        case .sync(let sync): start(["sync"] + sync.arguments, .sync)
        case .stop: stop()
        case .retry(let id): start(["queue", "retry"], .queue, [id])
        case .drop(let id): start(["queue", "drop"], .queue, [id])
        case .quit(.leavingSync): break
        case .quit(.stoppingSync): stopOwn()
        }
    }

    private mutating func start(
        _ arguments: [String], _ purpose: OwnCommand.Purpose, _ operands: [String] = []
    ) {
        if let running = commands.first(where: { $0.purpose == purpose }) {
            message = Snapshot.Fact("", "`ossync \(running.words)` is still at it", .warning)
            return
        }
        // The queue's commands ask whoever holds the store themselves.
        if purpose != .queue, let holder = EngineLock.holder(of: session.folder) {
            message = Snapshot.Fact("", "\(holder)".withoutControls, .warning)
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
        } else if let holder = EngineLock.holder(of: session.folder) {
            message = Snapshot.Fact("", "\(holder)".withoutControls, .warning)
        } else {
            message = Snapshot.Fact("", "no sync is running")
        }
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

    /// Takes away what was said, once nothing more comes of it.
    mutating func dismissMessage() {
        if commands.isEmpty { message = Snapshot.Fact("", "") }
    }

    /// Looks which commands have ended, and never waits.
    mutating func look() {
        commands.removeAll { command in
            guard let (code, said) = command.end() else { return false }
            message = Self.words(command, code, said)
            return true
        }
    }

    private static func words(_ command: OwnCommand, _ code: Int32, _ said: String) -> Snapshot.Fact
    {
        let name = "`ossync \(command.words)`"
        switch code {
        case 0: return Snapshot.Fact("", "\(name): done", .good)
        case 130, 143: return Snapshot.Fact("", "\(name): stopped; 4 goes on with it")
        case 3 where said.isEmpty:
            return Snapshot.Fact("", "\(name): done, but some records failed: see Queue", .warning)
        case 5:
            return Snapshot.Fact("", "\(name): paused by its budget; 4 goes on with it", .warning)
        default:
            let reason = said.hasPrefix("ossync: ") ? String(said.dropFirst(8)) : said
            return Snapshot.Fact(
                "", "\(name): exit \(code)\(reason.isEmpty ? "" : ": \(reason)")", .bad)
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
