import ArgumentParser
import EventLog
import Projections
import SyncCore
import SyncEngine

extension LogCommand {
    struct Redact: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the texts of a record, or of an event, out of the log for good.",
            discussion: """
                Headers and details of the record are removed from every event, from the archive, \
                from the projections, and from the free pages of all their files; who did it, and \
                why, is an event. Hashes stay, so the chain and replay do too. What stays besides: \
                the record's id, fingerprints of its texts, the words of errors, and words that a \
                twentieth of all records have, in compression dictionaries.

                Exports and backups that were made before still hold the texts: the backups are \
                named. Remove the data from the API first: when it changes there, it comes again.

                After a kill or a failure the same command, or any other `log redact`, finishes \
                it; until then `status` tells so. Exit 12 where events could not be read, which \
                may hold texts; the others are redacted all the same.

                Example: ossync log redact 4711 --reason "erasure request of 2026-11-20"
                Example: ossync log redact @815 --reason "a password in a description"
                """)

        @Argument(help: "A record's id, or the position of an event (@815).")
        var target: String

        @Option(help: "Why: it is kept in the log.")
        var reason: String

        @Flag(help: "Only tell what would be taken out.")
        var dryRun = false

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard !reason.allSatisfy(\.isWhitespace) else {
                throw ValidationError("--reason is empty: say why")
            }
        }

        func run() throws {
            let session = try Session(global)
            if dryRun {
                let texts = try RedactionTarget(target).texts(try session.openLog(), session)
                let event = texts.positions.isEmpty ? texts.redactedAt : nil
                return try RedactionReport(texts, event: event, session).tell(session.output)
            }
            guard
                let store = try EngineSession(session, activity: "log redact", creates: false)
            else { return }
            try redact(store)
        }

        private func redact(_ store: EngineSession) throws {
            let session = store.session
            let texts = try RedactionTarget(target).texts(store.log, session)
            let event = try store.redaction().run(texts, reason: reason)
            let report = try RedactionReport(texts, event: event, session)
            report.tell(session.output)
            if let failure = try report.failure(store.log) { throw failure }
        }
    }
}

/// What someone wants to have redacted.
private enum RedactionTarget {
    case record(RecordID)
    case event(Position)

    init(_ text: String) throws {
        guard text.hasPrefix("@") else {
            self = .record(RecordID(text))
            return
        }
        guard case .position(let position) = try Point(text), position != .none else {
            throw CommandFailure(
                ExitCode.usage, "\(text): this is no position", hint: "give one as @815")
        }
        self = .event(position)
    }

    /// - Throws: exit 1 for what isn't in the log.
    func texts(_ log: EventLog, _ session: Session) throws -> TextPlaces {
        let snapshot = try log.snapshot()
        switch self {
        case .record(let id):
            let stream = try session.stream(in: snapshot.control())
            guard stream.id != .none, let row = try snapshot.row(stream.id, id) else {
                throw CommandFailure(
                    ExitCode.failure,
                    "there is no record \(id) in stream \(stream.name); nothing was changed")
            }
            let progress = FoldProgress(session.output, "searching")
            defer { progress.end() }
            let end = try snapshot.tail().position
            return try snapshot.texts(
                of: RequestIntended.Asked(ordinal: row.ordinal, id: row.id), in: stream.id
            ) { if $0.rawValue % 4_096 == 0 { progress.tell($0, end) } }
        case .event(let position):
            guard let texts = try snapshot.texts(at: position) else {
                throw CommandFailure(
                    ExitCode.failure,
                    "@\(position.rawValue): the log ends before it; nothing was changed")
            }
            guard !texts.records.isEmpty else {
                throw CommandFailure(
                    ExitCode.failure,
                    "@\(position.rawValue): this event has no text of a record; nothing was changed"
                )
            }
            return texts
        }
    }
}

private struct RedactionReport {
    let texts: TextPlaces
    /// The event that says so; nil where nothing was taken out.
    let event: Position?
    /// Those that hold the texts still.
    let backups: [BackupLedger.Entry]

    /// - Parameter event: the one that says that they were taken out; nil where none does yet.
    init(_ texts: TextPlaces, event: Position?, _ session: Session) throws {
        self.texts = texts
        self.event = event
        backups = try BackupLedger(session.folder).entries().filter { entry in
            guard let first = texts.first, first <= entry.position else { return false }
            return event.map { entry.position < $0 } ?? !texts.positions.isEmpty
        }
    }

    private var exitCode: Int32 { texts.unread.isEmpty ? 0 : ExitCode.corrupt }

    /// What is to be told where not all could be read: nobody may take that for done.
    func failure(_ log: EventLog) throws -> CommandFailure? {
        guard let first = texts.unread.first else { return nil }
        let place = try log.snapshot().place(of: first)
        let places = texts.unread.prefix(20).map { "@\($0.rawValue)" }.joined(separator: ", ")
        return CommandFailure(
            exitCode,
            "\(place): damaged: \(places) could not be read and may hold texts: what could be read "
                + "is taken out",
            hint: "put back a whole copy of it and run this again, or copy what comes before it: "
                + "`ossync log salvage NEW`")
    }

    func tell(_ output: Output) {
        guard !output.isJSON else { return output.line(json.line) }
        for line in words { output.line(line.withoutControls) }
    }

    private var json: JSONText {
        let backups = backups.map { entry in
            JSONText.object(entry.members + [("isThere", .literal(String(entry.isThere)))])
        }
        return .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(exitCode)),
            ("records", .array(texts.records.map { .string($0.id.text) })),
            ("positions", .array(texts.positions.map { .number($0.rawValue) })),
            ("bytes", .number(texts.bytes)),
            ("unread", .array(texts.unread.map { .number($0.rawValue) })),
            ("event", event.map { .number($0.rawValue) } ?? .null), ("backups", .array(backups)),
        ])
    }

    private var words: [String] {
        let places = texts.positions.prefix(20).map { "@\($0.rawValue)" }.joined(separator: ", ")
        let more = texts.positions.count > 20 ? ", ..." : ""
        let name =
            texts.records.count == 1 ? texts.records[0].id.text : "\(texts.records.count) records"
        guard !texts.positions.isEmpty else {
            let before = texts.redactedAt.map { ": redacted at @\($0.rawValue)" } ?? ""
            return ["no text of \(name) is left in the log\(before)"] + backupWords
        }
        let verb = event == nil ? "would be taken out of" : "taken out of"
        var lines = [
            "\(name): \(UInt64(texts.bytes).grouped) bytes of text \(verb) "
                + "\(texts.positions.count) \(texts.positions.count == 1 ? "event" : "events") "
                + "(\(places)\(more))"
        ]
        if let event {
            lines.append("position \(event.rawValue) says so; projections are made anew when used")
        }
        return lines + backupWords
    }

    private var backupWords: [String] {
        guard !backups.isEmpty else { return [] }
        return ["these backups still hold it:"]
            + backups.map { entry in
                "  \(entry.createdAt)  position \(entry.position.rawValue)  \(entry.path)"
                    + (entry.isThere ? "" : ", not there any more")
            }
    }
}
