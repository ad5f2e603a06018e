internal import EventLog
internal import Records
internal import SyncCore

/// Folds the rows of a stream from the log's first event on, each row at once, in the order of
/// records: by external sort.
///
/// What events do to records is collected in the log's order into lists of neighbouring records,
/// on the disk; then the rows of each list are folded in memory. So every event is read once, and
/// nothing grows with the log but the file.
final class Refold {
    /// How the columns' total changed with one event of a record.
    struct TotalChange {
        let position: Position
        let before: ExactDecimal?
        let after: ExactDecimal?
    }

    /// What is folded, and up to where.
    struct Plan: Equatable {
        let stream: StreamID
        /// How many records the stream has at the end.
        let records: UInt32
        let end: Position
        /// The time of the log's first event, from which times are counted.
        let firstTime: LogTime

        init(stream: StreamID, records: UInt32, end: Position, firstTime: LogTime) {
            self.stream = stream
            self.records = records
            self.end = end
            self.firstTime = firstTime
        }

        /// - Parameter control: the log's state at the event after which the rows are wanted.
        init(
            _ stream: String, at control: ControlState, _ snapshot: borrowing LogSnapshot
        ) throws(EventLogError) {
            let state = control.stream(named: stream)
            self.init(
                stream: state?.id ?? .none, records: state?.nextOrdinal.rawValue ?? 0,
                end: control.position,
                firstTime: try snapshot.event(at: Position(1), bodies: .none)?.time ?? .zero)
        }
    }

    /// Lists at the most; each needs a block of memory.
    private static let mostLists = 2_048
    private static let leastRecords: UInt32 = 64
    /// So many events are read out of one snapshot, or so many bytes of records.
    private static let mostEvents = 4_096
    private static let mostBytes = 1 << 20

    private let projection: RecordProjection
    private let log: EventLog
    private let plan: Plan
    private let recordsPerList: UInt32
    private let coder: SortedTouchCoder
    private let file: SpillFile
    /// Records that were asked for, until something ends that: it mostly comes soon, and then there
    /// is nothing to be folded.
    private var asked: OrdinalSet
    /// Of the touch that is being collected; its memory is used again.
    private var bytes: [UInt8] = []
    let lists: Int
    /// The last event that was collected.
    private(set) var position: Position

    /// - Parameters:
    ///   - path: of the file to collect in.
    ///   - resuming: where an earlier one of the same plan stood; nil begins anew.
    init(
        _ projection: RecordProjection, _ log: EventLog, _ plan: Plan, path: String,
        resuming: (position: Position, file: SpillFile.State)? = nil
    ) throws(ProjectionError) {
        self.projection = projection
        self.log = log
        self.plan = plan
        let share = plan.records / UInt32(Self.mostLists) + 1
        recordsPerList = max(share, Self.leastRecords)
        lists = Int((UInt64(plan.records) + UInt64(recordsPerList) - 1) / UInt64(recordsPerList))
        coder = SortedTouchCoder(
            columns: projection.mapping.columns.count, firstTime: plan.firstTime)
        position = resuming?.position ?? .none
        asked = OrdinalSet(count: plan.records)
        file = try SpillFile(path, lists: lists, resuming: resuming?.file)
    }

    private func first(of list: Int) -> Ordinal { Ordinal(UInt32(list) * recordsPerList) }

    // MARK: Collecting

    /// Collects more events; those after the end are left alone.
    ///
    /// - Parameter events: at most about so many.
    /// - Returns: false when all are collected.
    func collect(atMost events: Int) throws -> Bool {
        var left = events
        while position < plan.end, left > 0 {
            let before = position
            try collectSome()
            left -= Int(position.rawValue - before.rawValue)
            guard position > before else { break }
        }
        if position >= plan.end { try collectAsked() }
        return position < plan.end
    }

    /// Writes what was collected; what is returned leads back to this moment.
    func flush() throws(ProjectionError) -> SpillFile.State {
        try collectAsked()
        return try file.flush()
    }

    private func collectSome() throws {
        var (events, bytes) = (0, 0)
        var failure: ProjectionError?
        let snapshot = try log.snapshot()
        try snapshot.forEachEntry(after: position) { entry throws(EventLogError) in
            guard entry.position <= plan.end else { return false }
            if entry.header.stream == plan.stream, entry.header.type?.touchesRows ?? true {
                let event = try entry.event()
                bytes += entry.storedBytes
                do throws(ProjectionError) {
                    try collect(event)
                } catch {
                    failure = error
                    return false
                }
            }
            position = entry.position
            events += 1
            return events < Self.mostEvents && bytes < Self.mostBytes
        }
        if let failure { throw failure }
    }

    private func collect(_ event: LoggedEvent) throws(ProjectionError) {
        try event.event.forEachTouchedRow { ordinal, touch throws(ProjectionError) in
            guard ordinal.rawValue < plan.records else {
                throw .noRow(
                    projection: projection.name, position: event.position, ordinal: ordinal)
            }
            if case .asked = touch {
                asked.insert(ordinal)
                return
            }
            if touch.endsFlight { asked.remove(ordinal) }
            let values: [ColumnValue?]?
            do throws(RecordsError) {
                values = try projection.values(of: touch)
            } catch {
                throw .fold(
                    projection: projection.name, position: event.position,
                    reason: "record #\(ordinal.rawValue): \(error)")
            }
            try append(
                SortedTouch(
                    ordinal: ordinal, position: event.position, time: event.time, touch: touch,
                    values: values))
        }
    }

    private func collectAsked() throws(ProjectionError) {
        for ordinal in asked.removeAll() {
            try append(
                SortedTouch(
                    ordinal: ordinal, position: position, time: plan.firstTime,
                    touch: .asked(RequestIntended.Asked(ordinal: ordinal, id: RecordID(""))),
                    values: nil))
        }
    }

    private func append(_ touch: SortedTouch) throws(ProjectionError) {
        let list = Int(touch.ordinal.rawValue / recordsPerList)
        bytes.removeAll(keepingCapacity: true)
        coder.append(touch, from: first(of: list), to: &bytes)
        try file.append(bytes, to: list)
    }

    // MARK: Folding

    /// The rows of one list, in the order of records.
    ///
    /// - Parameter change: is told what each event did to the total, those of one record in the
    ///   log's order.
    func rows(
        of list: Int, change: (TotalChange) throws(ProjectionError) -> Void
    ) throws(ProjectionError) -> [RecordView] {
        let first = first(of: list)
        var views: [RecordView?] = Array(repeating: nil, count: Int(recordsPerList))
        try file.forEachBlock(of: list) { block throws(ProjectionError) in
            var reader = ColumnValuesCoder.Reader(bytes: block, offset: 0)
            while !reader.isAtEnd {
                guard let touch = coder.next(&reader, from: first),
                    views.indices.contains(Int(touch.ordinal.rawValue - first.rawValue))
                else {
                    throw .damaged(projection: projection.name, reason: "a list of its rebuild")
                }
                let index = Int(touch.ordinal.rawValue - first.rawValue)
                let old = touch.bringsText ? projection.addend(views[index]) : nil
                guard projection.fold(&views[index], touch) else {
                    throw .noRow(
                        projection: projection.name, position: touch.position,
                        ordinal: touch.ordinal)
                }
                guard touch.bringsText else { continue }
                let new = projection.addend(views[index])
                guard old != new || old?.scale != new?.scale else { continue }
                try change(TotalChange(position: touch.position, before: old, after: new))
            }
        }
        return views.compactMap { $0 }
    }
}

extension EventType {
    /// Whether events of this kind change rows.
    fileprivate var touchesRows: Bool {
        switch self {
        case .pageFetched, .requestIntended, .detailsFetched, .detailsRequeued, .requestAbandoned,
            .recordParked, .queueRetried, .queueDropped, .redacted:
            true
        case .storeBound, .streamDeclared, .clockAnchored, .runRequested, .runStarted, .runResumed,
            .passOpened, .passAbandoned, .healthChecked, .rateLimited, .requestFailed,
            .backoffApplied, .passCompleted, .cancelRequested, .storageMeasured, .runStopping,
            .runCompleted, .runInterrupted, .limitLearned, .limitsForgotten, .logCompacted,
            .dictionaryTrained, .alertsEvaluated, .alertRaised, .alertRecovered, .alertDelivered,
            .healthRequested:
            false
        }
    }
}
