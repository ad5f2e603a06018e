import EventLog
import Glibc
import LMDB
import SyncCore
import SyncEngine

/// What the process does that somebody started: it makes the new store beside its place, has it
/// filled and checked by children that may crash, and gives it its name at the end.
struct SalvageParent {
    private static let mark = ".salvage-"

    private let session: Session
    private let destination: StoreFolder
    /// Where the new store is until it is whole.
    private let work: StoreFolder
    private let progress: FoldProgress
    private var output: Output { session.output }
    private var position = Position.none
    private var isCopied = false
    /// Why it ends where it does; nil at the end of a log that is whole.
    private var reason: String?
    /// In how many events texts were that should have been taken out.
    private var textsLeft: UInt64 = 0
    private var completed: [String] = []
    private var lost: [String] = []
    /// Why what was lost was not looked at to its end; nil where it was.
    private var surveyEnd: String?

    /// - Throws: exit 2 for a destination that can't be used; nothing was made then.
    init(_ session: Session, _ destination: String) throws {
        self.session = session
        let trimmed = destination.count > 1 && destination.hasSuffix("/")
        let path = trimmed ? String(destination.dropLast()) : destination
        self.destination = StoreFolder(path)
        work = StoreFolder("\(path)\(Self.mark)\(getpid())")
        progress = FoldProgress(session.output, "salvage")
        try session.folder.checkReachable()
        guard session.folder.exists else {
            throw EngineError.log(.noStore(path: session.folder.path))
        }
        try checkDestination()
    }

    private func checkDestination() throws {
        guard !destination.path.isEmpty else {
            throw CommandFailure(ExitCode.usage, "the folder of the new store has no name")
        }
        var info = stat()
        if stat(destination.path, &info) == 0 || errno != ENOENT {
            guard FileSystem.names(in: destination.path)?.isEmpty ?? false else {
                throw CommandFailure(
                    ExitCode.usage, "\(destination.path): it exists, and is no empty folder",
                    hint: "name a folder that doesn't exist")
            }
        }
        let source = Self.resolved(session.folder.path)
        let parent = Self.resolved(FileSystem.parent(of: destination.path))
        guard parent != source, !parent.hasPrefix("\(source)/") else {
            throw CommandFailure(
                ExitCode.usage, "\(destination.path): it is in the damaged store",
                hint: "name a folder outside of it")
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }

    // MARK: The work

    mutating func run() throws {
        removeUnfinished()
        var lock: FolderLock?
        defer { withExtendedLifetime(lock) {} }
        do {
            try work.make()
            lock = FolderLock(work.path)
            try EventLog.create(store: work.path, durability: .none)
            try copy()
            try complete()
            try survey()
            try name()
        } catch {
            progress.end()
            FileSystem.remove(work.path)
            throw error
        }
        tellEnd()
    }

    private mutating func copy() throws {
        let end = try child("copy")
        progress.end()
        // What was committed by then is in the new store.
        if end.isCrash { reason = "the reading \(end.text)" }
        guard isCopied || reason != nil else {
            throw CommandFailure(
                ExitCode.failure, "\(session.folder.path): the reading \(end.text)")
        }
    }

    private mutating func complete() throws {
        let end = try child("complete")
        progress.end()
        guard completed.count == 5 else {
            throw CommandFailure(
                ExitCode.failure, "\(destination.path): the check of the copy \(end.text)")
        }
        position = Position(text: completed[3]) ?? .none
        guard position > .none else {
            throw CommandFailure(
                ExitCode.corrupt,
                "\(session.folder.path): nothing can be salvaged: \(reason ?? "it has no event")",
                hint: "restore a backup, or sync into a new --store")
        }
    }

    private mutating func survey() throws {
        guard reason != nil else { return }
        // However it ends, it has told what it saw.
        let end = try child("survey", ["--after", position.text])
        if surveyEnd == nil, end != .exited(0) { surveyEnd = end.text }
    }

    /// Gives the new store its name: it is there whole, or not at all.
    private func name() throws {
        try FileSystem.sync(folder: work.path)
        guard rename(work.path, destination.path) == 0 else {
            let text = String(cString: strerror(errno))
            throw CommandFailure(ExitCode.failure, "\(destination.path): create folder: \(text)")
        }
        try FileSystem.sync(folder: FileSystem.parent(of: destination.path))
    }

    private mutating func child(
        _ part: String, _ more: [String] = []
    ) throws -> ChildProcess.End {
        var arguments = [
            "log", "salvage", ChildProcess.flag, "--part", part, "--store", session.folder.path,
        ]
        if let config = session.options.config { arguments += ["--config", config] }
        var failure: CommandFailure?
        let end = try ChildProcess.run(arguments + more + ["--", work.path]) { words in
            failure = failure ?? ChildProcess.failure(words)
            take(words)
        }
        if let failure {
            if part == "survey", failure.exitCode < 128 {
                surveyEnd = failure.message
                return end
            }
            guard part == "copy", failure.exitCode == ExitCode.corrupt else { throw failure }
            reason = failure.message
        }
        return end
    }

    private mutating func take(_ words: [String]) {
        switch (words.first, words.count) {
        case ("progress", 3), ("checked", 3):
            guard let reached = Position(text: words[1]), let end = Position(text: words[2]) else {
                return
            }
            progress.tell(reached, end)
        case ("copied", 4):
            isCopied = true
            textsLeft = UInt64(words[3]) ?? 0
            reason = words[2].isEmpty ? nil : words[2]
        case ("completed", 5): completed = words
        case ("lost", 5...): lost = words
        default: break
        }
    }

    // MARK: Folders

    /// Removes what others left that were killed while they made the same store.
    private func removeUnfinished() {
        let parent = FileSystem.parent(of: destination.path)
        let name = destination.path.split(separator: "/").last.map(String.init) ?? ""
        let prefix = "\(name)\(Self.mark)"
        for file in FileSystem.names(in: parent) ?? [] where file.hasPrefix(prefix) {
            let path = "\(parent)/\(file)"
            guard let lock = FolderLock(path) else { continue }
            withExtendedLifetime(lock) { FileSystem.remove(path) }
        }
    }
}

/// A folder that is locked (flock) as long as its maker lives: what killed ones left is known by
/// that, whatever its number is now, or in which container it ran.
private final class FolderLock {
    private let descriptor: Int32

    /// - Returns: nil when another process holds it.
    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}

// MARK: - What is said

extension SalvageParent {
    /// What could be read of what was lost, by kind.
    private var lostTypes: [(String, UInt64)] {
        stride(from: 5, to: lost.count - 1, by: 2).map { (lost[$0], UInt64(lost[$0 + 1]) ?? 0) }
    }

    private func lostNumber(_ index: Int) -> UInt64 {
        lost.indices.contains(index) ? UInt64(lost[index]) ?? 0 : 0
    }

    private func lostTime(_ index: Int) -> LogTime? {
        guard lost.indices.contains(index) else { return nil }
        return Int64(lost[index]).map { LogTime(nanoseconds: $0) }
    }

    private func tellEnd() {
        let next = "ossync sync --store \(destination.path)"
        if output.isJSON {
            output.line(summary(next).line)
            return
        }
        output.line(
            "\(position.rawValue.grouped) events in \((UInt64(completed[2]) ?? 0).grouped) commits "
                + "are in \(destination.path), checked and on the disk")
        output.line("head \(completed[4])")
        if textsLeft > 0 {
            output.line(
                "redacted texts were still in \(textsLeft.grouped) events of "
                    + "\(session.folder.path), and are not in the new store: run `ossync log "
                    + "redact` for the same again there, or remove it")
        }
        guard let reason else {
            output.line("nothing was lost")
            return
        }
        output.line("it ends at \(reason)")
        let (events, sound) = (lostNumber(1), lostNumber(2))
        var text =
            "lost: \(events.grouped) events can still be seen, \(sound.grouped) of them sound"
        if let first = lostTime(3), let last = lostTime(4) {
            text += ", of \(first.toTheSecond) to \(last.toTheSecond)"
        }
        output.line(text)
        if let surveyEnd {
            output.line("there may be more: the look at what was lost ended early: \(surveyEnd)")
        }
        for (type, count) in lostTypes { output.line("  \(type) \(count.grouped)") }
        output.line(
            "requests among them are not counted any more: let the limits' windows pass, then "
                + "`\(next)` goes on")
    }

    private func summary(_ next: String) -> JSONText {
        let lost: JSONText =
            reason == nil
            ? .null
            : .object([
                ("from", .number(position.next.rawValue)), ("reason", .optional(reason)),
                ("events", .number(lostNumber(1))), ("sound", .number(lostNumber(2))),
                ("firstTime", .optional(lostTime(3)?.rfc3339())),
                ("lastTime", .optional(lostTime(4)?.rfc3339())),
                ("endedEarly", .optional(surveyEnd)),
                ("byEvent", .object(lostTypes.map { ($0.0, .number($0.1)) })),
            ])
        return .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
            ("store", .string(destination.path)), ("events", .number(position.rawValue)),
            ("commits", .literal(completed[2])), ("position", .number(position.rawValue)),
            ("head", .string(completed[4])), ("redactedAgain", .number(textsLeft)),
            ("lost", lost), ("next", .string(next)),
        ])
    }
}
