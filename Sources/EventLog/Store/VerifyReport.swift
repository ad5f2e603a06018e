package import SyncCore

/// What `log verify` found.
package struct VerifyReport: Sendable, Equatable {
    /// What is wrong where there is a problem.
    package enum Part: String, Sendable {
        /// The log itself: its events, or the chain over them.
        case events
        /// A stretch of the archive that isn't there: not damaged, but not checked either.
        case archive
        /// Texts that a `Redacted` names are still there, or may be in files of the store.
        case redaction
        /// What is stored beside the events in the log's environment: control state, rows, indexes.
        case rows
        /// LMDB's pages: all can be read, but they are not as LMDB leaves them.
        case pages
        /// A projection, which can be deleted.
        case projection
        /// The head that was kept elsewhere is not one of this log.
        case head
    }

    package struct Problem: Sendable, Equatable {
        package let part: Part
        /// The event it concerns; nil when it concerns none.
        package let position: Position?
        package let text: String

        package init(_ part: Part = .events, position: Position?, text: String) {
            self.part = part
            self.position = position
            self.text = text
        }
    }

    package init(problems: [Problem] = []) { self.problems = problems }

    package var events: UInt64 = 0
    package var commits: UInt64 = 0
    /// The last position.
    package var position: Position = .none
    /// The head of the hash chain, 32 bytes: kept elsewhere, it proves that a later log extends
    /// this one.
    package var head: [UInt8] = ChainHasher.genesis
    /// The end of the last commit before which, and in which, nothing of the log is damaged.
    package var whole: Position = .none
    /// The last position that the log names anywhere: what lies beyond `whole` is at stake.
    package var end: Position = .none
    /// Whether state and rows were compared with the fold of the events: one that isn't whole has
    /// none.
    package var isFolded = false
    package var problems: [Problem] = []
    /// What was there and not looked at, since nothing of the log is in it.
    package var unchecked: [String] = []
    /// More was wrong than is listed.
    package var isCut = false

    package var isClean: Bool { problems.isEmpty }

    private static let mostProblems = 100

    package mutating func note(_ part: Part, _ position: Position?, _ text: String) {
        guard problems.count < Self.mostProblems else {
            isCut = true
            return
        }
        problems.append(Problem(part, position: position, text: text))
    }
}
