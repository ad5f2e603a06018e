import EventLog
import Glibc
import LMDB
import Projections
import RESTSource
import Records
import SyncCore
import SyncEngine

/// What a command works with: the configuration, the store's folder, and where output goes.
struct Session {
    let options: GlobalOptions
    let output: Output
    let configuration: Configuration
    let folder: StoreFolder

    init(_ options: GlobalOptions) throws(ConfigurationError) {
        self.options = options
        output = options.output
        var overrides: [ConfigurationOverride] = []
        if let store = options.store {
            overrides.append(ConfigurationOverride(key: "store", flag: "--store", text: store))
        }
        if let format = options.logFormat {
            overrides.append(
                ConfigurationOverride(
                    key: "log.format", flag: "--log-format", text: format.rawValue))
        }
        configuration = try ConfigurationLoader().load(
            configFile: options.config, overrides: overrides)
        folder = StoreFolder(configuration.store)
    }

    /// What the source needs to ask for a stream, with its secrets.
    ///
    /// - Throws: exit 2 for whatever can't work, before anything is written.
    func source(_ stream: Configuration.Stream) throws -> RESTConfiguration {
        let source = try configuration.sourceConfiguration(
            stream, environment: ConfigurationLoader.processEnvironment)
        if let problem = source.problems.first {
            throw CommandFailure(ExitCode.usage, "\(problem)")
        }
        return source
    }

    /// Opens the log for reading.
    ///
    /// - Throws: exit 10 where there is no store, 12 where it can't be used.
    func openLog() throws -> EventLog {
        try folder.checkReachable()
        guard !folder.isSomethingElse else {
            throw CommandFailure(
                ExitCode.corrupt,
                "\(folder.path): this is not an ossync store; choose another --store")
        }
        return try EventLog.open(store: folder.path, .read)
    }

    /// The stream that a command is about: the first one of the configuration, else of the store.
    func stream(in control: ControlState) throws -> StreamState {
        let name = configuration.streams.first?.name
        if let name {
            if let stream = control.stream(named: name) { return stream }
            // Known to the configuration, but not synced yet.
            return StreamState(id: .none, name: name)
        }
        return control.streams.first ?? StreamState(id: .none, name: "os")
    }

    /// Whether the run that is under way has a process; one that was killed has none.
    func isRunning(_ control: ControlState) -> Bool {
        control.invocation != nil && EngineLock.isHeld(folder) ?? true
    }

    /// The projection of a stream; nil without a configuration that says what its columns are.
    func projector(_ stream: String, log: EventLog) throws -> RecordProjector? {
        guard let configured = configuration.streams.first(where: { $0.name == stream }) else {
            return nil
        }
        let projection = RecordProjection(
            name: stream, mapping: try configuration.mapping(configured))
        return try RecordProjector(projection, folder: folder.projections, log: log)
    }

    var requester: Requester {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let user = getpwuid(geteuid()).flatMap { String(cString: $0.pointee.pw_name) }
        return Requester(
            pid: UInt32(getpid()), host: host, user: user ?? String(geteuid()))
    }
}

extension StoreFolder {
    /// Tells a store that can't be looked at from one that isn't there.
    func checkReachable() throws {
        var info = stat()
        let isThere = stat(path, &info) == 0
        if isThere ? info.st_mode & S_IFMT != S_IFDIR : errno == ENOTDIR {
            throw CommandFailure(
                ExitCode.corrupt,
                "\(path): this is a file, not an ossync store; choose another --store")
        }
        guard access("\(path)/log/data.mdb", R_OK) != 0, errno == EACCES else { return }
        throw CommandFailure(
            ExitCode.failure, "\(path): permission denied: the store can't be read",
            hint: "run this as the user who made it")
    }

    /// Whether there is a folder with things in it that is no store. What stands beside a store is
    /// none of its business.
    var isSomethingElse: Bool {
        guard !exists, let names = FileSystem.names(in: path) else { return false }
        // A mount point of its own has a lost+found.
        let own: Set<String> = [
            "lock", "logs", "projections", "inbox", "backups", "restoring", "verify", "archive",
            "lost+found",
        ]
        return names.contains { !own.contains($0) && !EventLog.isUnfinished($0) }
    }
}
