package import EventLog
internal import LMDB
package import SyncCore

/// Checks the log of a store, and that the core rows are the fold of its events; goes on where
/// another process was interrupted.
package final class StoreVerification {
    /// Where another process stood, and when it, or the first of them, began.
    package struct Earlier: Sendable, Equatable {
        package let position: Position
        package let at: LogTime
    }

    /// What was checked longer ago says too little about now.
    private static let keptNs: Int64 = 24 * 3_600 * .nsPerSecond

    private let log: EventLog
    private let clock: any TimeSource
    private let folder: VerifyFolder
    private let audit: CoreAudit
    private var verifier: LogVerifier
    /// Where it goes on; nil when it begins at the first event.
    package let earlier: Earlier?
    /// The log's end when it began.
    package let end: Position
    private let begun: LogTime
    private var savedNs: Int64

    /// Whether what it does is kept, so that another process can go on with it.
    package var isResumable: Bool { folder.isKept }

    /// - Parameters:
    ///   - path: `STORE/verify`, to keep in what was done; nil to keep nothing.
    ///   - skipsArchive: whether what is in the archive is left out; nothing is kept then.
    ///   - restarts: whether it begins at the first event in any case.
    ///   - workers: threads beside this one.
    package init(
        _ log: EventLog, folder path: String?, clock: any TimeSource, against: ChainHead? = nil,
        skipsArchive: Bool = false, restarts: Bool = false, stretch: UInt64 = 16_384,
        workers: Int = 0
    ) throws {
        self.log = log
        self.clock = clock
        let now = clock.read()
        begun = now.wall
        savedNs = now.bootNs
        folder = VerifyFolder(skipsArchive ? nil : path, log: log.path, boot: now.bootID)
        let snapshot = try log.snapshot()
        end = try snapshot.tail().position
        var (file, noted) = try folder.begin(resumes: !restarts)
        if let found = noted, !Self.fits(found, snapshot, against, now.wall) {
            (file, noted) = try folder.begin(resumes: false)
        }
        earlier = noted.map { Earlier(position: $0.progress.position, at: $0.at) }
        // Only how it is sorted depends on it: a state that can't be read is found by the verifier.
        let streams = (try? snapshot.control())?.streams ?? []
        let records = noted?.records ?? streams.map(\.nextOrdinal.rawValue)
        audit = try CoreAudit(CoreAudit.Plan(records: records), path: file, resuming: noted?.file)
        folder.opened(file)
        verifier = try LogVerifier(
            log, from: noted?.progress ?? VerifyProgress(against: against),
            skipsArchive: skipsArchive, stretch: stretch, workers: workers)
    }

    /// Whether what was noted is of this log, for the same purpose, and not too old.
    private static func fits(
        _ noted: VerifyFolder.Noted, _ snapshot: borrowing LogSnapshot, _ against: ChainHead?,
        _ now: LogTime
    ) -> Bool {
        let progress = noted.progress
        guard progress.against == against, noted.at <= now, now.since(noted.at) < keptNs else {
            return false
        }
        // What can't be read is checked again.
        return (try? snapshot.head(at: progress.position)) == progress.head
            && (try? snapshot.identity(at: progress.position)) == progress.identity
    }

    /// The last position that was checked.
    package var position: Position { verifier.position }

    /// What was found so far.
    package var problems: [VerifyReport.Problem] { verifier.problems }

    /// The end of the last commit before which, and in which, nothing is damaged.
    package var whole: Position { verifier.whole }

    /// Whether what another process left is not what it wrote: nothing that was found counts, and
    /// all must be checked from the first event on. Known once it is finished.
    package var mustBeginAnew: Bool { earlier != nil && audit.hasLostFile }

    /// Whether there was no room beside the store for what was collected: nothing that was found
    /// counts, and all must be checked where nothing is kept. Known once it is finished.
    package var hasNoRoom: Bool { folder.isKept && audit.hasNoRoom }

    /// Checks some more of the log.
    ///
    /// - Returns: whether there may be more.
    package func advance() -> Bool { verifier.advance { audit.take($0) } }

    /// Notes where it is, so that another process can go on from here.
    ///
    /// - Parameter intervalNs: unless it was noted within this time.
    /// - Returns: whether another process will go on from here.
    @discardableResult
    package func save(notWithin intervalNs: Int64 = 0) -> Bool {
        let now = clock.read()
        guard folder.isKept, now.bootNs - savedNs >= intervalNs else { return false }
        savedNs = now.bootNs
        guard let progress = verifier.resumable, let file = audit.flush() else {
            // What was found is not noted, so nobody may pass over it.
            folder.remove()
            return false
        }
        return folder.note(
            VerifyFolder.Noted(
                at: earlier?.at ?? begun, progress: progress, records: audit.plan.records,
                file: file))
    }

    /// Compares rows and state with the fold, and ends the verification.
    package func finish() -> VerifyReport {
        let audit = audit
        let report = verifier.finish { snapshot, control in
            audit.problems(in: snapshot, control)
        }
        folder.remove()
        return report
    }
}
