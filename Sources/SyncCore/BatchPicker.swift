/// Picks batches from the queue in its order: new before changed before retried.
struct BatchPicker {
    private var fresh: ArraySlice<RecordRow>
    private var groups: ArraySlice<[RecordRow]>
    let nextDue: LogTime?

    init(rows: CoreRows, order: IDOrder) {
        fresh = rows.waiting[...]
        groups = Self.groups(rows, order)[...]
        nextDue = rows.nextDue
    }

    var isEmpty: Bool { fresh.isEmpty && groups.isEmpty }

    /// Whether the next batch is a record that may crash the program.
    var nextIsAlone: Bool {
        (fresh.first ?? groups.first?.first)?.queue?.isCrashSuspect ?? false
    }

    struct Batch {
        let asked: [RequestIntended.Asked]
        let isAlone: Bool
        /// What put its first record into the queue.
        let cause: Position
    }

    /// The next batch of at most `most` records; nil when nothing is due.
    mutating func take(_ most: Int) -> Batch? {
        let batch: ArraySlice<RecordRow>
        let isAlone = nextIsAlone
        if !fresh.isEmpty {
            batch = isAlone ? fresh.prefix(1) : fresh.prefix(most).prefix { !$0.isCrashSuspect }
            fresh = fresh.dropFirst(batch.count)
        } else if let group = groups.popFirst() {
            batch = group.prefix(most)
        } else {
            return nil
        }
        guard let first = batch.first else { return nil }
        let failed = first.queue?.group ?? .none
        return Batch(
            asked: batch.map { RequestIntended.Asked(ordinal: $0.ordinal, id: $0.id) },
            isAlone: isAlone, cause: failed == .none ? first.headerPosition : failed)
    }

    /// The groups that are due, newest identity first, those that were put back last; they are
    /// asked for as they failed, but for records that may crash the program.
    private static func groups(_ rows: CoreRows, _ order: IDOrder) -> [[RecordRow]] {
        var groups: [[RecordRow]] = []
        for row in rows.retries {
            if let last = groups.last?.first, last.queue?.group == row.queue?.group,
                last.queue?.part == row.queue?.part, !row.isCrashSuspect, !last.isCrashSuspect
            {
                groups[groups.count - 1].append(row)
            } else {
                groups.append([row])
            }
        }
        if rows.retriesAreCut, groups.count > 1 { groups.removeLast() }
        return groups.sorted { left, right in
            guard let first = left.first, let second = right.first else { return false }
            let (turn, other) = (first.queue?.turn ?? 0, second.queue?.turn ?? 0)
            if turn != other { return turn < other }
            if order == .none { return first.ordinal > second.ordinal }
            return order.precedes(second.id, first.id)
        }
    }
}

extension RecordRow {
    fileprivate var isCrashSuspect: Bool { queue?.isCrashSuspect ?? false }
}
