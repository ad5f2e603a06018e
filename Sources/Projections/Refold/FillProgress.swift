internal import EventLog
internal import SyncCore

/// How far the filling of a generation is: enough to go on with it after a kill.
struct FillProgress: Equatable {
    let plan: Refold.Plan
    /// Of the log at its end.
    let mark: [UInt8]
    /// The last event that was collected, and the file then.
    var collected = Position.none
    var sort: SpillFile.State
    /// Lists whose rows are stored, and the file of the changes of the total then.
    var lists = 0
    var totals: SpillFile.State
}

/// Stored as a text with its length and numbers of 8 bytes, big-endian, with a checksum over all
/// of it before.
extension FillProgress {
    private static let key: [UInt8] = Array("fill".utf8)

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        ColumnValuesCoder.append(text: mark, to: &bytes)
        for number in [
            UInt64(plan.stream.rawValue), UInt64(plan.records), plan.end.rawValue,
            UInt64(bitPattern: plan.firstTime.rawValue), collected.rawValue, UInt64(lists),
        ] { bytes.append(bigEndian: number) }
        for state in [sort, totals] { state.append(to: &bytes) }
        return SealedValue.seal(bytes, for: Self.key)
    }

    /// - Returns: nil for anything but what `encoded` makes.
    init?(encoded bytes: [UInt8]) {
        let parsed = bytes.withUnsafeBytes { raw -> FillProgress? in
            Self.key.withUnsafeBytes { key in
                SealedValue.open(raw, for: key).flatMap { FillProgress(parsing: $0) }
            }
        }
        guard let parsed else { return nil }
        self = parsed
    }

    private init?(parsing bytes: UnsafeRawBufferPointer) {
        var reader = ColumnValuesCoder.Reader(bytes: bytes, offset: 0)
        guard let mark = reader.text(),
            let stream = reader.number().flatMap({ UInt16(exactly: $0) }),
            let records = reader.number().flatMap({ UInt32(exactly: $0) }),
            let end = reader.number(), let firstTime = reader.number(),
            let collected = reader.number(), let lists = reader.number(),
            let sort = SpillFile.State(&reader), let totals = SpillFile.State(&reader),
            reader.isAtEnd
        else { return nil }
        self.init(
            plan: Refold.Plan(
                stream: StreamID(stream), records: records, end: Position(end),
                firstTime: LogTime(nanoseconds: Int64(bitPattern: firstTime))),
            mark: mark,
            collected: Position(collected), sort: sort, lists: Int(clamping: lists),
            totals: totals)
    }
}

extension SpillFile.State {
    func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: length)
        bytes.append(bigEndian: UInt64(last.count))
        for place in last { bytes.append(bigEndian: place) }
    }

    init?(_ reader: inout ColumnValuesCoder.Reader) {
        guard let length = reader.number(), let count = reader.number(), count <= 1 << 16 else {
            return nil
        }
        self.init(lists: 0)
        self.length = length
        for _ in 0..<count {
            guard let place = reader.number() else { return nil }
            last.append(place)
        }
    }
}
