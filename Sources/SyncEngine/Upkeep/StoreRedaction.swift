package import EventLog
internal import Projections
package import SyncCore

/// Takes texts out of a store that is held, and out of all its files.
///
/// A kill leaves texts in the archive or in free pages at worst; the same again finds them.
package struct StoreRedaction {
    package enum Stage: Sendable, CaseIterable {
        case clearing, appending, archive, replacing
    }

    /// What could not be done.
    package enum Failure: Error {
        /// Another process makes or writes a table of the records; nothing was changed.
        case projectionsInUse(path: String)
        /// The texts are out of the log, but free pages of its file hold them.
        case freePages(EventLogError)
    }

    private let store: HeldStore
    private let projections: String
    private let progress: (Stage) -> Void

    /// - Parameters:
    ///   - projections: `STORE/projections`.
    ///   - progress: is told what begins.
    package init(
        _ store: HeldStore, projections: String, _ progress: @escaping (Stage) -> Void = { _ in }
    ) {
        self.store = store
        self.projections = projections
        self.progress = progress
    }

    /// The log has to be opened anew afterwards.
    ///
    /// - Parameter texts: as they are in the log now.
    /// - Returns: the event that says so, this one's or that of an earlier redaction; nil where
    ///   nothing was ever taken out.
    /// - Throws: `Failure`, or what the engine or the log throws.
    package func run(_ texts: TextPlaces, reason: String) throws -> Position? {
        var event = texts.redactedAt
        if !texts.positions.isEmpty {
            // Before it is in the log: what a kill leaves must not be a table that has it still.
            progress(.clearing)
            guard let cleared = try ClearedProjections(projections) else {
                throw Failure.projectionsInUse(path: projections)
            }
            progress(.appending)
            let redacted = Redacted(
                records: texts.records, positions: texts.positions, reason: reason,
                requester: store.requester)
            try store.append(.redacted(redacted), stream: texts.stream)
            event = store.engine.control.position
            withExtendedLifetime(cleared) {}
        }
        progress(.archive)
        try store.log.redactArchive(texts)
        progress(.replacing)
        do throws(EventLogError) {
            try store.log.replaceByCompacted()
        } catch {
            throw Failure.freePages(error)
        }
        return event
    }
}
