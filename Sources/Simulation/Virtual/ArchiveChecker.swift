internal import EventLog
internal import LMDB
internal import SyncCore

/// Checks where the events of a log at rest are: each in the log or in a segment of its archive,
/// and nothing besides (invariant 4).
struct ArchiveChecker {
    /// - Parameters:
    ///   - store: the store's folder.
    ///   - isOpen: one was killed, and what it had copied may still be there.
    ///   - mayOverlap: one went less far than a copy that was there, which another one has finished
    ///     since, maybe.
    static func check(
        _ log: EventLog, store: String, isOpen: Bool, mayOverlap: Bool,
        _ violations: inout Violations
    ) throws {
        let snapshot = try log.snapshot()
        let archived = try snapshot.archivedThrough()
        let end = try snapshot.tail().position
        let names = try log.archive.names()
        var next = Position(1)
        for name in names where name.last <= archived {
            violations.expect(
                name.first == next || mayOverlap && name.first < next, 4,
                "the segment \(name.text) of the archive does not begin at \(next.rawValue)")
            next = max(next, name.last.next)
        }
        violations.expect(
            next == archived.next || isOpen, 4,
            "the archive ends before \(next.rawValue), but \(archived.rawValue) was moved there")
        violations.expect(
            isOpen || names.allSatisfy { $0.last <= archived }, 4,
            "a segment of the archive holds events that the log holds, too")
        try checkLog(log, archived, end, &violations)
        let left = unfinished(store)
        violations.expect(left.isEmpty, 4, "the next process has not removed \(left)")
    }

    /// What was being made in a store, or was replaced, by a process that is gone.
    static func unfinished(_ store: String) -> [String] {
        [store, LogArchive.folder(of: store)].flatMap { FileSystem.names(in: $0) ?? [] }
            .filter { $0.contains(".") }
    }

    private static func checkLog(
        _ log: EventLog, _ archived: Position, _ end: Position, _ violations: inout Violations
    ) throws {
        let transaction = try log.environment.beginRead()
        let events = try transaction.database("events")
        var cursor = try transaction.cursor(events)
        var (count, first): (UInt64, [UInt8]?) = (0, nil)
        var isThere = try cursor.first()
        while isThere {
            if first == nil { first = cursor.read { key, _ in [UInt8](key) } }
            count += 1
            isThere = try cursor.next()
        }
        let key = withUnsafeBytes(of: archived.next.rawValue.bigEndian) { Array($0) }
        violations.expect(
            count == end.rawValue - archived.rawValue && (first ?? key) == key, 4,
            "the log has \(count) events itself, but \(archived.rawValue) of \(end.rawValue) were "
                + "moved out of it")
    }
}
