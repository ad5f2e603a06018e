internal import EventLog
internal import SyncCore

/// Folds the core rows anew beside a walk over the log, and compares the stored ones with them.
///
/// What events do to records is collected into lists of neighbouring records, in a file; at the end
/// the rows of each list are folded in memory. So memory doesn't grow with the log, and hardly with
/// the records.
final class CoreAudit {
    /// Which records are neighbours: by what the log had when the walk began.
    struct Plan: Equatable {
        private static let mostLists = 256
        private static let leastRecords: UInt32 = 64

        /// How many records each stream had.
        let records: [UInt32]
        private let recordsPerList: UInt32
        /// The first list of each stream, then that of what came later.
        private let firstLists: [Int]

        init(records: [UInt32]) {
            self.records = records
            let all = records.reduce(0) { $0 + UInt64($1) }
            let share = UInt32(clamping: all / UInt64(Self.mostLists) + 1)
            let recordsPerList = max(share, Self.leastRecords)
            self.recordsPerList = recordsPerList
            firstLists = records.reduce(into: [0]) { lists, count in
                let own = (UInt64(count) + UInt64(recordsPerList) - 1) / UInt64(recordsPerList)
                lists.append((lists.last ?? 0) + Int(own))
            }
        }

        /// One for what came later, beside those of each stream.
        var lists: Int { later + 1 }

        private var later: Int { firstLists.last ?? 0 }

        func list(of key: Key) -> Int {
            let index = Int(key.stream.rawValue) - 1
            guard records.indices.contains(index), key.ordinal.rawValue < records[index] else {
                return later
            }
            return firstLists[index] + Int(key.ordinal.rawValue / recordsPerList)
        }

        /// The first record of a list, and how many it may have; nil for that of what came later.
        func range(of list: Int) -> (first: Key, count: Int)? {
            guard list < later else { return nil }
            let index = (firstLists.firstIndex { $0 > list } ?? 1) - 1
            let first = UInt32(list - firstLists[index]) * recordsPerList
            return (
                Key(stream: StreamID(UInt16(index + 1)), ordinal: Ordinal(first)),
                Int(recordsPerList)
            )
        }
    }

    struct Key: Hashable, Comparable {
        let stream: StreamID
        let ordinal: Ordinal

        static func < (left: Key, right: Key) -> Bool {
            (left.stream, left.ordinal) < (right.stream, right.ordinal)
        }
    }

    /// More than these are counted, but not named.
    private static let mostNamed = 20

    let plan: Plan
    private let file: SpillFile
    private let coder = SortedTouchCoder(columns: 0, firstTime: .zero)
    private var buffer: [UInt8] = []
    /// Why nothing is collected any more.
    private var failure: ProjectionError?
    /// What events do could not be written down, which says nothing about the log.
    var hasNoRoom: Bool { failure != nil }
    /// The file is not what was written to it, which says nothing about the log.
    private(set) var hasLostFile = false

    /// - Parameters:
    ///   - path: of the file to collect in.
    ///   - state: where an earlier one of the same plan stood; nil begins anew.
    init(
        _ plan: Plan, path: String, resuming state: SpillFile.State? = nil
    ) throws(ProjectionError) {
        self.plan = plan
        file = try SpillFile(path, lists: plan.lists, resuming: state)
    }

    /// Collects what an event does.
    func take(_ event: LoggedEvent) {
        guard failure == nil else { return }
        do throws(ProjectionError) {
            try event.event.forEachTouchedRow { ordinal, touch throws(ProjectionError) in
                buffer.removeAll(keepingCapacity: true)
                buffer.append(varint: UInt64(event.stream.rawValue))
                coder.append(
                    SortedTouch(
                        ordinal: ordinal, position: event.position, time: event.time, touch: touch,
                        values: nil), from: Ordinal(0), to: &buffer)
                try file.append(
                    buffer, to: plan.list(of: Key(stream: event.stream, ordinal: ordinal)))
            }
        } catch {
            failure = error
        }
    }

    /// Writes what was collected; what is returned leads back to this moment.
    ///
    /// - Returns: nil when it could not be written: then there is nothing to go on with.
    func flush() -> SpillFile.State? {
        guard failure == nil else { return nil }
        do throws(ProjectionError) {
            return try file.flush()
        } catch {
            failure = error
            return nil
        }
    }

    // MARK: Comparing

    /// The rows of a snapshot that aren't the fold of the events, all of which were collected.
    func problems(
        in snapshot: borrowing LogSnapshot, _ control: ControlState
    ) -> [VerifyReport.Problem] {
        var problems: [VerifyReport.Problem] = []
        var differing: UInt64 = 0
        do {
            if let failure { throw failure }
            for list in 0..<plan.lists {
                for (key, row) in try rowsOrLost(of: list, &problems) {
                    guard let difference = difference(row, key, snapshot, control) else { continue }
                    differing += 1
                    if problems.count < Self.mostNamed { problems.append(difference) }
                }
            }
        } catch {
            problems.append(
                problem("the rows could not be compared with the events: \(error)"))
        }
        if differing > UInt64(problems.count) {
            problems.append(problem("\(differing) rows are not what the events make of them"))
        }
        return problems
    }

    private func rowsOrLost(
        of list: Int, _ problems: inout [VerifyReport.Problem]
    ) throws(ProjectionError) -> [(Key, RecordRow)] {
        do throws(ProjectionError) {
            return try rows(of: list, &problems)
        } catch {
            hasLostFile = true
            throw error
        }
    }

    /// The rows of one list, in their order.
    private func rows(
        of list: Int, _ problems: inout [VerifyReport.Problem]
    ) throws(ProjectionError) -> [(Key, RecordRow)] {
        let range = plan.range(of: list)
        // Neighbours lie side by side; of what came later nobody knows how much it is.
        var near: [RecordRow?] = Array(repeating: nil, count: range?.count ?? 0)
        var later: [Key: RecordRow] = [:]
        try forEachTouch(of: list) { key, touch in
            let index = range.map { Int(key.ordinal.rawValue &- $0.first.ordinal.rawValue) }
            let before = index.map { near[$0] } ?? later[key]
            let row = applyRow(before, touch.touch, position: touch.position, time: touch.time)
            if row == nil, problems.count < Self.mostNamed {
                problems.append(
                    VerifyReport.Problem(
                        .events, position: touch.position,
                        text: "it names record number \(key.ordinal.rawValue), which no page listed"
                    ))
            }
            if let index { near[index] = row } else { later[key] = row }
        }
        guard let range else { return later.sorted { $0.key < $1.key } }
        return near.compactMap { row in
            row.map { (Key(stream: range.first.stream, ordinal: $0.ordinal), $0) }
        }
    }

    private func forEachTouch(
        of list: Int, _ body: (Key, SortedTouch) -> Void
    ) throws(ProjectionError) {
        try file.forEachBlock(of: list) { block throws(ProjectionError) in
            var reader = ColumnValuesCoder.Reader(bytes: block, offset: 0)
            while !reader.isAtEnd {
                guard let stream = reader.varint().flatMap({ UInt16(exactly: $0) }),
                    let touch = coder.next(&reader, from: Ordinal(0)),
                    case let key = Key(stream: StreamID(stream), ordinal: touch.ordinal),
                    plan.list(of: key) == list
                else { throw .damaged(projection: "core rows", reason: "a list of their fold") }
                body(key, touch)
            }
        }
    }

    private func difference(
        _ row: RecordRow, _ key: Key, _ snapshot: borrowing LogSnapshot, _ control: ControlState
    ) -> VerifyReport.Problem? {
        let text: String
        do throws(EventLogError) {
            let stored = try snapshot.row(key.stream, key.ordinal)
            if stored == row { return nil }
            text = stored == nil ? "has no row" : "has another row than its events make"
        } catch {
            text = "can't be read: \(error)"
        }
        let name = control.streams.first { $0.id == key.stream }?.name ?? "?"
        return problem("stream \(name): record \(row.id) \(text)")
    }

    private func problem(_ text: String) -> VerifyReport.Problem {
        VerifyReport.Problem(.rows, position: nil, text: text)
    }
}
