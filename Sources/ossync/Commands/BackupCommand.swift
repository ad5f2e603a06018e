import ArgumentParser
import EventLog
import Glibc
import SyncCore
import SyncEngine

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the store's log into a new folder, while syncs go on.",
        discussion: """
            The copy is of one moment, without free pages, and is read back and checked event by \
            event before it gets its name: a folder of that name is a whole backup. It can be read \
            in place (`ossync status --store DEST`), but nothing writes to it: `ossync restore` \
            makes a store of it. Projections are not in it: they are folded from the log. Nor is \
            the configuration: keep it yourself, with its secrets. The store remembers its \
            backups: `ossync backup --list`.

            Example: ossync backup /mnt/backups/erp-2026-11-24
            """)

    @Argument(
        help: "The folder to make; it must not exist, or be empty.", completion: .directory)
    var destination: String?

    @Flag(help: "List the backups that were made of this store.")
    var list = false

    @Flag(help: "Leave out what `log compact` has moved to the archive.")
    var withoutArchive = false

    @Flag(help: ArgumentHelp(visibility: .hidden))
    var inProcess = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !inProcess else { return }
        if list, destination != nil {
            throw ValidationError("--list makes no backup: leave the folder out")
        }
        if !list, destination == nil {
            throw ValidationError("name the folder to make, or use --list")
        }
    }

    func run() throws {
        let session = try Session(global)
        Output.outliveReader()
        if inProcess {
            try session.openLog().copy(to: STDOUT_FILENO)
        } else if let destination {
            try make(session, destination)
        } else {
            try printList(session)
        }
    }

    private func make(_ session: Session, _ destination: String) throws {
        let begun = SystemClock().read().bootNs
        // A store that isn't there is told before anything about the destination.
        _ = try session.openLog()
        let place = try BackupPlace.resolve(destination, store: session.folder)
        let made = try Backup(
            session: session, destination: place, skipsArchive: withoutArchive
        ).run()
        let manifest = made.manifest
        let ns = SystemClock().read().bootNs - begun
        guard session.output.isJSON else {
            let time = manifest.time.map { " (\($0))" } ?? ""
            let size = "\((manifest.allBytes >> 20).grouped) MiB"
            session.output.line(
                "\(place.withoutControls): \(manifest.events.grouped) events, up to position "
                    + "\(manifest.position.rawValue)\(time); \(size) in "
                    + "\(TimeSpan.text(seconds: ns / .nsPerSecond)), checked")
            session.output.line("head \(manifest.head)")
            return
        }
        session.output.line(
            JSONText.object(
                [
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("path", .string(place)),
                ] + manifest.members + [
                    ("noted", .literal(String(made.isNoted))),
                    ("durationSeconds", .seconds(ns: ns)),
                    ("next", .null),
                ]
            ).line)
    }

    private func printList(_ session: Session) throws {
        let position = try session.openLog().snapshot().tail().position
        let entries = try BackupLedger(session.folder).entries()
        for entry in entries {
            guard session.output.isJSON else {
                let state = entry.isThere ? "" : ", not there any more"
                session.output.line(
                    "\(entry.createdAt)  position \(entry.position.rawValue)  \(entry.path)\(state)"
                        .withoutControls)
                continue
            }
            session.output.line(
                JSONText.object(
                    [("v", .number(1)), ("type", "backup")] + entry.members + [
                        ("isThere", .literal(String(entry.isThere)))
                    ]
                ).line)
        }
        if session.output.isJSON {
            session.output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                    ("position", .number(position.rawValue)), ("backups", .number(entries.count)),
                ]).line)
        } else if entries.isEmpty {
            session.output.note("no backup was made of \(session.folder.path)")
        }
    }
}
