package import EventLog
internal import Projections
package import SyncCore

/// Takes texts out of a store that is held, and out of all its files.
///
/// Once the event is in the log, no reader is shown what it names; a note in the log tells that
/// files aren't clean yet until they are. A kill leaves texts in the archive or in free pages at
/// worst, and that note: the same again, or any other redaction, cleans them.
package struct StoreRedaction {
    package enum Stage: Sendable, CaseIterable {
        case clearing, appending, archive, replacing
    }

    /// What could not be done.
    package enum Failure: Error {
        /// Another process makes or writes a table of the records; nothing was changed.
        case projectionsInUse(path: String)
        /// Files could not be cleaned; nothing was changed.
        case notCleanable([EventLogError])
        /// Whom it was about is out of the log, but files aren't clean: what, and why.
        case unclean(UnfinishedRedaction?, [EventLogError])
    }

    private let store: HeldStore
    private let projections: String
    private let streams: [String]
    private let progress: (Stage) -> Void

    private var log: EventLog { store.log }

    /// - Parameters:
    ///   - projections: `STORE/projections`.
    ///   - streams: those that have, or may get, a table of their records.
    ///   - progress: is told what begins.
    package init(
        _ store: HeldStore, projections: String, streams: [String] = [],
        _ progress: @escaping (Stage) -> Void = { _ in }
    ) {
        self.store = store
        self.projections = projections
        self.streams = streams + store.engine.control.streams.map(\.name)
        self.progress = progress
    }

    /// The log has to be opened anew afterwards.
    ///
    /// - Parameter texts: as they are in the log now.
    /// - Returns: the event that says so, this one's or that of an earlier redaction; nil where
    ///   nothing was ever taken out.
    /// - Throws: `Failure`, or what the engine or the log throws.
    package func run(_ texts: TextPlaces, reason: String) throws -> Position? {
        guard !texts.positions.isEmpty else {
            _ = try finish()
            return texts.redactedAt
        }
        let redacted = Redacted(
            records: texts.records, positions: texts.positions, reason: reason,
            requester: store.requester)
        var all = try log.snapshot().redactedTexts()
        all.add(redacted)
        let unclean = try log.uncleanSegments(all)
        // A damaged event doesn't keep others from being cleaned; it is told at the end.
        let failures =
            unclean.failures.filter { !$0.isDamagedEvent } + log.checkReplaceable(unclean.names)
        guard failures.isEmpty else { throw Failure.notCleanable(failures) }
        // Before it is in the log: what a kill leaves must not be a table that has it still.
        let cleared = try clear()
        progress(.appending)
        try store.append(.redacted(redacted), stream: texts.stream)
        let event = store.engine.control.position
        try clean(all)
        withExtendedLifetime(cleared) {}
        return event
    }

    /// Cleans what an earlier redaction has not, or what was put back since.
    ///
    /// - Returns: whether there was anything; then the log has to be opened anew.
    package func finish() throws -> Bool {
        let all = try log.snapshot().redactedTexts()
        let isUnfinished = try log.snapshot().unfinishedRedaction() != nil
        let unclean = try log.uncleanSegments(all)
        guard isUnfinished || !unclean.names.isEmpty || !unclean.failures.isEmpty else {
            return false
        }
        let cleared = try clear()
        try clean(all)
        withExtendedLifetime(cleared) {}
        return true
    }

    // MARK: Steps

    private func clear() throws -> ClearedProjections {
        progress(.clearing)
        guard let cleared = try ClearedProjections(projections, names: streams) else {
            throw Failure.projectionsInUse(path: projections)
        }
        return cleared
    }

    private func clean(_ texts: RedactedTexts) throws {
        progress(.archive)
        let unclean = try log.uncleanSegments(texts)
        var failures = log.clean(unclean.names, of: texts)
        // What could not even be looked at was not mended by it.
        failures += unclean.failures.filter { !failures.contains($0) }
        failures += try unread(texts)
        failures += log.removeLeftovers()
        progress(.replacing)
        if failures.isEmpty {
            failures = log.finishRedaction()
        } else {
            // All that can be cleaned is; the note stays.
            do throws(EventLogError) {
                try log.replaceByCompacted()
            } catch {
                failures.append(error)
            }
        }
        guard failures.isEmpty else {
            throw Failure.unclean(try log.snapshot().unfinishedRedaction(), failures)
        }
    }
}

extension StoreRedaction {
    /// Events that may say what is to be cleaned, but can't be read.
    private func unread(_ texts: RedactedTexts) throws -> [EventLogError] {
        let snapshot = try log.snapshot()
        guard let unfinished = try snapshot.unfinishedRedaction() else { return [] }
        return texts.unread.filter { unfinished.first <= $0 && $0 <= unfinished.newest }.map {
            .corrupt(
                path: snapshot.place(of: $0), position: $0,
                reason: "it can't be read, and may say what is to be taken out")
        }
    }
}

extension EventLogError {
    fileprivate var isDamagedEvent: Bool {
        if case .corrupt(_, .some, _) = self { true } else { false }
    }
}
