package import EventLog
package import SyncCore

/// Moves the oldest events of a store that is held into its archive, and gives back the room that
/// they had.
///
/// A kill at any moment loses nothing; the next compaction goes on with what it finds.
package struct StoreCompaction {
    package enum Stage: Sendable, CaseIterable {
        case copying, checking, removing, replacing
    }

    /// Why nothing was begun.
    package enum Failure: Error {
        /// Files of the store aren't clean of what a redaction takes out: finish that first.
        case redactionUnfinished(UnfinishedRedaction)
    }

    package struct Result {
        /// The segments whose events are out of the log, by this compaction.
        package fileprivate(set) var moved: [ArchiveName] = []
        /// Whether the log's file was replaced by a smaller one: the log has to be opened anew.
        package fileprivate(set) var isReplaced = false
        /// Why it wasn't, where it should have been: it keeps its size. Or it was stopped then.
        package fileprivate(set) var replaceError: EventLogError?
    }

    /// Is told how far a stage is, and how far it goes; what it throws ends the compaction.
    package typealias Progress = (Stage, Position, Position) throws -> Void

    private let store: HeldStore
    private let workers: Int
    private let follow: (Position) -> Void
    private let isStopped: () -> Bool
    private let progress: Progress

    private var log: EventLog { store.log }

    /// - Parameters:
    ///   - workers: threads that check what was copied.
    ///   - follow: folds what will be taken out of the log into whatever is made of its events, up
    ///     to a position.
    ///   - isStopped: asked now and then while the file is replaced.
    package init(
        _ store: HeldStore, workers: Int, follow: @escaping (Position) -> Void = { _ in },
        isStopped: @escaping () -> Bool = { false }, _ progress: @escaping Progress
    ) {
        self.store = store
        self.workers = workers
        self.follow = follow
        self.isStopped = isStopped
        self.progress = progress
    }

    /// Moves the events before a position, as far as they are whole commits.
    package func run(before first: Position) throws -> Result {
        // What it says must be in the log itself until it is done.
        if let unfinished = try log.snapshot().unfinishedRedaction() {
            throw Failure.redactionUnfinished(unfinished)
        }
        var result = Result()
        try finish(&result, through: log.snapshot().endOfCommit(before: first))
        if let name = try log.snapshot().movable(before: first) {
            try copy(name)
            try moveOut(name, isSaid: false)
            result.moved.append(name)
        }
        // Also where an earlier one was ended before it came to that.
        guard try !result.moved.isEmpty || log.isMostlyFree() else { return result }
        let end = store.engine.control.position
        try progress(.replacing, end, end)
        do throws(EventLogError) {
            try log.replaceByCompacted(isStopped: isStopped)
            result.isReplaced = true
        } catch {
            guard error.isRefusedReplacement || isStopped() else { throw error }
            result.replaceError = error
        }
        return result
    }

    /// Goes on with what a killed compaction has copied.
    ///
    /// - Parameter last: so far events are to be moved.
    private func finish(_ result: inout Result, through last: Position) throws {
        while let (found, isSaid) = try log.unfinishedSegment(through: last) {
            try log.refresh(found)
            try log.check(found, workers: workers) { try progress(.checking, $0, found.last) }
            try moveOut(found, isSaid: isSaid)
            result.moved.append(found)
        }
    }

    private func copy(_ name: ArchiveName) throws {
        try progress(.copying, Position(name.first.rawValue - 1), name.last)
        var compaction = try LogCompaction(log, through: name.last)
        do {
            while try compaction.copy() {
                try progress(.copying, compaction.position, name.last)
            }
            try progress(.checking, Position(name.first.rawValue - 1), name.last)
            try compaction.check(workers: workers) { try progress(.checking, $0, name.last) }
        } catch {
            compaction.discard()
            throw error
        }
        try compaction.publish()
    }

    /// Says so in the log, then takes the events out of it.
    ///
    /// - Parameter isSaid: the log says so already.
    private func moveOut(_ name: ArchiveName, isSaid: Bool) throws {
        let archived = try log.snapshot().archivedThrough()
        try progress(.removing, archived, name.last)
        if !isSaid { try note(name) }
        follow(name.last)
        try log.removeArchived(through: name.last) { try progress(.removing, $0, name.last) }
    }

    private func note(_ name: ArchiveName) throws {
        let head = try log.snapshot().head(at: name.last) ?? []
        let compacted = LogCompacted(
            last: name.last, head: head, archive: name.text, requester: store.requester)
        try store.append(.logCompacted(compacted), stream: .none)
    }
}
