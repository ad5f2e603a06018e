internal import LMDB
internal import Locks
package import SyncCore

/// The segments beside a log that hold its oldest events: `STORE/archive/FIRST-LAST`.
package final class LogArchive: Sendable {
    /// The folder of the segments; absent until the first compaction.
    package let path: String
    private let segments = Mutex(OpenSegments())

    init(path: String) { self.path = path }

    /// That of a store.
    package convenience init(of store: String) { self.init(path: Self.folder(of: store)) }

    /// The folder of a store's archive.
    package static func folder(of store: String) -> String { "\(store)/archive" }

    /// The segments that are there, oldest first.
    ///
    /// - Throws: where the folder can't be read, which says nothing about what is in it.
    package func names() throws(EventLogError) -> [ArchiveName] {
        do throws(LMDBError) {
            return try FileSystem.entries(of: path).compactMap(ArchiveName.init).sorted()
        } catch {
            throw EventLogError(error)
        }
    }

    /// The folder of a segment.
    package func folder(_ name: ArchiveName) -> String { "\(path)/\(name.text)" }

    /// Removes a segment that nobody has open.
    package func remove(_ name: ArchiveName) { Environment.removeEnvironment(folder(name)) }

    /// Where the events up to a position can't be had: the stretches that no segment holds.
    package func gaps(
        through last: Position
    ) throws(EventLogError) -> [ClosedRange<Position>] {
        Self.gaps(among: try names(), through: last)
    }

    /// - Parameter names: oldest first.
    static func gaps(
        among names: [ArchiveName], through last: Position
    ) -> [ClosedRange<Position>] {
        var next = Position(1)
        var gaps: [ClosedRange<Position>] = []
        for name in names where name.last >= next && name.first <= last {
            if name.first > next { gaps.append(next...Position(name.first.rawValue - 1)) }
            next = name.last.next
        }
        if next <= last { gaps.append(next...last) }
        return gaps
    }

    /// The segments that hold an event by their names, one at least.
    ///
    /// - Throws: `.archiveMissing` with the whole stretch around it that none of them holds.
    func names(
        holding position: Position, of end: Position
    ) throws(EventLogError) -> [ArchiveName] {
        let names = try names()
        let found = names.filter { $0.holds(position) }
        guard found.isEmpty else { return found.reversed() }
        let before = names.filter { $0.last < position }.map(\.last).max() ?? .none
        let next = names.first { $0.first > position }?.first.rawValue ?? .max
        throw .archiveMissing(
            path: path, first: before.next, last: min(end, Position(next - 1)))
    }

    /// Removes what a killed compaction was copying, and what a killed redaction left beside a
    /// segment: one that has the texts still, perhaps. The holder of the engine's lock alone may.
    package func removeUnfinished() {
        for folder in unfinishedFolders { Environment.removeEnvironment(folder) }
    }

    /// What they left.
    var unfinishedFolders: [String] {
        (FileSystem.names(in: path) ?? []).filter(ArchiveName.isUnfinished).map { "\(path)/\($0)" }
    }

    func segment(_ name: ArchiveName) throws(EventLogError) -> ArchiveSegment {
        try segments.withLock { segments throws(EventLogError) in
            if let open = segments[name], open.isInPlace {
                segments.keep(open)
                return open
            }
            let segment = try ArchiveSegment(name, folder(name))
            segments.keep(segment)
            return segment
        }
    }

    /// Lets go of the segments that are open.
    func close() { segments.withLock { $0 = OpenSegments() } }
}

/// The segments that are open, each a map and two files: those that somebody uses, and few more.
private struct OpenSegments {
    private static let mostKept = 4

    private struct Use {
        weak var segment: ArchiveSegment?
    }

    private var used: [ArchiveName: Use] = [:]
    /// The last that was asked for comes last.
    private var kept: [ArchiveSegment] = []

    subscript(name: ArchiveName) -> ArchiveSegment? { used[name]?.segment }

    mutating func keep(_ segment: ArchiveSegment) {
        used = used.filter { $0.value.segment != nil }
        used[segment.name] = Use(segment: segment)
        kept.removeAll { $0.name == segment.name }
        kept.append(segment)
        if kept.count > Self.mostKept { kept.removeFirst() }
    }
}

/// The name of a segment: the first and the last of its positions.
package struct ArchiveName: Hashable, Comparable, Sendable {
    package let first: Position
    package let last: Position

    package init(first: Position, last: Position) {
        self.first = first
        self.last = last
    }

    /// - Returns: nil for what names no segment.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]),
            first > 0, first <= last, text == "\(first)-\(last)"
        else { return nil }
        self.init(first: Position(first), last: Position(last))
    }

    package var text: String { "\(first.rawValue)-\(last.rawValue)" }

    /// What is written after the name of a segment while it is made.
    static let unfinishedMark = ".filling"

    /// Whether a file's name is that of a segment in the making, of what its making began with, or
    /// of a segment that another one replaced.
    static func isUnfinished(_ file: String) -> Bool {
        guard let dot = file.firstIndex(of: ".") else { return false }
        let name = String(file[..<dot])
        let isOne =
            file[dot...].hasPrefix(unfinishedMark) || Environment.isUnfinished(file, of: name)
        return isOne && ArchiveName(name) != nil
    }

    func holds(_ position: Position) -> Bool { first <= position && position <= last }

    func overlaps(_ other: ArchiveName) -> Bool { first <= other.last && other.first <= last }

    package static func < (left: ArchiveName, right: ArchiveName) -> Bool {
        (left.first, left.last) < (right.first, right.last)
    }
}

/// Events and links of the chain that were moved out of a log.
final class ArchiveSegment: Sendable {
    let name: ArchiveName
    let environment: Environment
    let events: Database
    let commits: Database

    init(_ name: ArchiveName, _ path: String) throws(EventLogError) {
        self.name = name
        do throws(LMDBError) {
            // Nothing is added to it, so no more room is needed than it has.
            var options = EnvironmentOptions(readOnly: true)
            options.mapSize = Int(clamping: FileSystem.size("\(path)/data.mdb") ?? 0)
            environment = try Environment.open(path, options)
            let transaction = try environment.beginRead()
            events = try transaction.database("events")
            commits = try transaction.database("commits")
            try transaction.keepDatabases()
        } catch {
            guard error.isDamage || error.code == .notFound || error.code == .versionMismatch else {
                throw .storage(error)
            }
            let what =
                error.code == .notFound && error.operation == "open"
                ? "there is no data.mdb in it" : "\(error.operation) failed: \(error.detail)"
            throw .corrupt(
                path: path, position: name.first,
                reason: "its segment of the archive can't be opened: \(what)")
        }
    }

    var isInPlace: Bool { environment.isInPlace }
}
