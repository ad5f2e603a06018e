import Projections
import SyncCore
import SyncEngine

/// A place in the history, as people name it: a position (`@4711`), a time, a run (`r4711`, its
/// last event), or a time before now (`now-1h`).
enum Point: Equatable {
    case position(Position)
    case time(LogTime)
    case run(Position)

    /// - Throws: exit 2 for anything else.
    init(_ text: String, now: LogTime = SystemClock().read().wall) throws {
        let digits = text.hasPrefix("@") ? text.dropFirst() : text[...]
        if let number = Self.number(digits) {
            self = .position(Position(number))
        } else if let run = Self.run(text) {
            self = .run(run)
        } else if let time = Self.time(text, now) {
            self = .time(time)
        } else {
            throw CommandFailure(
                ExitCode.usage, "\(text): this names no point of the log",
                hint:
                    "give a position (@4711), a time (2026-11-24T08:00:00Z, in UTC if it names no "
                    + "zone), a run (r4711), or now-1h")
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        // "+1" would be a number too.
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            ? UInt64(text) : nil
    }

    static func run(_ text: String) -> Position? {
        guard text.hasPrefix("r") else { return nil }
        return number(text.dropFirst()).map { Position($0) }
    }

    /// A time by itself, for an option that takes nothing else.
    static func time(
        _ text: String, option: String, now: LogTime = SystemClock().read().wall
    ) throws -> LogTime {
        guard let time = time(text, now) else {
            throw CommandFailure(
                ExitCode.usage, "\(option) \(text): not a time",
                hint: "give 2026-11-24, 2026-11-24T08:00:00Z or now-1h; without a zone it is UTC")
        }
        return time
    }

    private static func time(_ text: String, _ now: LogTime) -> LogTime? {
        if text == "now" { return now }
        if text.hasPrefix("now-") {
            return TimeSpan(String(text.dropFirst(4))).map { now.adding(ms: -$0.ms) }
        }
        for end in ["", "Z", ":00Z", "T00:00:00Z"] {
            if let time = LogTime(rfc3339: text + end) { return time }
        }
        return nil
    }

    /// The last event up to there.
    ///
    /// - Throws: exit 2 for a position beyond the end, exit 1 for a run that isn't there.
    func position(in history: borrowing HistoryReader) throws -> Position {
        switch self {
        case .position(let position):
            guard position <= history.end else {
                throw CommandFailure(
                    ExitCode.usage,
                    "@\(position.rawValue): the log ends at position \(history.end.rawValue)")
            }
            return position
        case .time(let time): return try history.position(at: time)
        case .run(let run): return try Self.summary(of: run, in: history).last
        }
    }

    /// The same, for a stretch that may reach beyond the end.
    func last(in history: borrowing HistoryReader) throws -> Position {
        if case .position(let position) = self { return position }
        return try position(in: history)
    }

    /// The first event from there on.
    func first(in history: borrowing HistoryReader) throws -> Position {
        switch self {
        case .position(let position): max(position, Position(1))
        case .time(let time): try history.position(at: time.adding(ns: -1)).next
        case .run(let run): try Self.summary(of: run, in: history).run
        }
    }

    static func summary(
        of run: Position, in history: borrowing HistoryReader
    ) throws -> RunSummary {
        guard let summary = try history.run(run) else {
            throw missing(run: run)
        }
        return summary
    }

    static func missing(run: Position) -> CommandFailure {
        CommandFailure(
            ExitCode.failure, "there is no run r\(run.rawValue)",
            hint: "`ossync runs` lists them")
    }
}
