import Glibc
import LMDB
import SyncEngine

/// The sync that schedules of one configuration start: its program, arguments and environment.
struct ScheduledSync {
    /// The absolute path of this program.
    let executable: String
    /// The absolute path of the configuration.
    let config: String
    /// What `--store` has to say; nil where the configuration leads to the same store.
    let storeOption: String?
    /// The absolute path of the store, by which installed schedules are known again.
    let store: String
    /// An absolute path.
    let environmentFile: String?
    /// The variables of the environment that the configuration reads, secrets first.
    let variables: [String]
    /// How long a run may take to stop: its request in flight.
    let stopSeconds: Int64
    /// Where the user's own configuration file was found beside the other one (`XDG_CONFIG_HOME`):
    /// neither cron nor systemd would look for it there.
    var configHome: String?
}

extension ScheduledSync {
    /// - Throws: exit 2 for a path with a control character, which no unit and no crontab takes.
    init(_ session: Session, environmentFile: String?) throws {
        let configuration = session.configuration
        let here = ConfigurationLoader.processDirectory()
        let file = configuration.files.first ?? ConfigurationLoader.fileName
        let config = PathText.resolve(file, from: here)
        let store = configuration.store
        let answerMs = configuration.api?.timeouts.totalMs ?? 120_000
        self.init(
            executable: try Self.ownPath(), config: config,
            storeOption: Self.isStoreOf(file: file, configuration, config) ? nil : store,
            store: store,
            environmentFile: environmentFile.map { PathText.resolve($0, from: here) },
            variables: Self.variables(of: configuration.values),
            stopSeconds: answerMs / 1_000 + 10,
            configHome: configuration.files.dropFirst().last.map { path in
                FileSystem.parent(
                    of: FileSystem.parent(of: PathText.resolve(path, from: here)))
            })
        for path in [executable, config, store, self.environmentFile ?? "", configHome ?? ""]
        where path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            throw CommandFailure(
                ExitCode.usage,
                "\(path.withoutControls): the path holds a line end or another control character, "
                    + "which no unit and no crontab takes")
        }
    }

    private var places: [String] {
        ["--config", config] + (storeOption.map { ["--store", $0] } ?? [])
    }

    /// The arguments of the service that runs all schedules.
    var serveArguments: [String] { ["serve"] + places + ["--if-running", "wait"] }

    /// The arguments of one schedule's runs.
    func arguments(_ schedule: Configuration.Schedule) -> [String] {
        var words = ["sync", "--mode", schedule.mode.rawValue] + places
        words += ["--quiet", "--if-running", schedule.overlap == .queue ? "wait" : "skip"]
        if let bound = schedule.maxDuration { words += ["--max-duration", bound] }
        if schedule.patience != SyncCommand.defaultPatience {
            words += ["--patience", schedule.patience]
        }
        return words
    }

    /// The name of the user whose configuration it is; nil for root's.
    var owner: String? {
        var info = stat()
        let user = stat(config, &info) == 0 ? info.st_uid : geteuid()
        guard user != 0 else { return nil }
        return getpwuid(user).flatMap { String(cString: $0.pointee.pw_name) } ?? String(user)
    }

    private static func ownPath() throws -> String {
        guard let real = realpath("/proc/self/exe", nil) else {
            throw CommandFailure(
                ExitCode.failure,
                "/proc/self/exe can't be read: \(String(cString: strerror(errno)))")
        }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether `--config` alone leads to the store, whatever folder and environment a run has.
    private static func isStoreOf(
        file: String, _ configuration: Configuration, _ config: String
    ) -> Bool {
        switch configuration.values["store"]?.origin {
        case .file(let path, _)?: return path == file
        case .builtIn?:
            let folder = ConfigurationFile(path: config, text: "", mode: 0).directory
            return PathText.resolve("ossync-store", from: folder) == configuration.store
        default: return false
        }
    }

    private static func variables(of values: ConfigurationValue) -> [String] {
        var secrets: [String] = []
        var settings: [String] = []
        func visit(_ value: ConfigurationValue) {
            if case .environment(let name)? = value.secret?.source { secrets.append(name) }
            if case .environment(let name) = value.origin { settings.append(name) }
            for field in value.fields { visit(field.value) }
            for item in value.items { visit(item) }
        }
        for field in values.fields where field.name != "store" { visit(field.value) }
        return (secrets + settings).reduce(into: []) { names, name in
            if !names.contains(name) { names.append(name) }
        }
    }
}
