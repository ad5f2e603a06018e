import EventLog
import SyncCore
import SyncEngine

extension LogSnapshot {
    /// One line about redactions whose files aren't clean yet, and how that is ended; nil where all
    /// are.
    func unfinishedRedactionText() throws -> String? {
        guard let unfinished = try unfinishedRedaction() else { return nil }
        return "the redaction at @\(unfinished.newest.rawValue) isn't finished: files of the store "
            + "may hold the texts; `\(try finishing(unfinished))` takes them out"
    }

    /// Where it is in the log, and the command that ends it.
    func unfinishedRedactionJSON() throws -> JSONText? {
        guard let unfinished = try unfinishedRedaction() else { return nil }
        return .object([
            ("position", .number(unfinished.newest.rawValue)),
            ("next", .string(try finishing(unfinished))),
        ])
    }

    private func finishing(_ unfinished: UnfinishedRedaction) throws -> String {
        let event = try event(at: unfinished.newest, bodies: .none)?.event
        var target = "ID"
        if case .redacted(let redacted)? = event {
            let isOne = redacted.records.count == 1
            target =
                isOne
                ? redacted.records[0].id.text.withoutControls
                : redacted.positions.first.map { "@\($0.rawValue)" } ?? target
        }
        return "ossync log redact \(target) --reason TEXT"
    }
}

extension StoreRedaction.Failure {
    /// What it is to the user.
    var commandFailure: CommandFailure {
        switch self {
        case .projectionsInUse(let path):
            CommandFailure(
                ExitCode.locked,
                "\(path): another process makes a table of the records; nothing was changed",
                hint: "wait until it is done")
        case .notCleanable(let errors):
            CommandFailure(
                Self.exitCode(errors),
                "files could not be cleaned, so nothing was changed: \(Self.text(errors))",
                hint: "run it again once that is mended")
        case .unclean(let unfinished, let errors):
            CommandFailure(
                Self.exitCode(errors),
                (unfinished.map { "the log says it at @\($0.newest.rawValue), and " } ?? "")
                    + "no reader is shown the texts, but these files may hold them, in free pages "
                    + "at least: \(Self.text(errors))",
                hint: "the same command finishes it once that is mended")
        }
    }

    /// Damage comes first.
    private static func exitCode(_ errors: [EventLogError]) -> Int32 {
        errors.map { EngineError.log($0).exitCode }.max() ?? ExitCode.failure
    }

    private static func text(_ errors: [EventLogError]) -> String {
        errors.map(\.description).joined(separator: "; ")
    }
}

extension StoreCompaction.Failure {
    /// What it is to the user.
    var commandFailure: CommandFailure {
        switch self {
        case .redactionUnfinished(let unfinished):
            CommandFailure(
                ExitCode.failure,
                "the redaction at @\(unfinished.newest.rawValue) isn't finished",
                hint: "run it again")
        }
    }
}
