internal import EventLog
internal import Glibc
internal import LMDB
internal import SyncCore
internal import SyncEngine

/// The fold of a log from its first event on, in a store of its own, to be compared with what the
/// log's own store holds.
///
/// It goes on with the events that came since the last comparison.
struct ScratchFold {
    private static let tables = ["records", "ids", "queue", "seen"]

    private let replayer: Replayer

    /// - Parameter folder: an empty one, which is not needed any more.
    init(folder: String) throws {
        replayer = Replayer(try ScratchStore(in: folder), comparesTexts: true)
    }

    var control: ControlState { replayer.control }

    /// Folds the events that follow those it knows, and decides each step of theirs anew
    /// (invariant 6).
    func take(_ log: EventLog, _ violations: inout Violations) throws {
        var found: [Divergence] = []
        try log.replay(replayer) { step, _ in
            if let divergence = step.divergence { found.append(divergence) }
            return true
        }
        for divergence in found {
            violations.note(
                6, "the step at \(divergence.position.rawValue) is decided otherwise in replay")
        }
    }

    func compare(with log: EventLog, _ violations: inout Violations) throws {
        violations.expect(
            try log.snapshot().control() == replayer.control, 5, "the control state is not the fold"
        )
        for table in Self.tables { try compare(table, with: log, &violations) }
    }

    private func compare(
        _ table: String, with log: EventLog, _ violations: inout Violations
    ) throws {
        let live = try log.environment.beginRead()
        let folded = try replayer.folded.environment.beginRead()
        var left = try live.cursor(try live.database(table))
        var right = try folded.cursor(try folded.database(table))
        var hasLeft = try left.first()
        var hasRight = try right.first()
        var row = 0
        while hasLeft, hasRight {
            let isEqual = left.read { leftKey, leftValue in
                right.read { rightKey, rightValue in
                    leftKey.isEqual(to: rightKey) && leftValue.isEqual(to: rightValue)
                }
            }
            guard isEqual else {
                violations.note(5, "entry \(row) of table \(table) is not the fold of the log")
                return
            }
            row += 1
            hasLeft = try left.next()
            hasRight = try right.next()
        }
        violations.expect(
            hasLeft == hasRight, 5,
            "table \(table) has more or fewer than the \(row) entries of the fold")
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let mine = baseAddress, let theirs = other.baseAddress else { return true }
        return memcmp(mine, theirs, count) == 0
    }
}
