package import SyncCore

/// A step that is decided otherwise today than the log has it.
package struct Divergence: Sendable, Equatable {
    /// What the log has; empty where it has nothing at that moment.
    package let recorded: [LoggedEvent]
    /// What today's rules decide from the same facts, over the same state.
    package let decided: [LoggedEvent]
    /// The first position that differs.
    package let position: Position
    /// The version of the rules that decided then; nil where no run had told it.
    package let recordedVersion: UInt32?

    /// - Returns: nil where both are the same.
    init?(
        recorded: [LoggedEvent], decided: [LoggedEvent], after position: Position,
        version: UInt32?, comparesTexts: Bool
    ) {
        func isSame(_ pair: (LoggedEvent, LoggedEvent)) -> Bool {
            pair.0 == pair.1 || !comparesTexts && pair.0.withoutTexts == pair.1.withoutTexts
        }
        let same = zip(recorded, decided).prefix(while: isSame).count
        guard same < recorded.count || same < decided.count else { return nil }
        self.recorded = recorded
        self.decided = decided
        self.position = Position(position.rawValue + UInt64(same) + 1)
        recordedVersion = version
    }

    /// The event at `position` as the log has it; nil where it has less.
    package var recordedEvent: LoggedEvent? { recorded.first { $0.position == position } }
    /// The event at `position` as it would be decided today; nil where there would be none.
    package var decidedEvent: LoggedEvent? { decided.first { $0.position == position } }

    /// Whether the rules are known to have changed since: a change of mind, and no damage.
    package var isOfOtherRules: Bool {
        recordedVersion.map { $0 != Decider.version } ?? false
    }
}
