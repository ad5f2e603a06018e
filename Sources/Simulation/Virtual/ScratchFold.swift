internal import EventLog
internal import Glibc
internal import LMDB
internal import SyncCore

/// The fold of a log from its first event on, in a store of its own, to be compared with what the
/// log's own store holds.
///
/// It goes on with the events that came since the last comparison. They are not appended: only
/// what follows from them is stored.
struct ScratchFold {
    private static let tables = ["records", "ids", "queue", "seen"]

    private let scratch: EventLog
    private(set) var control = ControlState()

    /// - Parameter folder: an empty one.
    init(folder: String) throws {
        try EventLog.create(store: folder, durability: .none)
        scratch = try EventLog.open(store: folder, .write, durability: .none)
    }

    /// Folds the events that follow those it knows, and decides each step of theirs anew.
    mutating func take(_ events: [LoggedEvent], _ violations: inout Violations) throws {
        let writer = try scratch.beginWrite(after: .none)
        var rest = events[...]
        while let first = rest.popFirst() {
            let others = rest.prefix { !$0.startsStep }
            rest = rest.dropFirst(others.count)
            let step = [first] + others
            try replay(step, writer, &violations)
            for event in step {
                apply(event, to: &control)
                let order = event.stream == .none ? nil : control[event.stream].idOrder
                try writer.fold([event], idOrder: order ?? .none)
            }
        }
        try writer.commit()
    }

    /// Invariant 6: the same input over the same state leads to the same decision. Nothing is sent,
    /// since nobody performs the effects.
    private func replay(
        _ step: [LoggedEvent], _ writer: borrowing LogWriter, _ violations: inout Violations
    ) throws {
        guard let first = step.first else { return }
        let fact = first.event.type.isFact ? first.event : nil
        let needs = needsToDecide(control, fact: fact, now: first.time)
        let decision = decide(
            control, fact: fact, stream: first.stream, rows: try writer.rows(needs),
            now: first.time)
        violations.expect(
            decision.events == step, 6,
            "the step at \(first.position.rawValue) is decided otherwise in replay")
    }

    func compare(with log: EventLog, _ violations: inout Violations) throws {
        violations.expect(
            try log.snapshot().control() == control, 5, "the control state is not the fold")
        for table in Self.tables { try compare(table, with: log, &violations) }
    }

    private func compare(
        _ table: String, with log: EventLog, _ violations: inout Violations
    ) throws {
        let live = try log.environment.beginRead()
        let folded = try scratch.environment.beginRead()
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
