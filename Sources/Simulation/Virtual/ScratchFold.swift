internal import EventLog
internal import LMDB
internal import SyncCore

/// Folds a log from its first event in a store of its own, and compares what comes out with what
/// the log's own store holds.
struct ScratchFold {
    private static let tables = ["records", "ids", "queue", "seen"]
    private static let batch = 500

    let log: EventLog
    /// An empty folder.
    let folder: String

    func compare(_ violations: inout Violations) throws {
        try EventLog.create(store: folder, durability: .none)
        let scratch = try EventLog.open(store: folder, .write, durability: .none)
        let control = try fold(into: scratch)
        violations.expect(
            try log.snapshot().control() == control, 5, "the control state is not the fold")
        for table in Self.tables { try compare(table, with: scratch, &violations) }
    }

    private func fold(into scratch: EventLog) throws -> ControlState {
        var control = ControlState()
        var isDone = false
        while !isDone {
            var events: [LoggedEvent] = []
            try log.snapshot().forEachEvent(after: control.position) { event in
                events.append(event)
                return events.count < Self.batch
            }
            isDone = events.count < Self.batch
            var writer = try scratch.beginWrite(after: control.position)
            try writer.append(events)
            for event in events {
                apply(event, to: &control)
                let order = event.stream == .none ? nil : control[event.stream].idOrder
                try writer.fold([event], idOrder: order ?? .none)
            }
            try writer.commit()
        }
        return control
    }

    private func compare(
        _ table: String, with scratch: EventLog, _ violations: inout Violations
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
                    leftKey.elementsEqual(rightKey) && leftValue.elementsEqual(rightValue)
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
            "table \(table) has more or fewer than the \(row) entries of "
                + "the fold")
    }
}
