internal import LMDB
internal import SyncCore

/// The segments of an archive that a walk over the log may not read to their ends: all where there
/// is a gap, else those that overlap others or the log, of which one is read.
struct ArchiveCheck {
    /// Where the events can't be had that were moved to the archive.
    let gaps: [ClosedRange<Position>]
    private let names: [ArchiveName]
    private let archived: Position
    /// Those to be checked each by itself.
    private var left: [ArchiveName]

    enum Verdict {
        case sound
        /// - Parameter isNeeded: no other one has these events.
        case damaged(Position, String, isNeeded: Bool)
        /// Why it is none of this log's: nobody reads it.
        case unchecked(String)
    }

    init(_ archive: LogArchive, through archived: Position) throws(EventLogError) {
        let names = try archive.names()
        gaps = LogArchive.gaps(among: names, through: archived)
        self.names = names
        self.archived = archived
        left = names.reversed()
        guard gaps.isEmpty else { return }
        left.removeAll { name in
            name.last <= archived && !names.contains { $0 != name && $0.overlaps(name) }
        }
    }

    /// Checks the next one, by its own heads against those of the log.
    ///
    /// - Returns: nil when there is none left.
    mutating func next(
        _ snapshot: borrowing LogSnapshot, workers: Int
    ) throws -> (name: ArchiveName, verdict: Verdict)? {
        guard let name = left.popLast() else { return nil }
        if let reason = try snapshot.refusal(name, of: snapshot.log.archive) {
            return (name, foreign(name, reason))
        }
        do {
            try snapshot.check(name, workers: workers) { _ in }
            return (name, .sound)
        } catch let error as EventLogError {
            guard case .corrupt(_, let position, let reason) = error else { throw error }
            return (name, .damaged(position ?? name.first, reason, isNeeded: isNeeded(name)))
        }
    }

    private func foreign(_ name: ArchiveName, _ reason: String) -> Verdict {
        isNeeded(name) ? .damaged(name.first, reason, isNeeded: true) : .unchecked(reason)
    }

    private func isNeeded(_ name: ArchiveName) -> Bool {
        LogArchive.gaps(among: names.filter { $0 != name }, through: min(name.last, archived))
            .contains { $0.upperBound >= name.first }
    }
}
