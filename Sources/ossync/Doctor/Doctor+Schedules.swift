import LMDB
import SyncEngine

extension Doctor {
    /// What runs unattended, beside what the configuration wants.
    mutating func schedules(_ session: Session) {
        let store = session.folder.path
        let installed = InstalledSchedules(of: store)
        let wanted = session.configuration.schedules.map(\.name)
        let command = "ossync schedule install"
        let isServed =
            installed.hasService
            || EngineLock.holder(of: session.folder)?.takes.contains(.sync) == true
        let missing = isServed ? [] : wanted.filter { !installed.names.contains($0) }
        if !missing.isEmpty {
            found(
                .scheduleMissing,
                "nothing starts the schedule\(missing.count == 1 ? "" : "s") "
                    + missing.joined(separator: ", "),
                mend: "run: \(command)\(options.storeArguments)")
        }
        // One of flags is named by them alone.
        let left = wanted.isEmpty ? [] : installed.names.filter { !wanted.contains($0) }
        if !left.isEmpty {
            found(
                .scheduleLeftover,
                "\(left.joined(separator: ", ")): installed for \(store), and not in the "
                    + "configuration",
                mend: "run: \(command)\(options.storeArguments), or \(command) --remove")
        }
        for (unit, program) in installed.programs where !FileSystem.isExecutable(program) {
            found(
                .scheduleProgram, "\(unit) starts \(program), which isn't there",
                mend: "run: \(command)\(options.storeArguments)")
        }
        if isServed {
            fine("schedule", "a service runs the schedules")
        } else if missing.isEmpty, !installed.names.isEmpty {
            fine("schedule", "installed: \(installed.names.joined(separator: ", "))")
        }
    }
}

/// What is installed for a store: units of the user and of the machine, and lines of the crontab.
struct InstalledSchedules {
    private(set) var names: [String] = []
    /// Whether there is a unit of `ossync serve`.
    private(set) var hasService = false
    /// The programs that the services start, by the service.
    private(set) var programs: [(unit: String, program: String)] = []

    init(of store: String) {
        for folder in SystemdFolder.all {
            for file in (try? folder.files(of: store)) ?? [] {
                if let name = SystemdUnits.schedule(ofTimer: file) {
                    add(name)
                    continue
                }
                guard let text = folder.text(of: file) else { continue }
                hasService = hasService || SystemdUnits.isServe(text)
                if let program = SystemdUnits.program(ofService: text) {
                    programs.append(("\(folder.path)/\(file)", program))
                }
            }
        }
        // A machine without cron has none of its lines.
        let crontab = (try? Crontab.read()) ?? []
        for name in CrontabBlock.schedules(of: store, in: crontab) { add(name) }
    }

    private mutating func add(_ name: String) {
        if !names.contains(name) { names.append(name) }
    }

    /// The stores that schedules are installed for.
    static var stores: [String] {
        let units = SystemdFolder.all.flatMap { $0.stores }
        return units + CrontabBlock.stores(in: (try? Crontab.read()) ?? [])
    }
}
