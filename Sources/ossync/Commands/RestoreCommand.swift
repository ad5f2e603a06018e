import ArgumentParser
import SyncCore
import SyncEngine

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a store of a backup.",
        discussion: """
            Makes the configured store, or that of --store, which must not exist: nothing is ever \
            overwritten. The backup is checked before anything is made, and the store before it \
            gets its name. What happened since the backup is gone from the log, so what was \
            fetched since is fetched again. The requests that were sent since are not known \
            either, so the first one is held back until the longest window of the limits has \
            passed. Stop whatever still syncs with the old store.

            Example: ossync restore /mnt/backups/erp-2026-11-24
            """)

    @Argument(help: "The folder of the backup.", completion: .directory)
    var source: String

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        Output.outliveReader()
        let begun = SystemClock().read().bootNs
        let made = try Restore(session: session, source: source).run()
        let ns = SystemClock().read().bootNs - begun
        let free = made.control.limiter.unknownUntilNs(session.configuration.limitPolicy)
            .map { made.control.time(atBootNs: $0) }
        let report = Report(
            store: session.folder.path, made: made, firstRequest: free, durationNs: ns,
            next: "ossync sync\(global.storeArguments)")
        if session.output.isJSON {
            session.output.line(report.json.line)
        } else {
            for line in report.words { session.output.line(line.withoutControls) }
        }
    }
}

private struct Report {
    let store: String
    let made: Restore.Made
    /// The first request isn't sent before; nil where there is no limit to keep.
    let firstRequest: LogTime?
    let durationNs: Int64
    let next: String

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
            ("store", .string(store)), ("position", .number(made.control.position.rawValue)),
            ("backup", .object(made.manifest.members)),
            ("firstRequestAt", .optional(firstRequest?.rfc3339())),
            ("durationSeconds", .seconds(ns: durationNs)), ("next", .string(next)),
        ])
    }

    var words: [String] {
        let manifest = made.manifest
        let time = manifest.time ?? "before the first event"
        var lines = [
            "\(store): restored as of position \(manifest.position.rawValue), \(time)",
            "what was fetched since then is fetched again",
        ]
        if let firstRequest {
            lines.append(
                "the first request is sent at \(firstRequest.toTheSecond) at the earliest: what "
                    + "was sent since the backup is not known, so every window counts as full now")
        }
        lines.append("next: `\(next)`")
        return lines
    }
}
