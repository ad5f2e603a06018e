internal import EventLog
internal import SyncCore

/// What some neighbouring events have in common: enough to see that none of them is wanted.
struct HistoryZone: Sendable, Equatable {
    /// How many events are alike in what filters look at, and what they take.
    struct Cell: Sendable, Equatable {
        let key: Key
        var events: UInt64 = 0
        var bytes: UInt64 = 0
    }

    /// What filters look at without a record's or a run's name.
    struct Key: Sendable, Hashable {
        let type: UInt16
        let stream: StreamID
        let endpoint: Endpoint?
        /// Nil for an event without an answer, 0 where none came.
        let status: UInt16?
    }

    let first: Position
    var last: Position
    var earliest: LogTime
    var latest: LogTime
    /// The runs of the events; the lowest and the highest one when there are many.
    var runs: Runs
    var cells: [Cell] = []

    enum Runs: Sendable, Equatable {
        case each([Position])
        case between(Position, Position)

        static let mostNamed = 8

        func mayHave(_ run: Position) -> Bool {
            switch self {
            case .each(let runs): runs.contains(run)
            case .between(let low, let high): low <= run && run <= high
            }
        }

        mutating func insert(_ run: Position) {
            switch self {
            case .each(let runs):
                if runs.contains(run) { return }
                if runs.count < Self.mostNamed {
                    self = .each(runs + [run])
                } else {
                    let all = runs + [run]
                    self = .between(all.min() ?? run, all.max() ?? run)
                }
            case .between(let low, let high): self = .between(min(low, run), max(high, run))
            }
        }
    }

    init(first: Position, time: LogTime) {
        self.first = first
        last = Position(first.rawValue - 1)
        earliest = time
        latest = time
        runs = .each([])
    }

    var events: UInt64 { last.rawValue - first.rawValue + 1 }

    mutating func take(_ event: LoggedEvent, _ key: Key, bytes: Int) {
        last = event.position
        earliest = min(earliest, event.time)
        latest = max(latest, event.time)
        runs.insert(event.run)
        var index = cells.firstIndex { $0.key == key }
        if index == nil {
            index = cells.count
            cells.append(Cell(key: key))
        }
        guard let index else { return }
        cells[index].events += 1
        cells[index].bytes += UInt64(bytes)
    }
}

/// Stored under its first position as numbers: the span of positions, the times, the runs with how
/// many there are (0: lowest and highest follow), then a cell each until the end.
extension HistoryZone {
    var encoded: [UInt8] {
        var writer = FieldWriter()
        writer.varint(last.rawValue - first.rawValue)
        writer.zigzag(earliest.rawValue)
        writer.zigzag(latest.rawValue)
        let (count, named): (Int, [Position]) =
            switch runs {
            case .each(let runs): (runs.count, runs)
            case .between(let low, let high): (0, [low, high])
            }
        writer.varint(UInt64(count))
        for run in named { writer.varint(run.rawValue) }
        for cell in cells {
            writer.varint(UInt64(cell.key.type))
            writer.varint(UInt64(cell.key.stream.rawValue))
            writer.varint(UInt64(cell.key.endpoint?.rawValue ?? 0))
            writer.varint(cell.key.status.map { UInt64($0) + 1 } ?? 0)
            writer.varint(cell.events)
            writer.varint(cell.bytes)
        }
        return writer.bytes
    }

    init(_ first: Position, _ reader: inout FieldReader) throws(FieldError) {
        self.first = first
        last = Position(first.rawValue &+ (try reader.varint()))
        earliest = LogTime(nanoseconds: try reader.zigzag())
        latest = LogTime(nanoseconds: try reader.zigzag())
        let count: UInt8 = try reader.narrow(try reader.varint())
        var named: [Position] = []
        for _ in 0..<(count == 0 ? 2 : count) { named.append(Position(try reader.varint())) }
        runs = count == 0 ? .between(named[0], named[1]) : .each(named)
        while !reader.isAtEnd {
            let type: UInt16 = try reader.narrow(try reader.varint())
            let stream: UInt16 = try reader.narrow(try reader.varint())
            let endpoint: UInt8 = try reader.narrow(try reader.varint())
            let status: UInt32 = try reader.narrow(try reader.varint())
            let key = Key(
                type: type, stream: StreamID(stream), endpoint: Endpoint(rawValue: endpoint),
                status: status == 0 ? nil : UInt16(truncatingIfNeeded: status - 1))
            cells.append(
                Cell(key: key, events: try reader.varint(), bytes: try reader.varint()))
        }
    }
}
