import LMDB
import SyncEngine

/// The lines that a crontab(5) holds for one store, between two lines that mark them.
struct CrontabBlock {
    /// The longest command that every cron takes.
    private static let maxCommandBytes = 998

    let store: String
    /// With the marks and the line ends.
    let text: String

    private static func begin(_ store: String) -> String { "# BEGIN ossync schedules of \(store)" }
    private static func end(_ store: String) -> String { "# END ossync schedules of \(store)" }

    /// - Throws: exit 2 for what cron can't do.
    init(_ sync: ScheduledSync, _ schedules: [Configuration.Schedule]) throws {
        store = sync.store
        var lines = [
            Self.begin(store),
            "# Made by `ossync schedule install`, which replaces it: keep your own lines above it,",
            "# where CRON_TZ isn't theirs. A cron that doesn't know it, as Debian's, takes the",
            "# times in the machine's time zone. No cron makes good a time that was missed.",
        ]
        if sync.environmentFile == nil, !sync.variables.isEmpty {
            lines += [
                "# The configuration reads \(sync.variables.joined(separator: ", ")): give them in",
                "# a file of NAME=VALUE lines that only you can read, with --environment-file.",
            ]
        }
        for schedule in schedules {
            guard let (cron, timeZone) = try schedule.cron() else {
                throw CommandFailure(
                    ExitCode.usage,
                    "schedule \(schedule.name): cron can't run it \(schedule.timingText)",
                    hint: "take a divisor of an hour or a day, or --format systemd")
            }
            guard schedule.overlap == .skip else {
                throw CommandFailure(
                    ExitCode.usage,
                    "schedule \(schedule.name): under cron, runs that wait (overlap: queue) would "
                        + "pile up", hint: "take overlap: skip, or --format systemd")
            }
            lines += [
                "# \(schedule.name)", "CRON_TZ=\(timeZone)",
                "\(cron.text) \(try Self.command(sync, schedule))",
            ]
        }
        lines.append(Self.end(store))
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func command(
        _ sync: ScheduledSync, _ schedule: Configuration.Schedule
    ) throws -> String {
        var command = ""
        if schedule.jitterMs >= 1_000 {
            // Always the same delay, another one for each store: cron can't draw one.
            let most = UInt64(schedule.jitterMs / 1_000)
            let delay = Schedule.hash("\(sync.store) \(schedule.name)") % (most + 1)
            if delay > 0 { command += "sleep \(delay) && " }
        }
        if let file = sync.environmentFile { command += "set -a && . \(try word(file)) && " }
        if let home = sync.configHome { command += "XDG_CONFIG_HOME=\(try word(home)) " }
        let words = [sync.executable] + sync.arguments(schedule)
        command += try words.map(word).joined(separator: " ")
        guard command.utf8.count <= maxCommandBytes else {
            throw CommandFailure(
                ExitCode.usage,
                "schedule \(schedule.name): the command is longer than the \(maxCommandBytes) "
                    + "bytes that cron takes", hint: "use --format systemd")
        }
        return command
    }

    /// A word as the shell takes it behind cron: there `%` is a line end unless a backslash stands
    /// before it, which some take away and others leave to the shell. So it stands outside the
    /// quotes, where both are right.
    static func word(_ word: String) throws -> String {
        guard !word.contains("\\") else {
            throw CommandFailure(
                ExitCode.usage, "\(word): not every cron takes a path with a backslash",
                hint: "use --format systemd")
        }
        return GlobalOptions.quoted(word).replacing("%", with: "'\\%'")
    }

    /// The names of the schedules in the block of a store.
    static func schedules(of store: String, in crontab: [UInt8]) -> [String] {
        let lines = lines(crontab)
        guard
            let begin = lines.firstIndex(where: { line in
                self.store(ofBegin: line.utf8).map { FileSystem.isSame($0, store) } ?? false
            }), let named = self.store(ofBegin: lines[begin].utf8)
        else { return [] }
        let block = lines[begin...].prefix { $0 != end(named) }
        return block.indices.dropLast().filter { block[$0 + 1].hasPrefix("CRON_TZ=") }
            .map { String(block[$0].dropFirst(2)) }
    }

    /// The stores that have a block.
    static func stores(in crontab: [UInt8]) -> [String] {
        lines(crontab).compactMap { store(ofBegin: $0.utf8) }
    }

    /// The store whose block a line begins; nil for any other line.
    private static func store(ofBegin line: some Collection<UInt8>) -> String? {
        let mark = begin("").utf8
        guard line.starts(with: mark) else { return nil }
        return String(decoding: line.dropFirst(mark.count), as: UTF8.self)
    }

    private static func lines(_ crontab: [UInt8]) -> [String] {
        String(decoding: crontab, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// A crontab with the block of a store replaced, or taken out; every other byte stays.
    ///
    /// A new block stands last, so that its CRON_TZ holds for no line of others.
    ///
    /// - Parameter block: nil takes it out.
    /// - Throws: exit 1 where a block has lost its last line.
    static func replacing(
        blockOf store: String, in crontab: [UInt8], with block: CrontabBlock?
    ) throws -> [UInt8] {
        let lineEnd = UInt8(ascii: "\n")
        var result: [UInt8] = []
        // The store whose block this is: ours, by whichever name it was installed.
        var inside: String?
        var rest = crontab[...]
        while !rest.isEmpty {
            let next = rest.firstIndex(of: lineEnd).map { $0 + 1 } ?? rest.endIndex
            let line = rest[..<next]
            rest = rest[next...]
            let content = line.last == lineEnd ? line.dropLast() : line
            if let own = inside {
                if content.elementsEqual(end(own).utf8) { inside = nil }
            } else if let named = self.store(ofBegin: content), FileSystem.isSame(named, store) {
                inside = named
            } else {
                result += line
            }
        }
        if let inside {
            throw CommandFailure(
                ExitCode.failure,
                "the crontab has the line \"\(begin(inside))\", but not the END that belongs "
                    + "to it", hint: "mend it with `crontab -e`")
        }
        guard let block else { return result }
        if let last = result.last, last != lineEnd { result.append(lineEnd) }
        return result + Array(block.text.utf8)
    }
}
