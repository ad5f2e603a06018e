/// Picks batches from the queue in its order: new before changed before retried.
struct BatchPicker {
    private var fresh: ArraySlice<RecordRow>
    private var groups: ArraySlice<[RecordRow]>
    let nextDue: LogTime?

    init(rows: CoreRows, order: IDOrder) {
        fresh = ArraySlice(rows.waiting)
        groups = ArraySlice(Self.groups(rows, order))
        nextDue = rows.nextDue
    }

    var isEmpty: Bool { fresh.isEmpty && groups.isEmpty }

    /// Whether the next batch is a record that may crash the program.
    var nextIsAlone: Bool {
        (fresh.first ?? groups.first?.first)?.isCrashSuspect == true
    }

    struct Batch {
        let asked: [RequestIntended.Asked]
        let isAlone: Bool
        /// What put its first record into the queue.
        let cause: Position
    }

    /// The next batch of at most `most` records; there must be one.
    mutating func take(_ most: Int) -> Batch {
        let isAlone = nextIsAlone
        let batch: ArraySlice<RecordRow>
        if fresh.isEmpty {
            batch = groups.removeFirst().prefix(most)
        } else {
            batch = isAlone ? fresh.prefix(1) : fresh.prefix(most).prefix { !$0.isCrashSuspect }
            fresh = fresh.dropFirst(batch.count)
        }
        let first = batch[batch.startIndex]
        var cause = first.headerPosition
        if let failed = first.queue?.group, failed != .none { cause = failed }
        return Batch(
            asked: batch.map { RequestIntended.Asked(ordinal: $0.ordinal, id: $0.id) },
            isAlone: isAlone, cause: cause)
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
            let (first, second) = (left[0], right[0])
            if first.turn != second.turn { return first.turn < second.turn }
            if order == .none { return first.ordinal > second.ordinal }
            return order.precedes(second.id, first.id)
        }
    }
}

extension RecordRow {
    fileprivate var isCrashSuspect: Bool { queue?.isCrashSuspect == true }
    fileprivate var turn: UInt8 { queue.map(\.turn) ?? 0 }
}
