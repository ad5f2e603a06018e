import ArgumentParser
import Glibc
import LMDB

/// The folder of unit files that systemd reads, of the user or of the machine.
struct SystemdFolder {
    let path: String
    let isSystem: Bool

    /// - Parameter scope: nil is the machine's for root, else the user's.
    init(_ scope: ScheduleOptions.Scope?) throws {
        isSystem = scope.map { $0 == .system } ?? (geteuid() == 0)
        guard !isSystem else {
            path = "/etc/systemd/system"
            return
        }
        let loader = ConfigurationLoader()
        if let folder = loader.variable("XDG_CONFIG_HOME"), folder.hasPrefix("/") {
            path = "\(folder)/systemd/user"
        } else if let home = loader.variable("HOME"), home.hasPrefix("/") {
            path = "\(home)/.config/systemd/user"
        } else {
            throw CommandFailure(
                ExitCode.usage, "HOME is not set, so there is no folder for units of your own",
                hint: "set it, or take --system")
        }
    }

    /// Those that this user's units and the machine's are in.
    static var all: [SystemdFolder] {
        [ScheduleOptions.Scope.user, .system].compactMap { try? SystemdFolder($0) }
    }

    /// The stores whose timers are in it.
    var stores: [String] {
        (FileSystem.names(in: path) ?? []).filter { SystemdUnits.schedule(ofTimer: $0) != nil }
            .compactMap { text(of: $0).flatMap(SystemdUnits.store(ofUnit:)) }
    }

    /// `systemctl` for this folder's units.
    var systemctl: [String] { isSystem ? ["systemctl"] : ["systemctl", "--user"] }

    /// The unit files that belong to a store.
    func files(of store: String) throws -> [String] {
        try FileSystem.entries(of: path).sorted().filter { name in
            name.hasPrefix("ossync-") && (name.hasSuffix(".service") || name.hasSuffix(".timer"))
                && text(of: name).map { SystemdUnits.isUnit($0, of: store) } == true
        }
    }

    /// The text of a file that is there and can be read.
    func text(of name: String) -> String? {
        try? ConfigurationFile(path: "\(path)/\(name)").text
    }

    /// Makes sure that a name is free, or its file of this store.
    ///
    /// - Throws: exit 1 for somebody else's file, which is never replaced.
    func check(_ file: SystemdUnits.File, store: String) throws {
        var info = stat()
        guard lstat("\(path)/\(file.name)", &info) == 0 else { return }
        if info.st_mode & S_IFMT == S_IFREG, let text = text(of: file.name),
            SystemdUnits.isUnit(text, of: store)
        {
            return
        }
        throw CommandFailure(
            ExitCode.failure,
            "\(path)/\(file.name): it is there already, and not of the store \(store)",
            hint: "give the schedule another name, or take the file away")
    }

    /// Whether a file is there with this text.
    func holds(_ file: SystemdUnits.File) -> Bool { text(of: file.name) == file.text }

    /// Writes a file under its name in one step, for everyone to read; one that is replaced keeps
    /// its owner.
    func write(_ file: SystemdUnits.File) throws {
        try makeFolders()
        let target = "\(path)/\(file.name)"
        let temporary = "\(path)/.\(file.name).new"
        // Of one that was killed.
        unlink(temporary)
        var status = ConfigurationFile.create(temporary, file.text)
        if status == 0 { status = finish(temporary, like: target) }
        guard status == 0 else {
            unlink(temporary)
            throw failure(target, status)
        }
        try FileSystem.move(temporary, to: target)
    }

    private func finish(_ file: String, like target: String) -> Int32 {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var info = stat()
        if lstat(target, &info) == 0, info.st_uid != geteuid() || info.st_gid != getegid(),
            fchown(descriptor, info.st_uid, info.st_gid) != 0
        {
            return errno
        }
        return fchmod(descriptor, 0o644) == 0 && fsync(descriptor) == 0 ? 0 : errno
    }

    /// Removes a file, and what makes it start with the machine.
    func remove(_ name: String) throws {
        for target in ["timers", "multi-user", "default"] {
            let link = "\(path)/\(target).target.wants/\(name)"
            var info = stat()
            if lstat(link, &info) == 0, info.st_mode & S_IFMT == S_IFLNK { unlink(link) }
        }
        guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
            throw failure("\(path)/\(name)", errno)
        }
    }

    private func makeFolders() throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            var info = stat()
            if stat(made, &info) != 0 { try FileSystem.makeFolder(made) }
        }
    }

    private func failure(_ path: String, _ status: Int32) -> CommandFailure {
        CommandFailure(
            ExitCode.failure, "\(path): it can't be changed: \(String(cString: strerror(status)))",
            hint: status == EACCES && isSystem ? "run this as root, or take --user" : nil)
    }
}
